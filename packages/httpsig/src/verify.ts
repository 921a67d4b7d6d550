import { asciiBytes } from '#platform';
import { isAlgorithmName } from './algorithms.js';
import type { Bytes } from './bytes.js';
import { checkContentDigest } from './content-digest.js';
import { SignatureError, type SignatureFailure } from './failure.js';
import { agrees } from './jwk.js';
import type { SignatureVerifier, VerificationKey } from './keys.js';
import { HeaderIndex, type HttpMessage } from './message.js';
import { coversExactly, requiredComponents, type SignatureProfile, type Wire } from './profile.js';
import { parseSignatureKeyField } from './signature-key/parse.js';
import { readSignatureKey, type SchemeName, type SignatureKey } from './signature-key/schemes.js';
import { signatureBase } from './signature-base.js';
import { parseSignatureInput, type SignatureInput } from './signature-input.js';
import { parseSignatureValue, type SignatureValue } from './signature-value.js';

/** What a key resolver returns: the key, and whatever else it learned on the way. */
export interface ResolvedKey {
  readonly key: VerificationKey;
}

export interface VerifyOptions<K extends ResolvedKey> {
  readonly profile: SignatureProfile;
  /**
   * The receiver's canonical authorities, at least one: lower-case, default port left out. A `Host` that names
   * another is refused; the signature is checked with the authority from this list, never with `Host` itself.
   */
  readonly authorities: readonly [string, ...string[]];
  /** Unix seconds. */
  readonly now: number;
  readonly acceptWire: readonly Wire[];
  readonly acceptSchemes: readonly SchemeName[];
  /** Seconds; defaults to the profile's. */
  readonly windowSeconds?: number | undefined;
  /** Replaces the platform's verification of the request's signature. */
  readonly verifySignature?: SignatureVerifier | undefined;
  /**
   * Finds the key. Called only once everything that can be judged without it has been: shape, label, coverage,
   * `created`, `expires` and digest. A thrown {@link SignatureError} becomes the failure; anything else is passed on.
   */
  readonly resolveKey: (signatureKey: SignatureKey) => K | Promise<K>;
}

/** A request whose signature verified. Only {@link verifyMessage} makes these. */
export interface VerifiedSignature<K extends ResolvedKey> {
  readonly signatureKey: SignatureKey;
  readonly resolved: K;
  readonly components: readonly string[];
  readonly created: number;
  readonly wire: Wire;
  /** The canonical authority it was signed for. */
  readonly authority: string;
  /** The `Nonce` header, covered by the signature, when one was sent. */
  readonly nonce: string | undefined;
  /** The bytes that were signed. */
  readonly base: Bytes;
}

export type VerifyResult<K extends ResolvedKey> =
  | { readonly ok: true; readonly signature: VerifiedSignature<K> }
  | { readonly ok: false; readonly failure: SignatureFailure };

interface ReadMessage {
  readonly headers: HeaderIndex;
  readonly input: SignatureInput;
  readonly value: SignatureValue;
  readonly signatureKey: SignatureKey;
}

const SIGNATURE_FIELDS = ['signature', 'signature-input', 'signature-key'];

/** True when the request carries any of the three signature fields: it means to be signed. */
export function isSigned(message: Pick<HttpMessage, 'headers'>): boolean {
  return message.headers.some(
    ([name]) => name.length >= 9 && SIGNATURE_FIELDS.includes(name.toLowerCase()),
  );
}

/**
 * Verifies a signed request: shape, label, coverage, time and digest first, then the key, then the signature.
 * A refusal is returned, not thrown.
 *
 * Does not check that a nonce is fresh: the caller does, with the verified `nonce`, after this has succeeded.
 */
export async function verifyMessage<K extends ResolvedKey>(
  message: HttpMessage,
  options: VerifyOptions<K>,
): Promise<VerifyResult<K>> {
  try {
    const { headers, input, signatureKey, value, authority, created, candidates } = judge(
      message,
      options,
    );
    // Of no body too: a digest that is not that of the received bytes says that some were lost.
    const { body = NO_BODY } = message;
    if (body.length > 0 || headers.count('content-digest') > 0) {
      await checkContentDigest(headers.get('content-digest') ?? '', body);
    }

    const found = options.resolveKey(signatureKey);
    const resolved = found instanceof Promise ? await found : found;

    const { components, alg } = input;
    if (alg !== undefined && !agrees(alg, resolved.key.algorithm)) algorithmMismatch();
    const { verifySignature = verifyByPlatform } = options;
    for (const { text, wire } of candidates) {
      // Every value in a base has been checked to be printable ASCII.
      const base = asciiBytes(text);
      const verdict = verifySignature(resolved.key, value.bytes, base);
      if (!(typeof verdict === 'boolean' ? verdict : await verdict)) continue;
      const nonce = components.includes('nonce') ? headers.get('nonce') : undefined;
      return {
        ok: true,
        signature: { signatureKey, resolved, components, created, wire, authority, nonce, base },
      };
    }
    return FORGED;
  } catch (error) {
    if (error instanceof SignatureError) return { ok: false, failure: error.toFailure() };
    throw error;
  }
}

/** Not thrown: whoever forges should not cost more than whoever signs, and an error with its stack takes 8 µs here. */
const FORGED = {
  ok: false,
  failure: {
    rule: 'signature_invalid',
    message: 'The signature does not verify with the key that was named.',
  },
} as const;

const NO_BODY = new Uint8Array();

const verifyByPlatform: SignatureVerifier = (key, signature, data) => key.verify(signature, data);

