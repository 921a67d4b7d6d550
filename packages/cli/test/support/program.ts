import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll } from 'vitest';
import { SecretWatch } from '../../../auth-server/test/secrets.js';

/** The compiled program, as it is installed. */
export const PROGRAM = fileURLToPath(new URL('../../bin/countersign.js', import.meta.url));

const DEADLINE_MS = 45_000;

/** A folder that goes when the tests of the file are over; programs run in it, so that nothing else is written to. */
export const folder = mkdtempSync(join(tmpdir(), 'countersign-cli-'));
/** Secrets of the file's programs and persons; none may stand in what a server writes. */
export const secrets = new SecretWatch();
const running = new Set<ChildProcess>();
const writtenSoFar = new Map<ChildProcess, () => string>();
afterAll(() => {
  for (const written of writtenSoFar.values()) secrets.printed(written());
  for (const child of running) child.kill('SIGKILL');
  for (const name of readdirSync(folder).filter((one) => one.endsWith('.json'))) {
    secrets.secretsIn(readFileSync(join(folder, name), 'utf8'));
  }
  rmSync(folder, { recursive: true, force: true });
  secrets.check();
});

/** What a program is told that nobody else may learn: passwords on its command line, in variables, typed in. */
export function noteSecrets(args: readonly string[], { env = {}, input }: RunOptions): void {
  for (const [at, value] of args.entries()) {
    if (args[at - 1] === '--user') secrets.secret('password', value.replace(/^[^:]*:/, ''));
  }
  for (const text of [...args, ...Object.values(env)]) {
    secrets.secret('database password', /^postgres(?:ql)?:\/\/[^:/@]*:([^@]+)@/.exec(text)?.[1]);
  }
  secrets.secret('password', env['COUNTERSIGN_PASSWORD']);
  if (args[0] === 'user') secrets.secret('password', input?.trim());
}

/** Only servers keep secrets, and not with `--trace`, which is there to show them. */
const keepsSecrets = (args: readonly string[]): boolean =>
  args[0] === 'serve' && !args.includes('--trace');

export interface RunOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** Standard input; without it there is none. */
  readonly input?: string;
  /** Leave standard input open, for {@link Running.type}. */
  readonly open?: boolean;
  /** The first file of the program; default {@link PROGRAM}. */
  readonly program?: string;
  /** After how many milliseconds {@link run} gives up; default 45,000. */
  readonly deadline?: number;
}

export interface Result {
  readonly code: number | null;
  readonly signal: string | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Running {
  readonly stdout: () => string;
  readonly stderr: () => string;
  /** Waits until standard error has it, and returns what was found. */
  see(pattern: RegExp): Promise<RegExpExecArray>;
  type(line: string): void;
  kill(signal: 'SIGTERM' | 'SIGINT' | 'SIGKILL'): void;
  readonly ended: Promise<Result>;
}

/** The environment of a program: nothing of the tests' own, and what else it is given. */
export function environment(extra: RunOptions['env'] = {}): Record<string, string | undefined> {
  const inherited = Object.entries(process.env).filter(
    ([name]) => !/^(?:COUNTERSIGN_|VITEST|NODE_OPTIONS$|FORCE_COLOR$)/.test(name),
  );
  return { ...Object.fromEntries(inherited), ...extra };
}

/** Starts `countersign` with these arguments. */
export function start(args: readonly string[], options: RunOptions = {}): Running {
  const { env, input, open = false, program = PROGRAM } = options;
  noteSecrets(args, options);
  const child = spawn(process.execPath, [program, ...args], {
    cwd: folder,
    env: environment(env),
    stdio: [open || input !== undefined ? 'pipe' : 'ignore', 'pipe', 'pipe'],
  });
  running.add(child);
  if (keepsSecrets(args)) writtenSoFar.set(child, () => stdout + stderr);
  let stdout = '';
  let stderr = '';
  const watchers = new Set<() => void>();
  child.stdout!.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr!.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
    for (const watcher of watchers) watcher();
  });
  if (input !== undefined) child.stdin!.end(input);
  const ended = new Promise<Result>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => {
      running.delete(child);
      if (!keepsSecrets(args)) secrets.secretsIn(stdout + stderr);
      resolve({ code, signal, stdout, stderr });
      for (const watcher of watchers) watcher();
    });
  });
  const command = `countersign ${args.join(' ')}`;
  return {
    stdout: () => stdout,
    stderr: () => stderr,
    ended,
    type: (line) => child.stdin!.write(`${line}\n`),
    kill: (signal) => child.kill(signal),
    see: (pattern) =>
      new Promise((resolve, reject) => {
        const settle = (error?: Error, found?: RegExpExecArray): void => {
          clearTimeout(timer);
          watchers.delete(look);
          if (found === undefined) reject(error ?? new Error('nothing was found'));
          else resolve(found);
        };
        const look = (): void => {
          const found = pattern.exec(stderr);
          if (found !== null) settle(undefined, found);
          else if (!running.has(child)) {
            settle(new Error(`${command} ended without ${pattern}:\n${stderr}`));
          }
        };
        const timer = setTimeout(
          () => settle(new Error(`${command} did not say ${pattern}:\n${stderr}`)),
          DEADLINE_MS,
        );
        watchers.add(look);
        look();
      }),
  };
}

/** Runs `countersign` to its end; one that does not end is killed at the deadline. */
export async function run(args: readonly string[], options: RunOptions = {}): Promise<Result> {
  const program = start(args, options);
  const timer = setTimeout(() => program.kill('SIGKILL'), options.deadline ?? DEADLINE_MS);
  try {
    return await program.ended;
  } finally {
    clearTimeout(timer);
  }
}

/** The URL that stands alone on the line after `Open this URL to approve:`. */
export async function urlToApprove(program: Running): Promise<string> {
  const [, url = ''] = await program.see(/^Open this URL to approve:\n(\S+)\n/m);
  return url;
}
