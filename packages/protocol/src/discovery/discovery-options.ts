import type { Clock } from '../clock.js';
import { AAuthError } from '../errors.js';
import type { AdmitHost } from './admit-host.js';
import type { OnDiscoveryLookup } from './discovery-lookup.js';
import type { DocumentFetch, GuardOptions } from './document-fetch.js';

export interface DiscoveryOptions extends GuardOptions {
  readonly clock: Clock;
  /**
   * Replaces the guarded fetch: for tests and special transports. URLs are still held to https (or insecure
   * loopback), but which addresses may be asked is then its business, and `allow` and `hosts` are not looked at.
   */
  readonly fetchDocument?: DocumentFetch;
  /** How long a document is fresh when its host does not say, in seconds. Default 300; 60 to 600. */
  readonly cacheSeconds?: number;
  /** Documents of each kind (metadata, JWKS, PEM) kept, and failures remembered. Default 1000; at least 10. */
  readonly maxEntries?: number;
  /** Size of the documents of each kind kept, in bytes. Default 16 MiB; at least 1 MiB. */
  readonly maxCacheBytes?: number;
  /** Deadline of one call, and of each document it fetches, in milliseconds. Default 5000; 1 to 5000. */
  readonly deadlineMs?: number;
  /** Requests in flight to all hosts; more are refused, not queued. Default 256; at least 4. */
  readonly maxInFlight?: number;
  /** Requests in flight to one host; more are refused, not queued. Default 8; at least 2. */
  readonly maxInFlightPerHost?: number;
  /** Told of every document that was looked up, whether a host was asked for it or not. Costs nothing when absent. */
  readonly onLookup?: OnDiscoveryLookup;
  /** Limits how many hosts strangers make this program ask. Default: all are asked. */
  readonly admitHost?: AdmitHost;
}

/** The shortest time any document is kept (PROTOCOL section 6). */
export const MIN_CACHE_SECONDS = 60;

/** The longest time a JWKS is kept after the last success (PROTOCOL section 6). */
export const MAX_JWKS_SECONDS = 600;

const MEBIBYTE = 1_048_576;

/** The numbers among {@link DiscoveryOptions}, all of them known. */
export type DiscoveryLimits = Required<
  Pick<
    DiscoveryOptions,
    | 'cacheSeconds'
    | 'maxEntries'
    | 'maxCacheBytes'
    | 'deadlineMs'
    | 'maxInFlight'
    | 'maxInFlightPerHost'
  >
>;

/** Fills in the defaults. Throws {@link AAuthError} `configuration_invalid` for a number outside its range. */
export function readLimits(options: DiscoveryOptions): DiscoveryLimits {
  const read = (
    name: keyof DiscoveryLimits,
    fallback: number,
    least: number,
    most: number = Number.MAX_SAFE_INTEGER,
  ): number => {
    const value = options[name] ?? fallback;
    if (Number.isSafeInteger(value) && value >= least && value <= most) return value;
    const range = most === Number.MAX_SAFE_INTEGER ? `${least} or more` : `${least} to ${most}`;
    throw new AAuthError(
      'configuration_invalid',
      `Discovery's ${name} must be an integer, ${range}.`,
    );
  };
  return {
    cacheSeconds: read('cacheSeconds', 300, MIN_CACHE_SECONDS, MAX_JWKS_SECONDS),
    maxEntries: read('maxEntries', 1000, 10),
    maxCacheBytes: read('maxCacheBytes', 16 * MEBIBYTE, MEBIBYTE),
    deadlineMs: read('deadlineMs', 5000, 1, 5000),
    maxInFlight: read('maxInFlight', 256, 4),
    maxInFlightPerHost: read('maxInFlightPerHost', 8, 2),
  };
}
