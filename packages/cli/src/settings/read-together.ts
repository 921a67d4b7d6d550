import { isAAuthError, loadTrustRoots, type TrustRoots } from '@countersign/protocol';
import {
  type DatabaseFacts,
  type Policy,
  readDatabaseUrl,
  StorageConfigurationError,
} from '@countersign/auth-server';
import { readFileSync } from 'node:fs';
import { CommandError, UsageError } from '../command-error.js';
import { readTrustedProxies, type TrustedProxies } from '../http/client-address.js';
import { type DevelopmentUser, readDevelopmentUsers } from '../options/development-users.js';
import { readAddress, readIdentifier } from '../options/identifier.js';
import { readPolicy } from '../options/policy.js';
import type { AuthServerValues } from './auth-server-settings.js';
import { type AllGiven, entryOf } from './given.js';
import { flagOf } from './setting.js';
import { shownUrl } from './shown-url.js';

/** What settings mean beside others. */
export interface ReadTogether {
  readonly issuer: string;
  readonly port: number;
  readonly users: readonly DevelopmentUser[];
  readonly trustedProxies: TrustedProxies;
  readonly trustedIssuers: readonly string[];
  readonly policy: Policy;
  readonly policyVersion: string;
  /** The CAs that `x509Roots` names. */
  readonly x509Roots: TrustRoots | undefined;
  readonly databaseFacts: DatabaseFacts;
}

/** What {@link readTogether} has read, and sentences for the operator where that is not everything. */
export interface Reading {
  readonly read: ReadTogether | undefined;
  readonly databaseFacts: DatabaseFacts | undefined;
  readonly problems: readonly string[];
}

type Name = keyof AuthServerValues;

/**
 * Reads what follows from several settings, and reports everything that is wrong. `wrong` are settings that are so by
 * themselves: what depends on one of them is not looked at.
 */
export async function readTogether(
  values: AuthServerValues,
  given: AllGiven,
  wrong: ReadonlySet<string>,
): Promise<Reading> {
  const look = new Look(given, wrong);
  const { insecureLoopback } = values;
  const address = await look.at(['issuer', 'port', 'insecureLoopback'], () =>
    readAddress(
      look.where('issuer'),
      { id: values.issuer, port: values.port },
      8003,
      insecureLoopback,
    ),
  );
  const trustedProxies = await look.each('trustedProxy', values.trustedProxy, [], (one, where) =>
    readTrustedProxies([one], where),
  );
  const users = await look.each('user', values.user, [], (one, where) =>
    readDevelopmentUsers([one], where),
  );
  const trustedIssuers = await look.each(
    'trust',
    values.trust,
    ['insecureLoopback'],
    (one, where) => [trustedIssuer(one, where, address?.id, insecureLoopback)],
  );
  await compareLifetimes(values, look);
  const databaseFacts = await look.at(['database'], () => factsOf(values, look));
  const x509Roots = await look.at(['x509Roots'], async () => ({
    roots: await readRoots(values.x509Roots, look.where('x509Roots')),
  }));
  const decides = await look.at(['policy', 'consent', 'trust', 'insecureLoopback'], () => {
    const trusted = trustedIssuers ?? values.trust ?? [];
    return readPolicy({ ...values, where: look.where('policy') }, trusted, insecureLoopback);
  });
  const nothing = { read: undefined, databaseFacts, problems: look.problems };
  if (address === undefined || trustedProxies === undefined || users === undefined) return nothing;
  if (trustedIssuers === undefined || decides === undefined) return nothing;
  if (databaseFacts === undefined || x509Roots === undefined) return nothing;
  const { id: issuer, port } = address;
  const lists = { users, trustedProxies, trustedIssuers };
  const read = { issuer, port, ...lists, ...decides, databaseFacts, x509Roots: x509Roots.roots };
  return { read, databaseFacts, problems: look.problems };
}

/** Looks at settings and keeps what is wrong with them. */
class Look {
  readonly problems: string[] = [];
  readonly #given: AllGiven;
  readonly #wrong: ReadonlySet<string>;

  constructor(given: AllGiven, wrong: ReadonlySet<string>) {
    this.#given = given;
    this.#wrong = wrong;
  }

  where(name: Name): string {
    return this.#given.get(name)?.where ?? flagOf(name);
  }

  /** What comes of these settings, unless one of them is wrong. */
  async at<T>(names: readonly Name[], work: () => T | Promise<T>): Promise<T | undefined> {
    if (names.some((name) => this.#wrong.has(name))) return undefined;
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof CommandError)) throw error;
      this.problems.push(error.message);
      return undefined;
    }
  }

  /** What comes of every entry of a list, each by itself. */
  async each<T>(
    name: Name,
    entries: readonly string[] = [],
    others: readonly Name[],
    work: (entry: string, where: string) => readonly T[],
  ): Promise<readonly T[] | undefined> {
    const one = this.#given.get(name);
    const all = await Promise.all(
      (this.#wrong.has(name) ? [] : entries).map((entry, index) =>
        this.at(others, () =>
          work(entry, one === undefined ? this.where(name) : entryOf(one, index)),
        ),
      ),
    );
    const read = all.filter((found) => found !== undefined);
    return read.length === all.length && !this.#wrong.has(name) ? read.flat() : undefined;
  }
}

function trustedIssuer(
  value: string,
  where: string,
  own: string | undefined,
  insecureLoopback: boolean,
): string {
  const issuer = readIdentifier(where, value, insecureLoopback);
  if (issuer !== own) return issuer;
  throw new UsageError(`${where} is "${own}": that is this server, which trusts itself.`);
}

/** No token and no idle time may outlive what a refresh token lives in all. */
async function compareLifetimes(values: AuthServerValues, look: Look): Promise<void> {
  for (const name of ['refreshIdleSeconds', 'authTokenSeconds'] as const) {
    await look.at([name, 'refreshAbsoluteSeconds'], () => {
      if (values[name] <= values.refreshAbsoluteSeconds) return;
      throw new UsageError(
        `${look.where(name)} is ${values[name]}, more than a refresh token lives in all ` +
          `(${look.where('refreshAbsoluteSeconds')}, ${values.refreshAbsoluteSeconds}).`,
      );
    });
  }
}

function factsOf({ database }: AuthServerValues, look: Look): DatabaseFacts {
  try {
    return readDatabaseUrl(database);
  } catch (error) {
    if (!(error instanceof StorageConfigurationError)) throw error;
    throw new UsageError(`${look.where('database')} is "${shownUrl(database)}": ${error.message}`);
  }
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
