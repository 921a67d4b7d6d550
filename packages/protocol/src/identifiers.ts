import { AAuthError } from './errors.js';
import { parseUrl } from './parse-url.js';

declare const identifier: unique symbol;

/**
 * A server identifier (PROTOCOL section 1): an HTTPS origin in its one spelling. Compared byte for byte.
 * Only {@link parseServerIdentifier} and {@link isServerIdentifier} make these.
 */
export type ServerIdentifier = string & { readonly [identifier]: true };

export interface IdentifierOptions {
  /** Accept plain `http` for loopback hosts. For development and tests. Default `false`. */
  readonly insecureLoopback?: boolean;
}

const MAX_LENGTH = 512;

/** Host names as they are registered. The URL parser lets through `"`, `;`, `,`, `*` and empty labels, which are none. */
const HOST = /^(?:\[[0-9a-f:]+\]|[a-z0-9_-]+(?:\.[a-z0-9_-]+)*)$/;

/** True for a host name (as in `URL.hostname`) that can only be this machine: 127.0.0.0/8, `[::1]`, `localhost`. */
export function isLoopbackHost(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127(?:\.\d{1,3}){3}$/.test(hostname);
}

/**
 * True when `value` is a server identifier: scheme `https`, lower-case host (punycode for international names), a
 * port only when it is not the default, and nothing else. Never normalises: a second spelling is not an identifier.
 */
export function isServerIdentifier(
  value: unknown,
  options: IdentifierOptions = {},
): value is ServerIdentifier {
  if (typeof value !== 'string' || value.length > MAX_LENGTH) return false;
  const level = known.get(value) ?? remember(value, levelOf(value));
  return level === 'secure' || (level === 'loopback' && options.insecureLoopback === true);
}

type Level = 'secure' | 'loopback' | 'none';

function levelOf(value: string): Level {
  const url = parseUrl(value);
  if (url?.origin !== value || !HOST.test(url.hostname)) return 'none';
  if (url.protocol === 'https:') return 'secure';
  return url.protocol === 'http:' && isLoopbackHost(url.hostname) ? 'loopback' : 'none';
}

/** Identifiers that have been looked at: a token request has six, and its agent sends the same ones again and again. */
const known = new Map<string, Level>();
const MAX_KNOWN = 1000;

/** Only what is an identifier is remembered, so that nothing longer than a host's name takes room for long. */
function remember(value: string, level: Level): Level {
  if (level === 'none') return level;
  if (known.size >= MAX_KNOWN) known.clear();
  known.set(value, level);
  return level;
}

/**
 * Returns `value` as a server identifier, or throws {@link AAuthError} `configuration_invalid` that names `what`.
 * For a program's own settings; for what a stranger sent use {@link isServerIdentifier}.
 */
export function parseServerIdentifier(
  value: unknown,
  what: string,
  options: IdentifierOptions = {},
): ServerIdentifier {
  if (isServerIdentifier(value, options)) return value;
  const loopback = typeof value === 'string' && value.startsWith('http://');
  throw new AAuthError(
    'configuration_invalid',
    `${what} must be an https origin such as https://example.com: lower-case, no path, no trailing slash, ` +
      `no default port${loopback ? '; plain http needs insecureLoopback and a loopback host' : ''}.`,
  );
}

/** The authority (host, and port when not the default) that requests to `id` are signed for. */
export function authorityOf(id: ServerIdentifier): string {
  return new URL(id).host;
}

/**
 * True when `url` is an absolute URL on the identifier's own origin, without user info or fragment. Characters that a
 * URL parser would quietly drop or replace (white space, controls, `\`) are refused: the text is shown and sent as it is.
 */
export function isOnOrigin(url: unknown, id: ServerIdentifier): url is string {
  if (typeof url !== 'string' || url.length > 2048 || !url.startsWith(id)) return false;
  if (!/^[\x21-\x5b\x5d-\x7e]+$/.test(url)) return false;
  const parsed = parseUrl(url);
  return (
    parsed?.origin === id && parsed.username === '' && parsed.password === '' && !url.includes('#')
  );
}
