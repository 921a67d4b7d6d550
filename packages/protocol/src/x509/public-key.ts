import {
  AsnIntegerArrayBufferConverter,
  AsnProp,
  AsnPropTypes,
  AsnType,
  AsnTypeTypes,
} from '@peculiar/asn1-schema';
import type { SubjectPublicKeyInfo } from '@peculiar/asn1-x509';
import {
  type Bytes,
  encodeBase64Url,
  type ParsedJwk,
  parsePublicJwk,
  SignatureError,
} from '@countersign/httpsig';
import { CertificateRefused, derOf, hex, parseDer } from './der.js';

/** Two integers: RSAPublicKey (RFC 8017 appendix A.1.1) and Ecdsa-Sig-Value (RFC 5480) have the same shape. */
export class IntegerPair {
  first = new ArrayBuffer(0);
  second = new ArrayBuffer(0);
}
const integer = AsnProp({
  type: AsnPropTypes.Integer,
  converter: AsnIntegerArrayBufferConverter,
});
AsnType({ type: AsnTypeTypes.Sequence })(IntegerPair);
integer(IntegerPair.prototype, 'first');
integer(IntegerPair.prototype, 'second');

/** The bytes of a DER integer without the zero that only says that it is positive. */
export function unsigned(value: ArrayBuffer): Bytes {
  const bytes = new Uint8Array(value);
  return bytes.length > 1 && bytes[0] === 0 ? bytes.subarray(1) : bytes;
}

type ReadKey = (key: Bytes) => Record<string, string>;

function rsa(key: Bytes): Record<string, string> {
  const { first: n, second: e } = parseDer(key, IntegerPair, 'RSA key');
  return {
    kty: 'RSA',
    n: encodeBase64Url(unsigned(n)),
    e: encodeBase64Url(unsigned(e)),
  };
}

/** An uncompressed point (SEC 1 section 2.3.3); the compressed form is refused. */
function curve(crv: string, size: number): ReadKey {
  return (key) => {
    if (key.length !== 1 + 2 * size || key[0] !== 4) {
      throw new CertificateRefused('EC key not an uncompressed point');
    }
    const x = encodeBase64Url(key.subarray(1, 1 + size));
    return { kty: 'EC', crv, x, y: encodeBase64Url(key.subarray(1 + size)) };
  };
}

/** By the AlgorithmIdentifier in DER, parameters included: there is one right spelling of each (RFC 8017, 5480, 8410). */
const KEY_TYPES: ReadonlyMap<string, ReadKey> = new Map([
  ['300d06092a864886f70d0101010500', rsa],
  ['301306072a8648ce3d020106082a8648ce3d030107', curve('P-256', 32)],
  ['301006072a8648ce3d020106052b81040022', curve('P-384', 48)],
  ['300506032b6570', (key) => ({ kty: 'OKP', crv: 'Ed25519', x: encodeBase64Url(key) })],
]);

/**
 * The public key of a certificate as a JWK, by the rules for every other key: canonical, of a supported type, not weak.
 * Throws {@link CertificateRefused}. Does not check that an EC point lies on its curve: importing the key does.
 */
export function readPublicKey(info: SubjectPublicKeyInfo): ParsedJwk {
  const read = KEY_TYPES.get(hex(derOf(info.algorithm)));
  if (read === undefined) throw new CertificateRefused('key type not supported');
  try {
    return parsePublicJwk(read(new Uint8Array(info.subjectPublicKey)));
  } catch (error) {
    if (error instanceof SignatureError) throw new CertificateRefused(error.message);
    throw error;
  }
}
