import { Readable } from 'node:stream';
import '../../bin/without-warning.js';
import { runCommand } from '../../src/program.js';
import {
  environment,
  folder,
  noteSecrets,
  type Result,
  type RunOptions,
  secrets,
} from './program.js';

export interface HereOptions extends Pick<RunOptions, 'env' | 'input'> {
  /** Standard input is a terminal, at which `input` is typed. */
  readonly terminal?: boolean;
}

/**
 * Runs `countersign` to its end as `run` does, but in this process: a twentieth of the time that it takes a program to
 * start. For commands that end by themselves; a server that starts would go on, and so would one that waits for a person.
 */
export async function runHere(args: readonly string[], options: HereOptions = {}): Promise<Result> {
  noteSecrets(args, options);
  const result = oneByOne.then(() => inThisProcess(args, options));
  oneByOne = result.catch(() => undefined);
  const { stdout, stderr } = await result;
  secrets.secretsIn(stdout + stderr);
  return await result;
}

/** There is one environment, one standard output and one folder to be in. */
let oneByOne: Promise<unknown> = Promise.resolve();

const SIGNALS = ['SIGTERM', 'SIGINT'] as const;

async function inThisProcess(
  args: readonly string[],
  { env, input, terminal = false }: HereOptions,
): Promise<Result> {
  const written = { stdout: '', stderr: '' };
  const before = { env: process.env, code: process.exitCode, at: process.cwd() };
  const listeners = SIGNALS.map((signal) => process.listeners(signal));
  const restore = [
    capture('stdout', written),
    capture('stderr', written),
    typeIn(input ?? '', terminal),
  ];
  process.env = environment(env);
  process.exitCode = undefined;
  process.chdir(folder);
  try {
    const code = await runCommand(args);
    return { code: code === 0 ? Number(process.exitCode ?? 0) : code, signal: null, ...written };
  } finally {
    process.chdir(before.at);
    process.exitCode = before.code;
    process.env = before.env;
    for (const back of restore) back();
    for (const [index, signal] of SIGNALS.entries()) {
      for (const listener of process.listeners(signal)) {
        if (listeners[index]?.includes(listener) !== true) process.off(signal, listener);
      }
    }
  }
}

function capture(name: 'stdout' | 'stderr', written: Record<typeof name, string>): () => void {
  const stream = process[name];
  const write = stream.write.bind(stream);
  const decoder = new TextDecoder();
  stream.write = ((chunk: string | Uint8Array) => {
    written[name] += typeof chunk === 'string' ? chunk : decoder.decode(chunk, { stream: true });
    return true;
  }) as typeof write;
  return () => {
    stream.write = write;
  };
}

function typeIn(input: string, isTTY: boolean): () => void {
  const value = Object.assign(Readable.from([input]), { isTTY });
  const standard = Object.getOwnPropertyDescriptor(process, 'stdin');
  Object.defineProperty(process, 'stdin', { value, configurable: true });
  return () => {
    if (standard !== undefined) Object.defineProperty(process, 'stdin', standard);
  };
}
