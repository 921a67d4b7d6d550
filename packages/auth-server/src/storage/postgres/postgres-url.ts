import { readFileSync } from 'node:fs';
import { isIPv4 } from 'node:net';
import { checkServerIdentity, type ConnectionOptions } from 'node:tls';
import { StorageConfigurationError } from '../storage-error.js';

/** What a `postgres:` URL says. Undefined where it says nothing. */
export interface PostgresAddress {
  /** A host name, an address, or the directory of a Unix socket. */
  readonly host: string;
  readonly port: number;
  readonly user: string | undefined;
  readonly password: string | undefined;
  readonly database: string | undefined;
  readonly tls: ConnectionOptions | false;
  readonly applicationName: string | undefined;
  readonly limits: {
    readonly poolSize?: number;
    readonly connectTimeoutMilliseconds?: number;
    readonly statementTimeoutMilliseconds?: number;
  };
}

const SETTINGS = [
  'host',
  'sslmode',
  'sslrootcert',
  'sslcert',
  'sslkey',
  'application_name',
  'pool_size',
  'connect_timeout',
  'statement_timeout',
];

/**
 * Reads `postgres://USER:PASSWORD@HOST:PORT/DATABASE?SETTING=…`. Unless the host is this machine, the connection is
 * encrypted and the server's certificate verified; only `sslmode=disable` and `sslmode=no-verify` change that. Throws a
 * `StorageConfigurationError` that repeats nothing of the URL but the names of settings.
 */
export function readPostgresUrl(text: string): PostgresAddress {
  const url = parse(text);
  const settings = readSettings(url.searchParams);
  const host = settings.get('host') ?? unbracketed(url.hostname);
  return {
    host: host === '' ? 'localhost' : host,
    port: url.port === '' ? 5432 : Number(url.port),
    user: decoded(url.username),
    password: decoded(url.password),
    database: decoded(url.pathname.slice(1)),
    tls: readTls(settings, host),
    applicationName: settings.get('application_name'),
    limits: {
      ...readNumber(settings, 'pool_size', (poolSize) => ({ poolSize })),
      ...readNumber(settings, 'connect_timeout', (seconds) => ({
        connectTimeoutMilliseconds: seconds * 1000,
      })),
      ...readNumber(settings, 'statement_timeout', (statementTimeoutMilliseconds) => ({
        statementTimeoutMilliseconds,
      })),
    },
  };
}

function parse(text: string): URL {
  try {
    return new URL(text);
  } catch {
    // The cause would hold the URL with its password.
    throw new StorageConfigurationError(
      'The URL of the database cannot be read. Write postgres://USER:PASSWORD@HOST:PORT/DATABASE, ' +
        'with % and two hexadecimal digits for characters such as @ / : # in the password.',
    );
  }
}

function readSettings(parameters: URLSearchParams): ReadonlyMap<string, string> {
  const settings = new Map<string, string>();
  for (const [name, value] of parameters) {
    if (!SETTINGS.includes(name)) {
      throw new StorageConfigurationError(
        `The URL of the database has the setting ${JSON.stringify(name)}. It may have: ${SETTINGS.join(', ')}.`,
      );
    }
    settings.set(name, value);
  }
  return settings;
}

function readNumber<T>(
  settings: ReadonlyMap<string, string>,
  name: string,
  use: (value: number) => T,
): T | undefined {
  const text = settings.get(name);
  if (text === undefined) return undefined;
  if (!/^[1-9]\d{0,6}$/.test(text)) {
    throw new StorageConfigurationError(
      `${name} in the URL of the database must be a whole number, at least 1.`,
    );
  }
  return use(Number(text));
}

function readTls(settings: ReadonlyMap<string, string>, host: string): ConnectionOptions | false {
  const mode = settings.get('sslmode') ?? (isThisMachine(host) ? 'disable' : 'verify-full');
  switch (mode) {
    case 'disable':
      return false;
    case 'no-verify':
      return { ...certificates(settings), rejectUnauthorized: false };
    // `require` and `verify-ca` verify everything too: encryption to whoever answers protects from nobody in between.
    case 'require':
    case 'verify-ca':
    case 'verify-full':
      return { ...certificates(settings), rejectUnauthorized: true, ...namedAs(host) };
    default:
      throw new StorageConfigurationError(
        'sslmode in the URL of the database must be verify-full, verify-ca or require (which verify the same), ' +
          'no-verify or disable.',
      );
  }
}

/** Said here because drivers before 8.23.1 ask for the name `localhost` when the host is an IP address, whichever that is. */
function namedAs(host: string): ConnectionOptions {
  return { checkServerIdentity: (_name, certificate) => checkServerIdentity(host, certificate) };
}

function certificates(settings: ReadonlyMap<string, string>): ConnectionOptions {
  const files = { ca: 'sslrootcert', cert: 'sslcert', key: 'sslkey' } as const;
  const options: ConnectionOptions = {};
  for (const name of ['ca', 'cert', 'key'] as const) {
    const file = settings.get(files[name]);
    if (file === undefined || file === 'system') continue;
    try {
      options[name] = readFileSync(file, 'utf8');
    } catch (cause) {
      throw new StorageConfigurationError(
        `${files[name]} in the URL of the database names ${file}, which cannot be read.`,
        { cause },
      );
    }
  }
  return options;
}

/** Whether what is sent to that host stays on this machine. */
export function isThisMachine(host: string): boolean {
  if (host === '' || host === 'localhost' || host.startsWith('/')) return true;
  return host === '::1' || (isIPv4(host) && host.startsWith('127.'));
}

function unbracketed(hostname: string): string {
  return hostname.replace(/^\[(.*)\]$/, '$1');
}

function decoded(part: string): string | undefined {
  if (part === '') return undefined;
  try {
    return decodeURIComponent(part);
  } catch {
    throw new StorageConfigurationError(
      'The URL of the database has a % that is not followed by two hexadecimal digits. Write %25 for the sign itself.',
    );
  }
}
