import {
  createHash,
  createPublicKey,
  generateKeyPairSync,
  type JsonWebKey,
  type KeyObject,
  sign,
  verify,
} from 'node:crypto';

export interface PeerKey {
  readonly kid: string;
  readonly privateKey: KeyObject;
  /** As published: with `alg` and `use` beside what is needed. */
  readonly jwk: JsonWebKey;
}

export function makeKey(kid: string): PeerKey {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const { kty = '', crv = '', x = '' } = publicKey.export({ format: 'jwk' });
  return { kid, privateKey, jwk: { kty, crv, x, kid, use: 'sig', alg: 'EdDSA' } };
}

/** RFC 7638. */
export function thumbprint({ crv, kty, x }: JsonWebKey): string {
  const members = JSON.stringify({ crv, kty, x });
  return createHash('sha256').update(members).digest('base64url');
}

export function signWith({ privateKey }: PeerKey, text: string): string {
  return sign(null, Buffer.from(text), privateKey).toString('base64url');
}

export function isSignedBy(jwk: JsonWebKey, text: string, signature: string): boolean {
  // Base64url without padding and nothing else: this is how these wires differ from the standard.
  if (!/^[A-Za-z0-9_-]+$/.test(signature)) return false;
  const { kty = '', crv = '', x = '' } = jwk;
  const key = createPublicKey({ key: { kty, crv, x }, format: 'jwk' });
  return verify(null, Buffer.from(text), key, Buffer.from(signature, 'base64url'));
}

export type Payload = Record<string, unknown>;

const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
const decode = (part = ''): Payload =>
  JSON.parse(Buffer.from(part, 'base64url').toString()) as Payload;

/** Without `iat` and `jti`, as the captured run's tokens. */
export function makeToken(typ: string, key: PeerKey, payload: Payload): string {
  const text = `${encode({ alg: 'EdDSA', kid: key.kid, typ })}.${encode(payload)}`;
  return `${text}.${signWith(key, text)}`;
}

export function readToken(token: string): { header: Payload; payload: Payload } {
  const [header, payload] = token.split('.');
  return { header: decode(header), payload: decode(payload) };
}

/** The payload of a token of that type whose signature and `exp` are right. */
export function checkToken(token: string, typ: string, jwk: JsonWebKey): Payload {
  const { header, payload } = readToken(token);
  const end = token.lastIndexOf('.');
  if (header['typ'] !== typ) throw new Error(`the token is not ${typ}`);
  if (!isSignedBy(jwk, token.slice(0, end), token.slice(end + 1))) throw new Error('bad token');
  if (Number(payload['exp']) < Date.now() / 1000) throw new Error('the token has expired');
  return payload;
}

export const inSeconds = (seconds: number): number => Math.floor(Date.now() / 1000) + seconds;
