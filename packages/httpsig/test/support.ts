import { readFileSync } from 'node:fs';
import { expect } from 'vitest';
import {
  type AlgorithmName,
  encodeBase64,
  encodeBase64Url,
  type HeaderLine,
  type HttpMessage,
  importSigningKey,
  importVerificationKey,
  type PrivateJwk,
  type ResolvedKey,
  type SignatureKey,
  type SignatureProfile,
  type SignatureRule,
  signMessage,
  type SignOptions,
  type SigningKey,
  utf8,
  verifyMessage,
  type VerifyOptions,
  type VerifyResult,
} from '../src/index.js';

/** The contents of a data file in `vectors/`. */
export function vectors<T>(name: string): T {
  return JSON.parse(readFileSync(new URL(`./vectors/${name}`, import.meta.url), 'utf8')) as T;
}

export const testKeys = vectors<Record<AlgorithmName, PrivateJwk>>('test-keys.json');

export const NOW = 1_768_786_030;
export const AUTHORITY = 'api.example';

/** The AAuth profile (PROTOCOL section 2). */
export const profile: SignatureProfile = {
  components: [
    { name: '@method', when: 'always' },
    { name: '@authority', when: 'always' },
    { name: '@path', when: 'always' },
    { name: '@query', when: 'query' },
    { name: 'content-type', when: 'body' },
    { name: 'content-digest', when: 'body' },
    { name: 'nonce', when: 'present' },
    { name: 'signature-key', when: 'always' },
  ],
  label: 'sig1',
  windowSeconds: 60,
  skewSeconds: 10,
  maxSignatureKeyLength: 9216,
};

export const jwksKey: SignatureKey = {
  scheme: 'jwks',
  mode: 'identifier',
  id: 'https://agent.example',
  kid: 'key-1',
  wellKnown: 'aauth-agent',
};

const imported = new Map<AlgorithmName, Promise<SigningKey>>();

/** The test key of an algorithm, imported once. */
export function signingKey(name: AlgorithmName = 'ed25519'): Promise<SigningKey> {
  const held = imported.get(name) ?? importSigningKey(testKeys[name]);
  imported.set(name, held);
  return held;
}

/** A GET without query, body or nonce. */
export const get: HttpMessage = {
  method: 'GET',
  target: '/data',
  headers: [
    ['Host', AUTHORITY],
    ['Accept', 'application/json'],
  ],
};

/** A request that has everything the profile can cover: query, body and nonce. */
export const post: HttpMessage = {
  method: 'POST',
  target: '/orders/7?dry-run=1&note=a%20b',
  headers: [
    ['Host', AUTHORITY],
    ['Content-Type', 'application/json'],
    ['Nonce', 'q83vEjRWeJCrze8S'],
    ['X-Trace', 'abc'],
  ],
  body: utf8('{"item":"lamp"}'),
};

export async function signed(
  message: HttpMessage = post,
  options: Partial<SignOptions> = {},
): Promise<HttpMessage> {
  const lines = await signMessage(message, {
    profile,
    key: await signingKey(),
    signatureKey: jwksKey,
    authority: AUTHORITY,
    created: NOW,
    ...options,
  });
  return { ...message, headers: [...message.headers, ...lines] };
}

const is = (name: string) => (line: HeaderLine) => line[0].toLowerCase() === name.toLowerCase();

export function header(message: HttpMessage, name: string): string {
  const line = message.headers.find(is(name));
  if (line === undefined) throw new Error(`no ${name} header`);
  return line[1];
}

/** Replaces the value of a header that is there. */
export function changed(
  message: HttpMessage,
  name: string,
  change: (value: string) => string,
): HttpMessage {
  const before = header(message, name);
  const after = change(before);
  if (after === before) throw new Error(`the change to ${name} changed nothing`);
  const headers = message.headers.map((line) => (is(name)(line) ? ([name, after] as const) : line));
  return { ...message, headers };
}

export function without(message: HttpMessage, name: string): HttpMessage {
  return { ...message, headers: message.headers.filter((line) => !is(name)(line)) };
}

/** One more header line at the end. */
export function plus(message: HttpMessage, name: string, value: string): HttpMessage {
  return { ...message, headers: [...message.headers, [name, value]] };
}

/** How {@link signedAs} departs from the profile. Texts go on the wire exactly as given. */
export interface Departure {
  readonly label?: string;
  /** Component identifiers as they are written, quotes and parameters included. */
  readonly covered?: readonly string[];
  /** Everything after the list of components. */
  readonly parameters?: string;
  /** Values of components that the request does not have, by identifier. */
  readonly values?: Readonly<Record<string, string>>;
  readonly signatureKey?: string;
  readonly key?: SigningKey;
  readonly encode?: (signature: Uint8Array) => string;
}

