import {
  AAuthError,
  MAX_ACTORS,
  parseServerIdentifier,
  type ServerIdentifier,
} from '@countersign/protocol';

/** PROTOCOL section 5.8. */
const DEFAULT_MAX_ACTORS = 5;

/** Checks the auth servers whose tokens may be exchanged. Throws `configuration_invalid`. */
export function readTrustedIssuers(
  given: readonly string[],
  issuer: ServerIdentifier,
  insecureLoopback: boolean,
): readonly ServerIdentifier[] {
  const trusted = given.map((one) =>
    parseServerIdentifier(one, 'Each trusted issuer', { insecureLoopback }),
  );
  if (trusted.includes(issuer)) {
    throw new AAuthError(
      'configuration_invalid',
      'The trusted issuers are other auth servers: this one trusts itself already.',
    );
  }
  return trusted;
}

/** Checks the longest chain of actors. Throws `configuration_invalid`. */
export function readMaxActors(value = DEFAULT_MAX_ACTORS): number {
  if (Number.isSafeInteger(value) && value >= 1 && value <= MAX_ACTORS) return value;
  throw new AAuthError('configuration_invalid', `maxActors must be from 1 to ${MAX_ACTORS}.`);
}
