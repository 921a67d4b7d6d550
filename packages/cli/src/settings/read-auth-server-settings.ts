import type { DatabaseFacts, Policy } from '@countersign/auth-server';
import { isAAuthError, loadTrustRoots, type TrustRoots } from '@countersign/protocol';
import { readFileSync } from 'node:fs';
import { CommandError, UsageError } from '../command-error.js';
import { readTrustedProxies, type TrustedProxies } from '../http/client-address.js';
import { type DevelopmentUser, readDevelopmentUsers } from '../options/development-users.js';
import { environmentValue } from '../options/environment.js';
import { readAddress, readIdentifier } from '../options/identifier.js';
import { authServerSettings, type AuthServerValues } from './auth-server-settings.js';
import { checkValues } from './check-values.js';
import { readConfigurationFile } from './configuration-file.js';
import { type AllGiven, fromFlag, fromVariable, type Given } from './given.js';
import { insecureDatabase, insecureOnes } from './insecure-settings.js';
import { type AnySetting, flagOf } from './setting.js';
import { shownUrl } from './shown-url.js';

/** The settings of an auth server, all of which have been checked, and what follows from them. */
export interface AuthServerConfiguration {
  readonly values: AuthServerValues;
  readonly given: AllGiven;
  readonly issuer: string;
  readonly port: number;
  readonly users: readonly DevelopmentUser[];
  readonly trustedProxies: TrustedProxies;
  readonly trustedIssuers: readonly string[];
  readonly policy: Policy;
  /** The CAs that `x509Roots` names. */
  readonly x509Roots: TrustRoots | undefined;
  readonly databaseFacts: DatabaseFacts;
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
  const configured = file === undefined ? undefined : readConfigurationFile(file, settings);
  const { given, problems } = gather(flags, configured?.given ?? new Map());
  problems.push(...(configured?.problems ?? []));
  const { z } = await import('./zod-parts.js');
  const checked = checkValues(settings, given, z);
  problems.push(...checked.problems);
  // What depends on other settings is looked at when each is right by itself: otherwise one mistake would be told twice.
  if (problems.length > 0) refuse(problems);
  const values = checked.values as unknown as AuthServerValues;
  const read = await readTogether(values, given, problems);
  const insecure = [
    ...insecureOnes(settings, checked.values, given),
    ...(read === undefined
      ? []
      : insecureDatabase(read.databaseFacts, given.get('database')?.where ?? '--database')),
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
): { readonly given: Map<string, Given>; readonly problems: string[] } {
  const given = new Map<string, Given>();
  const problems: string[] = [];
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
  return { given, problems };
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

type Together = Omit<AuthServerConfiguration, 'values' | 'given' | 'warnings'>;

/** What a setting means beside others. Adds to `problems`. */
async function readTogether(
  values: AuthServerValues,
  given: AllGiven,
  problems: string[],
): Promise<Together | undefined> {
  const { insecureLoopback, trust = [] } = values;
  const where = (name: keyof AuthServerValues): string => given.get(name)?.where ?? flagOf(name);
  const attempt = <T>(work: () => T): T | undefined => {
    try {
      return work();
    } catch (error) {
      if (!(error instanceof CommandError)) throw error;
      problems.push(error.message);
      return undefined;
    }
  };
  const address = attempt(() =>
    readAddress(where('issuer'), { id: values.issuer, port: values.port }, 8003, insecureLoopback),
  );
  const trustedProxies = attempt(() =>
    readTrustedProxies(values.trustedProxy ?? [], where('trustedProxy')),
  );
  const users = attempt(() => readDevelopmentUsers(values.user ?? [], where('user')));
  const trustedIssuers = attempt(() =>
    trust.map((one) => readIdentifier(where('trust'), one, insecureLoopback)),
  );
  if (address !== undefined && trustedIssuers?.includes(address.id) === true) {
    problems.push(
      `${where('trust')} is "${address.id}": that is this server, which trusts itself.`,
    );
  }
  const { authTokenSeconds, refreshIdleSeconds, refreshAbsoluteSeconds } = values;
  if (refreshIdleSeconds > refreshAbsoluteSeconds) {
    problems.push(
      `${where('refreshIdleSeconds')} is ${refreshIdleSeconds}, more than a refresh token lives in all ` +
        `(${where('refreshAbsoluteSeconds')}, ${refreshAbsoluteSeconds}).`,
    );
  }
  if (authTokenSeconds > refreshAbsoluteSeconds) {
    problems.push(
      `${where('authTokenSeconds')} is ${authTokenSeconds}, more than a refresh token lives in all ` +
        `(${where('refreshAbsoluteSeconds')}, ${refreshAbsoluteSeconds}).`,
    );
  }
  const { readDatabaseUrl, StorageConfigurationError } = await import('@countersign/auth-server');
  const databaseFacts = attempt(() => {
    try {
      return readDatabaseUrl(values.database);
    } catch (error) {
      if (!(error instanceof StorageConfigurationError)) throw error;
      throw new UsageError(
        `${where('database')} is "${shownUrl(values.database)}": ${error.message}`,
      );
    }
  });
  const roots = await readRoots(values.x509Roots, where('x509Roots')).catch((error: unknown) => {
    if (!(error instanceof CommandError)) throw error;
    problems.push(error.message);
    return undefined;
  });
  const { readPolicy } = await import('../options/policy.js');
  const policy = attempt(() =>
    readPolicy({ ...values, where: where('policy') }, trustedIssuers ?? trust, insecureLoopback),
  );
  if (address === undefined || trustedProxies === undefined || users === undefined)
    return undefined;
  if (trustedIssuers === undefined || policy === undefined || databaseFacts === undefined) {
    return undefined;
  }
  const { id: issuer, port } = address;
  return {
    issuer,
    port,
    users,
    trustedProxies,
    trustedIssuers,
    policy,
    databaseFacts,
    x509Roots: roots,
  };
}

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

async function readRoots(file: string | undefined, where: string): Promise<TrustRoots | undefined> {
  if (file === undefined) return undefined;
  const refuse = (why: string): never => {
    throw new UsageError(`${where} is "${file}": ${why}`);
  };
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch {
    return refuse('it cannot be read.');
  }
  const certificates = text.match(CERTIFICATE) ?? [];
  if (certificates.length === 0) return refuse('there is no PEM certificate in it.');
  try {
    return await loadTrustRoots(certificates);
  } catch (error) {
    if (isAAuthError(error, 'configuration_invalid')) return refuse(error.message);
    throw error;
  }
}