export const COVERED_BY_POST = [
  '"@method"',
  '"@authority"',
  '"@path"',
  '"@query"',
  '"content-type"',
  '"content-digest"',
  '"nonce"',
  '"signature-key"',
] as const;

export const COVERED_BY_GET = ['"@method"', '"@authority"', '"@path"', '"signature-key"'] as const;

const KEY_FIELD =
  'sig1=(scheme=jwks id="https://agent.example" kid="key-1" well-known="aauth-agent")';

/**
 * Signs without asking the package what may be signed, so that a request can be valid in every way but one.
 * The signature base is put together here, from RFC 9421 section 2.5, and not by the code under test.
 */
export async function signedAs(
  message: HttpMessage,
  departure: Departure = {},
): Promise<HttpMessage> {
  const { label = 'sig1', values = {}, encode = encodeBase64 } = departure;
  const key = departure.key ?? (await signingKey());
  const hasBody = message.body !== undefined && message.body.length > 0;
  const covered = departure.covered ?? (hasBody ? COVERED_BY_POST : COVERED_BY_GET);
  const parameters = departure.parameters ?? `;created=${NOW}`;
  const headers: HeaderLine[] = [
    ...message.headers,
    ['Signature-Key', departure.signatureKey ?? KEY_FIELD.replace('sig1', label)],
  ];
  if (hasBody && !message.headers.some(is('content-digest'))) {
    const hash = await crypto.subtle.digest('SHA-256', message.body);
    headers.push(['Content-Digest', `sha-256=:${encodeBase64(new Uint8Array(hash))}:`]);
  }
  const [path = '', ...query] = message.target.split('?');
  const derived: Record<string, string> = {
    '"@method"': message.method,
    '"@authority"': AUTHORITY,
    '"@path"': path,
    '"@query"': `?${query.join('?')}`,
  };
  const lines = covered.map((identifier) => {
    const name = /^"([^"]*)"/.exec(identifier)?.[1] ?? identifier;
    const field = headers
      .filter(is(name))
      .map(([, value]) => value.trim())
      .join(', ');
    return `${identifier}: ${values[identifier] ?? derived[identifier] ?? field}\n`;
  });
  const params = `(${covered.join(' ')})${parameters}`;
  const base = `${lines.join('')}"@signature-params": ${params}`;
  const signature = encode(await key.sign(utf8(base)));
  headers.push(['Signature-Input', `${label}=${params}`], ['Signature', `${label}=:${signature}:`]);
  return { ...message, headers };
}

/** A verification and the Signature-Keys that were looked up in its course. */
export interface Outcome {
  readonly result: VerifyResult<ResolvedKey>;
  readonly lookups: readonly SignatureKey[];
}

export async function check(
  message: HttpMessage,
  options: Partial<VerifyOptions<ResolvedKey>> & { algorithm?: AlgorithmName } = {},
): Promise<Outcome> {
  const { algorithm = 'ed25519', ...rest } = options;
  const { publicJwk } = await signingKey(algorithm);
  const lookups: SignatureKey[] = [];
  const find = rest.resolveKey ?? (async () => ({ key: await importVerificationKey(publicJwk) }));
  const result = await verifyMessage<ResolvedKey>(message, {
    profile,
    authorities: [AUTHORITY],
    now: NOW,
    acceptWire: ['rfc9421', '2026-02'],
    acceptSchemes: ['hwk', 'jwks', 'jwt'],
    ...rest,
    resolveKey: (signatureKey) => {
      lookups.push(signatureKey);
      return find(signatureKey);
    },
  });
  return { result, lookups };
}

export async function expectAccepted(
  message: HttpMessage,
  options: Parameters<typeof check>[1] = {},
) {
  const { result, lookups } = await check(message, options);
  if (!result.ok) throw new Error(`refused: ${result.failure.rule}: ${result.failure.message}`);
  expect(lookups).toHaveLength(1);
  return result.signature;
}

/** Asserts the rule a request is refused by, and whether a key was looked up for it. */
export async function expectRefused(
  message: HttpMessage,
  rule: SignatureRule,
  lookedUp: boolean,
  options: Parameters<typeof check>[1] = {},
) {
  const { result, lookups } = await check(message, options);
  expect(result).toMatchObject({ ok: false, failure: { rule } });
  expect(lookups).toHaveLength(lookedUp ? 1 : 0);
  if (result.ok) throw new Error('accepted');
  return result.failure;
}

/** The rule that a parser or key function refuses an input by. */
export function ruleOf(act: () => unknown): SignatureRule | 'accepted' | 'other' {
  try {
    act();
  } catch (error) {
    return error instanceof Error && error.name === 'SignatureError'
      ? (error as Error & { rule: SignatureRule }).rule
      : 'other';
  }
  return 'accepted';
}

export const unpadded = encodeBase64Url;
