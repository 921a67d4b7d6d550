import {
  algorithmAgrees,
  type Bytes,
  decodeBase64Url,
  encodeBase64Url,
  type SignatureVerifier,
  type SigningKey,
  utf8,
  type VerificationKey,
} from '@countersign/httpsig';
import { isJsonObject, type JsonObject, parseStrictJsonBytes } from './json.js';

/** Tokens longer than this are refused before anything is decoded. */
export const MAX_TOKEN_LENGTH = 8192;

/** A compact JWS taken apart. Decoded is not verified: nothing in it may be relied on. */
export interface DecodedJws {
  readonly header: { readonly alg: string; readonly kid: string; readonly typ: string };
  readonly payload: JsonObject;
  readonly signingInput: Bytes;
  readonly signature: Bytes;
}

/** Header members that change what a JWS means or name a key; none is ever accepted. */
const FORBIDDEN_HEADER = ['crit', 'b64', 'zip', 'jwk', 'jku', 'x5u', 'x5c', 'enc'];

/**
 * Decodes a compact JWS strictly: three parts of canonical base64url, at most 8 KiB, JSON objects without repeated
 * members, `alg`, `kid` and `typ` present, none of the header members that name keys or change the rules.
 * Returns the reason as a string for anything else. Verifies nothing.
 */
export function decodeJws(token: string): DecodedJws | string {
  if (token.length > MAX_TOKEN_LENGTH) return 'token_too_large';
  const parts = token.split('.', 4);
  const [first, second, third] = parts.map((part) => decodeBase64Url(part));
  if (parts.length !== 3 || first === undefined || second === undefined || third === undefined) {
    return 'token_malformed';
  }
  if (third.length === 0) return 'token_unsigned';
  const header = parseStrictJsonBytes(first);
  const payload = parseStrictJsonBytes(second);
  if (!isJsonObject(header) || !isJsonObject(payload)) return 'token_malformed';
  const { alg, kid, typ } = header;
  if (typeof alg !== 'string' || typeof typ !== 'string') return 'token_header_invalid';
  if (typeof kid !== 'string' || kid === '' || kid.length > 256) return 'token_header_invalid';
  if (FORBIDDEN_HEADER.some((name) => Object.hasOwn(header, name))) return 'token_header_forbidden';
  return {
    header: { alg, kid, typ },
    payload,
    signingInput: utf8(token.slice(0, token.lastIndexOf('.'))),
    signature: third,
  };
}

/**
 * True when the JWS is `key`'s, by the algorithm that follows from the key; the token's `alg` must agree with it.
 * `verifySignature` replaces the platform's verification.
 */
export async function verifyJws(
  jws: DecodedJws,
  key: VerificationKey,
  verifySignature?: SignatureVerifier,
): Promise<boolean> {
  const { alg } = jws.header;
  // RFC 9421 names are not JWS names: only the latter may stand in a token.
  if (!key.algorithm.jwsNames.includes(alg) || !algorithmAgrees(alg, key.algorithm)) return false;
  const { signature, signingInput } = jws;
  return verifySignature === undefined
    ? await key.verify(signature, signingInput)
    : await verifySignature(key, signature, signingInput);
}

/** Signs a compact JWS with exactly these header members: `alg`, `kid`, `typ`. */
export async function signJws(
  typ: string,
  payload: JsonObject,
  key: SigningKey,
  kid: string,
): Promise<string> {
  const header = { alg: key.algorithm.jws, kid, typ };
  const encode = (part: object): string => encodeBase64Url(utf8(JSON.stringify(part)));
  const signingInput = `${encode(header)}.${encode(payload)}`;
  return `${signingInput}.${encodeBase64Url(await key.sign(utf8(signingInput)))}`;
}