/** A base that the signature may be over, and the wire that builds it so. */
interface Candidate {
  readonly text: string;
  readonly wire: Wire;
}

interface JudgedMessage extends ReadMessage {
  readonly authority: string;
  readonly created: number;
  readonly candidates: readonly Candidate[];
}

/** Everything that can be said without the body's digest and the key: shape, target, coverage, time, what is accepted. */
function judge<K extends ResolvedKey>(
  message: HttpMessage,
  options: VerifyOptions<K>,
): JudgedMessage {
  const { profile, acceptSchemes: accepted } = options;
  const read = readMessage(message, profile);
  const { headers, input, value, signatureKey } = read;
  const authority = checkTarget(message, headers, options.authorities);
  checkCoverage(message, read, profile);
  const created = checkTime(input, options);
  if (!accepted.includes(signatureKey.scheme)) {
    throw new SignatureError(
      'scheme_unsupported',
      'The Signature-Key scheme is not accepted here.',
      { accepted },
    );
  }
  // Agrees with no key, whichever is found.
  if (input.alg !== undefined && !isAlgorithmName(input.alg)) algorithmMismatch();
  // Building the base finds covered fields that are absent or cannot be signed: before any look-up.
  const { method, target } = message;
  const source = { method, target, authority, headers };
  const candidates: Candidate[] = [];
  for (const wire of options.acceptWire) {
    if (!value.wires.includes(wire)) continue;
    const text = signatureBase(input.components, input.raw, source, wire);
    if (!candidates.some((one) => one.text === text)) candidates.push({ text, wire });
  }
  if (candidates.length === 0) {
    throw new SignatureError(
      'encoding_not_accepted',
      'The encoding of the signature is not accepted here.',
      { accepted: options.acceptWire },
    );
  }
  return { headers, input, value, signatureKey, authority, created, candidates };
}

function algorithmMismatch(): never {
  throw new SignatureError('algorithm_mismatch', 'Signature-Input: alg contradicts the key.');
}

/** Further fields that may stand on one line only. */
const ONE_LINE = ['host', 'content-type', 'content-digest', 'content-length', 'nonce'];

function readMessage(message: HttpMessage, profile: SignatureProfile): ReadMessage {
  const headers = new HeaderIndex(message.headers);
  const field = (name: string): string => {
    const text = headers.single(name.toLowerCase());
    if (text === undefined) {
      throw new SignatureError('header_missing', `The request must be signed: ${name} is missing.`);
    }
    return text;
  };
  const input = parseSignatureInput(field('Signature-Input'));
  const value = parseSignatureValue(field('Signature'));
  const key = parseSignatureKeyField(field('Signature-Key'), profile.maxSignatureKeyLength);
  if (input.label !== value.label || input.label !== key.label) {
    throw new SignatureError(
      'label_mismatch',
      'Signature-Input, Signature and Signature-Key must carry the same label.',
    );
  }
  for (const name of ONE_LINE) headers.single(name);
  return { headers, input, value, signatureKey: readSignatureKey(key) };
}

function checkTarget(
  message: HttpMessage,
  headers: HeaderIndex,
  authorities: readonly [string, ...string[]],
): string {
  // Origin form (RFC 9112 section 3.2.1) has no fragment; a router that drops one would see another path than was signed.
  if (!message.target.startsWith('/') || message.target.includes('#')) {
    throw new SignatureError(
      'target_invalid',
      'The request target must be a path, not an absolute URL, and have no fragment.',
    );
  }
  const host = headers.get('host')?.toLowerCase();
  if (host === undefined) return authorities[0];
  // Some clients spell the default port out in Host; the authority that is signed never has it.
  const plain = host.replace(/:(?:80|443)$/, '');
  const own = authorities.find((authority) => authority === host || authority === plain);
  if (own === undefined) {
    throw new SignatureError(
      'authority_mismatch',
      'This server does not answer for the host that was asked.',
    );
  }
  return own;
}

function checkCoverage(message: HttpMessage, read: ReadMessage, profile: SignatureProfile): void {
  const { headers, input } = read;
  const { components } = input;
  const facts = {
    hasQuery: message.target.includes('?'),
    hasBody: message.body !== undefined && message.body.length > 0,
    hasField: (name: string) => headers.count(name) > 0,
  };
  if (coversExactly(components, profile, facts)) return;
  const required = requiredComponents(profile, facts);
  const missing = required.find((name) => !components.includes(name));
  if (missing !== undefined) {
    throw new SignatureError('component_missing', `The signature must cover "${missing}".`, {
      required,
    });
  }
  const foreign = profile.components.find(
    ({ name }) => components.includes(name) && !required.includes(name),
  );
  if (foreign !== undefined) {
    throw new SignatureError(
      'component_unexpected',
      `The signature covers "${foreign.name}", which this request does not have.`,
      { required },
    );
  }
}

function checkTime<K extends ResolvedKey>(
  input: SignatureInput,
  options: VerifyOptions<K>,
): number {
  const { created, expires } = input;
  const { profile, now, windowSeconds = profile.windowSeconds } = options;
  if (created === undefined) {
    throw new SignatureError('created_missing', 'Signature-Input: created is required.');
  }
  // Written so that a clock that is not a number refuses.
  if (!(Math.abs(now - created) <= windowSeconds)) {
    throw new SignatureError(
      'created_out_of_window',
      `The signature's created time is more than ${windowSeconds} seconds from this server's clock.`,
    );
  }
  if (expires !== undefined && !(now <= expires + profile.skewSeconds)) {
    throw new SignatureError('expired', 'The signature has expired.');
  }
  return created;
}
