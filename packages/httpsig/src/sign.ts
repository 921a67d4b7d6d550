import { utf8 } from './bytes.js';
import { contentDigest } from './content-digest.js';
import type { SigningKey } from './keys.js';
import { HeaderIndex, type HeaderLine, type HttpMessage } from './message.js';
import { requiredComponents, type SignatureProfile, type Wire } from './profile.js';
import { serializeSignatureKeyField } from './signature-key/parse.js';
import { type SignatureKey, writeSignatureKey } from './signature-key/schemes.js';
import { signatureBase } from './signature-base.js';
import { serializeSignatureValue } from './signature-value.js';

export interface SignOptions {
  readonly profile: SignatureProfile;
  readonly key: SigningKey;
  /** How the receiver finds the key, written into Signature-Key. */
  readonly signatureKey: SignatureKey;
  /** The authority the request is for: lower-case host, port only when not the scheme's default. */
  readonly authority: string;
  /** Unix seconds. */
  readonly created: number;
  /** Defaults to `rfc9421`. */
  readonly wire?: Wire;
}

/** Headers that signing adds or replaces. */
const WRITTEN = ['content-digest', 'signature', 'signature-input', 'signature-key'];

/**
 * Signs a request (RFC 9421) and returns the header lines to set: `Content-Digest` when there is a body, and the
 * three signature fields. Lines of those names already on the message are ignored and must be replaced by these.
 * A `Nonce` header that is present is covered.
 *
 * Throws {@link SignatureError} `component_unexpected` when a body has no `Content-Type`, and `component_invalid` when
 * a value cannot be signed; `TypeError` when `created` is not a whole number of seconds. Does not change the message.
 */
export async function signMessage(
  message: HttpMessage,
  options: SignOptions,
): Promise<HeaderLine[]> {
  const { profile, key, created, wire = 'rfc9421' } = options;
  const { label } = profile;
  if (!Number.isSafeInteger(created) || created < 0) {
    throw new TypeError('created must be a whole number of seconds');
  }
  const hasBody = message.body !== undefined && message.body.length > 0;
  const added: HeaderLine[] = [];
  if (hasBody) added.push(['Content-Digest', await contentDigest(message.body)]);
  const field = writeSignatureKey(options.signatureKey, label);
  added.push(['Signature-Key', serializeSignatureKeyField(field)]);
  const kept = message.headers.filter(([name]) => !WRITTEN.includes(name.toLowerCase()));
  const headers = new HeaderIndex([...kept, ...added]);
  const components = requiredComponents(profile, {
    hasBody,
    hasQuery: message.target.includes('?'),
    hasField: (name) => headers.count(name) > 0,
  });
  const parameters = `(${components.map((name) => `"${name}"`).join(' ')});created=${created}`;
  const { method, target } = message;
  const source = { method, target, authority: options.authority, headers };
  const signature = await key.sign(utf8(signatureBase(components, parameters, source, wire)));
  added.push(['Signature-Input', `${label}=${parameters}`]);
  added.push(['Signature', serializeSignatureValue(label, signature, wire)]);
  return added;
}
