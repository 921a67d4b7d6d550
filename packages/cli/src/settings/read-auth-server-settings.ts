import { UsageError } from '../command-error.js';
import { environmentValue } from '../options/environment.js';
import { authServerSettings, type AuthServerValues } from './auth-server-settings.js';
import { checkValues } from './check-values.js';
import type { ConfigurationFile } from './configuration-file.js';
import { type AllGiven, fromFlag, fromVariable, type Given } from './given.js';
import { insecureDatabase, insecureOnes } from './insecure-settings.js';
import { readTogether, type ReadTogether } from './read-together.js';
import { type AnySetting, flagOf } from './setting.js';
import { z } from './zod-parts.js';

/** The settings of an auth server, all of which have been checked, and what follows from them. */
export interface AuthServerConfiguration extends ReadTogether {
  readonly values: AuthServerValues;
  readonly given: AllGiven;
  /** What to say at the start, a sentence each. */
  readonly warnings: readonly string[];
}

const settings: Readonly<Record<string, AnySetting>> = authServerSettings;

/**
 * Reads and checks all settings: the command line first, then variables, files that variables name, the configuration
 * file, defaults. Opens and writes nothing. Throws a `UsageError` with everything that is wrong.
 */
export async function readAuthServerSettings(
  flags: Readonly<Record<string, unknown>>,
): Promise<AuthServerConfiguration> {
  const file = text(flags.config) ?? environmentValue('COUNTERSIGN_CONFIG');
  const configured = file === undefined ? undefined : await readFile(file);
  const { given, problems, unread } = gather(flags, configured?.given ?? new Map());
  problems.push(...(configured?.problems ?? []));
  const checked = checkValues(settings, given, z);
  problems.push(...checked.problems);
  const values = checked.values as unknown as AuthServerValues;
  // What a setting means beside others is looked at where all of these are right by themselves: no mistake is told twice.
  const wrong = new Set([...checked.wrong, ...unread]);
  const together = await readTogether(values, given, wrong);
  problems.push(...together.problems);
  const { read, databaseFacts } = together;
  const insecure = [
    ...insecureOnes(settings, checked.values, given),
    ...(databaseFacts === undefined
      ? []
      : insecureDatabase(databaseFacts, given.get('database')?.where ?? '--database')),
  ];
  const exposed =
    configured?.readableByOthers === true &&
    [...given.values()].some(({ source, value }) => source === 'file' && holdsSecret(value, given));
  if (values.preset === 'production') {
    problems.push(...insecure.map(({ refusal }) => refusal));
    if (exposed) problems.push(`${file} holds a secret and others may read it: chmod 600 ${file}.`);
  }
  if (problems.length > 0 || read === undefined) refuse(problems);
  return {
    values,
    given,
    ...read,
    warnings: [
      ...insecure.map(({ warning }) => warning),
      ...(exposed
        ? [`${file} holds a secret, and other accounts of this machine may read it.`]
        : []),
    ],
  };
}

/** Many do without a file, and without what reads YAML. */
async function readFile(file: string): Promise<ConfigurationFile> {
  const { readConfigurationFile } = await import('./configuration-file.js');
  return readConfigurationFile(file, settings);
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

function refuse(problems: readonly string[]): never {
  const [first = '', ...others] = problems;
  throw new UsageError(
    others.length === 0
      ? first
      : `${problems.length} things are wrong with the settings:\n${problems.map((one) => `  - ${one}`).join('\n')}`,
  );
}

function gather(
  flags: Readonly<Record<string, unknown>>,
  configured: ReadonlyMap<string, Given>,
): {
  readonly given: Map<string, Given>;
  readonly problems: string[];
  readonly unread: readonly string[];
} {
  const given = new Map<string, Given>();
  const problems: string[] = [];
  const unread: string[] = [];
  for (const [name, setting] of Object.entries(settings)) {
    try {
      const flag = flags[name];
      const where = setting.flags.startsWith('--no-') ? `--no-${name}` : flagOf(name);
      const one: Given | undefined =
        flag === undefined
          ? (fromVariable(name, setting) ?? configured.get(name))
          : { value: fromFlag(flag, setting), source: 'flag', where };
      if (one !== undefined) given.set(name, one);
    } catch (error) {
      // A file that a variable names and that cannot be read.
      if (!(error instanceof UsageError)) throw error;
      problems.push(error.message);
      unread.push(name);
    }
  }
  if (given.get('preset')?.value === 'development' && !given.has('insecureLoopback')) {
    given.set('insecureLoopback', {
      value: true,
      source: 'default',
      where: `${given.get('preset')?.where} development`,
    });
  }
  if (given.get('preset')?.value === 'production') {
    const where = `${given.get('preset')?.where} production`;
    // A Nonce on every unsafe request (PROTOCOL section 2).
    for (const [name, value] of Object.entries({ log: 'json', requireNonce: true })) {
      if (!given.has(name)) given.set(name, { value, source: 'default', where });
    }
  }
  return { given, problems, unread };
}

function holdsSecret(value: unknown, given: AllGiven): boolean {
  for (const [name, one] of given) {
    if (one.value !== value) continue;
    const setting = settings[name];
    if (setting?.secret === true) return true;
    return (
      typeof value === 'string' && setting?.show !== undefined && setting.show(value) !== value
    );
  }
  return false;
}
