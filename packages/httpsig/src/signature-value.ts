import {
  type Bytes,
  decodeBase64,
  decodeBase64Url,
  encodeBase64,
  encodeBase64Url,
} from './bytes.js';
import { SignatureError } from './failure.js';
import type { Wire } from './profile.js';
import { isKey } from './structured-field.js';

/** A parsed Signature field: the bytes, and the wires whose spelling they have. */
export interface SignatureValue {
  readonly label: string;
  readonly bytes: Bytes;
  readonly wires: readonly Wire[];
}

const MAX_LENGTH = 4096;

/**
 * Parses `label=:…:` with exactly one member: strict padded base64, or unpadded base64url, spare bits zero.
 * Text that is both (no padding needed, no distinguishing letter) may be either.
 * Throws {@link SignatureError}: `header_malformed`, `header_repeated`, `header_too_large`.
 */
export function parseSignatureValue(text: string): SignatureValue {
  if (text.length > MAX_LENGTH) {
    throw new SignatureError('header_too_large', `Signature: at most ${MAX_LENGTH} characters.`);
  }
  const open = text.indexOf('=:');
  const close = text.indexOf(':', open + 2);
  const label = text.slice(0, Math.max(open, 0));
  if (open < 1 || close < 0 || !isKey(label)) {
    throw new SignatureError('header_malformed', 'Signature: expected label=:base64:.');
  }
  if (close !== text.length - 1) {
    throw text
      .slice(close + 1)
      .trimStart()
      .startsWith(',')
      ? new SignatureError('header_repeated', 'Signature must have exactly one member.')
      : new SignatureError('header_malformed', 'Signature: unexpected text after the value.');
  }
  const encoded = text.slice(open + 2, close);
  const standard = decodeBase64(encoded);
  // Padding is not base64url: what has it need not be decoded a second time to know.
  const urlSafe = encoded.endsWith('=') ? undefined : decodeBase64Url(encoded);
  const bytes = standard ?? urlSafe;
  if (bytes === undefined || bytes.length === 0) {
    throw new SignatureError('header_malformed', 'Signature: not valid base64.');
  }
  const wires: Wire[] = [];
  if (standard !== undefined) wires.push('rfc9421');
  if (urlSafe !== undefined) wires.push('2026-02', '2026-01');
  return { label, bytes, wires };
}

/** Writes a Signature field as `wire` spells it. */
export function serializeSignatureValue(label: string, bytes: Uint8Array, wire: Wire): string {
  return `${label}=:${wire === 'rfc9421' ? encodeBase64(bytes) : encodeBase64Url(bytes)}:`;
}
