import { AAuthError } from '../errors.js';
import { isLoopbackHost } from '../identifiers.js';
import { parseUrl } from '../parse-url.js';
import {
  type Address,
  isWithin,
  type Network,
  parseAddress,
  parseNetwork,
  rangeOf,
} from './address.js';
import { type GuardOptions, HostRefused } from './document-fetch.js';

const MAX_URL_LENGTH = 2048;

/** Never a server, whoever allows what. */
const NEVER = ['unspecified', 'multicast', 'broadcast'];

/** A URL that may be asked, provided that every address of its host passes {@link Target.checkAddress}. */
export interface Target {
  readonly url: URL;
  /** The host is an address already, so that no resolver will be asked; it has been checked. */
  readonly literal: boolean;
  /** The host was named by the operator, or is this machine: its name is resolved as the machine resolves names. */
  readonly local: boolean;
  /** Throws {@link HostRefused} unless this target may be at `address`. */
  checkAddress(address: string): void;
}

/** Decides which URLs and addresses may be asked (PROTOCOL section 6). Pure: resolves and connects nothing. */
export type AddressGuard = (url: string) => Target;

/** The form that every URL to be asked must have, before any host is looked at. Throws {@link HostRefused}. */
export function parseDocumentUrl(text: string, insecureLoopback: boolean): URL {
  const url = text.length > MAX_URL_LENGTH ? undefined : parseUrl(text);
  if (url === undefined) throw new HostRefused('not a URL');
  if (url.username !== '' || url.password !== '') throw new HostRefused('user info in the URL');
  if (text.includes('#')) throw new HostRefused('fragment in the URL');
  if (url.protocol === 'https:') return url;
  if (url.protocol === 'http:' && insecureLoopback && isLoopbackHost(url.hostname)) return url;
  throw new HostRefused('not https');
}

/**
 * Makes the guard. Literal addresses are judged here, in the one spelling that `URL` gives them, because a lookup
 * hook is never called for them; the addresses of names are judged by the caller, all of them, before it connects.
 * Throws {@link AAuthError} `configuration_invalid` for an entry of `allow` or `hosts` that cannot be understood.
 */
export function createAddressGuard(options: GuardOptions): AddressGuard {
  const insecureLoopback = options.insecureLoopback === true;
  const allow = options.allow ?? [];
  const networks = allow.filter((entry) => entry.includes('/')).map(readNetwork);
  const named = new Set(allow.filter((entry) => !entry.includes('/')).map(readHost));
  const only = options.hosts === undefined ? undefined : new Set(options.hosts.map(readHost));

  return (text) => {
    const url = parseDocumentUrl(text, insecureLoopback);
    const loopback = insecureLoopback && isLoopbackHost(url.hostname);
    const known = named.has(url.host);
    if (only !== undefined && !loopback && !only.has(url.host)) {
      throw new HostRefused('host not listed');
    }
    const permitted = (address: Address): boolean => {
      const range = rangeOf(address);
      if (NEVER.includes(range)) return false;
      if (known) return true;
      if (loopback) return range === 'loopback';
      return range === 'public' || networks.some((network) => isWithin(address, network));
    };
    const checkAddress = (address: string): void => {
      const parsed = parseAddress(address);
      if (parsed === undefined) throw new HostRefused('not an address');
      if (!permitted(parsed)) throw new HostRefused(`address in range ${rangeOf(parsed)}`);
    };
    const literal = parseAddress(url.hostname) !== undefined;
    if (literal) checkAddress(url.hostname);
    return { url, literal, local: known || loopback, checkAddress };
  };
}

function readNetwork(entry: string): Network {
  const network = parseNetwork(entry);
  if (network !== undefined) return network;
  throw misconfigured(entry, 'a network such as 10.0.0.0/8 or fd00::/8, its first address in full');
}

function readHost(entry: string): string {
  const url = parseUrl(`https://${entry}`);
  if (url?.host === entry && !entry.includes('*')) return entry;
  throw misconfigured(
    entry,
    'a lower-case host with a port when that is not 443, such as a.example:8443',
  );
}

function misconfigured(entry: string, wanted: string): AAuthError {
  return new AAuthError(
    'configuration_invalid',
    `The discovery entry ${JSON.stringify(entry)} must be ${wanted}.`,
  );
}
