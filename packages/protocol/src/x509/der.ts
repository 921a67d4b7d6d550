import { AsnConvert } from '@peculiar/asn1-schema';
import type { Bytes } from '@countersign/httpsig';

/**
 * Why a certificate or a chain is refused, for the log. The text is ours: never a byte of what was sent. Thrown inside
 * this folder only.
 */
export class CertificateRefused extends Error {
  override readonly name = 'CertificateRefused';
}

/** Lower-case hex: the spelling in which names, keys and algorithms of certificates are compared. */
export function hex(bytes: ArrayBuffer | Uint8Array): string {
  return Array.from(new Uint8Array(bytes), (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** The DER of a parsed value. */
export function derOf(value: unknown): Bytes {
  return new Uint8Array(AsnConvert.serialize(value));
}

/**
 * Parses `der` as a `type`. The library reads BER and ignores what it does not know, so the value must also encode to
 * the very bytes it was read from: no second spelling, nothing left over, nothing that was signed and not understood.
 * Throws {@link CertificateRefused} naming `what`, whatever the library throws.
 */
export function parseDer<T>(der: ArrayBuffer | Bytes, type: new () => T, what: string): T {
  const bytes = new Uint8Array(der);
  let value: T;
  let again: Bytes;
  try {
    value = AsnConvert.parse(bytes, type);
    again = derOf(value);
  } catch {
    throw new CertificateRefused(`malformed ${what}`);
  }
  const same = again.length === bytes.length && again.every((byte, at) => byte === bytes[at]);
  if (!same) throw new CertificateRefused(`${what} not in DER`);
  return value;
}
