import { SignatureError } from '../failure.js';
import { parsePublicJwk, type PublicJwk } from '../jwk.js';
import type { SignatureKeyField } from './parse.js';

/** What a Signature-Key value says: where the key is found and what it would prove. Nothing has been verified. */
export type SignatureKey =
  /** The key itself: the same key over time, pseudonymous. */
  | { readonly scheme: 'hwk'; readonly jwk: PublicJwk }
  /** Mode 1: control of a JWKS URL. */
  | { readonly scheme: 'jwks'; readonly mode: 'url'; readonly jwks: string; readonly kid: string }
  /** Mode 2: the identity `id`, found through a well-known document, or fetched as a JWKS itself without one. */
  | {
      readonly scheme: 'jwks';
      readonly mode: 'identifier';
      readonly id: string;
      readonly kid: string;
      readonly wellKnown?: string;
    }
  /** A certificate chain at a URL, pinned by the thumbprint of its leaf. */
  | { readonly scheme: 'x509'; readonly x5u: string; readonly x5t: string }
  /** A token that names the key in `cnf`. */
  | { readonly scheme: 'jwt'; readonly jwt: string };

interface Scheme {
  readonly parameters: readonly string[];
  read(parameters: ReadonlyMap<string, string>): SignatureKey;
  write(key: SignatureKey): Iterable<[string, string]>;
}

function malformed(what: string): never {
  throw new SignatureError('header_malformed', `Signature-Key: ${what}`);
}

function required(parameters: ReadonlyMap<string, string>, name: string): string {
  const value = parameters.get(name);
  if (value === undefined || value === '') malformed(`${name} is missing.`);
  return value;
}

const hwk: Scheme = {
  parameters: ['kty', 'crv', 'x', 'y', 'n', 'e'],
  read(parameters) {
    const { jwk } = parsePublicJwk(Object.fromEntries(parameters));
    // Members of another key type would be left behind silently: exactly the key's own members may be sent.
    if (Object.keys(jwk).length !== parameters.size)
      malformed('hwk has members its key type does not know.');
    return { scheme: 'hwk', jwk };
  },
  write: (key) =>
    key.scheme === 'hwk' ? Object.entries(key.jwk).filter(([name]) => name !== 'kid') : [],
};

const jwks: Scheme = {
  parameters: ['id', 'jwks', 'kid', 'well-known'],
  read(parameters) {
    const kid = required(parameters, 'kid');
    const id = parameters.get('id');
    const url = parameters.get('jwks');
    const wellKnown = parameters.get('well-known');
    if ((id === undefined) === (url === undefined)) malformed('jwks takes either id or jwks.');
    if (url !== undefined) {
      if (wellKnown !== undefined) malformed('well-known goes with id.');
      return { scheme: 'jwks', mode: 'url', jwks: required(parameters, 'jwks'), kid };
    }
    return {
      scheme: 'jwks',
      mode: 'identifier',
      id: required(parameters, 'id'),
      kid,
      ...(wellKnown === undefined ? {} : { wellKnown }),
    };
  },
  *write(key): Generator<[string, string]> {
    if (key.scheme !== 'jwks') return;
    yield key.mode === 'url' ? ['jwks', key.jwks] : ['id', key.id];
    yield ['kid', key.kid];
    if (key.mode === 'identifier' && key.wellKnown !== undefined)
      yield ['well-known', key.wellKnown];
  },
};

const x509: Scheme = {
  parameters: ['x5u', 'x5t'],
  read: (parameters) => ({
    scheme: 'x509',
    x5u: required(parameters, 'x5u'),
    x5t: required(parameters, 'x5t'),
  }),
  write: (key) =>
    key.scheme === 'x509'
      ? [
          ['x5u', key.x5u],
          ['x5t', key.x5t],
        ]
      : [],
};

const jwt: Scheme = {
  parameters: ['jwt'],
  read: (parameters) => ({ scheme: 'jwt', jwt: required(parameters, 'jwt') }),
  write: (key) => (key.scheme === 'jwt' ? [['jwt', key.jwt]] : []),
};

export type SchemeName = SignatureKey['scheme'];

const schemes: Partial<Record<string, Scheme>> & Record<SchemeName, Scheme> = Object.assign(
  Object.create(null) as object,
  { hwk, jwks, x509, jwt },
);

/** Reads the parameters of a scheme. Throws {@link SignatureError}; an unknown scheme is `scheme_unsupported`. */
export function readSignatureKey(field: SignatureKeyField): SignatureKey {
  const scheme = (schemes as Partial<Record<string, Scheme>>)[field.scheme];
  if (scheme === undefined) {
    throw new SignatureError('scheme_unsupported', 'The Signature-Key scheme is not supported.', {
      accepted: Object.keys(schemes),
    });
  }
  for (const name of field.parameters.keys()) {
    if (!scheme.parameters.includes(name)) malformed('a parameter the scheme does not know.');
  }
  return scheme.read(field.parameters);
}

/** The field that says `key` under `label`. */
export function writeSignatureKey(key: SignatureKey, label: string): SignatureKeyField {
  return { label, scheme: key.scheme, parameters: new Map(schemes[key.scheme].write(key)) };
}
