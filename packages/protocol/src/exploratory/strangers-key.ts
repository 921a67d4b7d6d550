import type { VerificationKey } from '@countersign/httpsig';
import { AAuthError, isAAuthError } from '../errors.js';

const KEY_NOT_FOUND =
  'The signing key or document could not be had from where the request says it is published.';

/** The one answer to whatever is wrong where a stranger pointed; `rule` and `detail` are for the log. */
export function strangerRefused(rule: string, detail?: string, cause?: AAuthError): AAuthError {
  return new AAuthError('invalid_signature', KEY_NOT_FOUND, {
    rule,
    ...(detail === undefined ? {} : { detail }),
    ...(cause === undefined ? {} : { cause }),
  });
}

/**
 * A key, or a document, that a stranger pointed at: whatever is wrong there, the answer is one and the same
 * `invalid_signature` (PROTOCOL section 7).
 */
export function fromStranger<T>(find: Promise<T>): Promise<T> {
  return find.catch((error: unknown) => {
    if (!isAAuthError(error, 'discovery_failed')) throw error;
    throw strangerRefused('discovery_failed', error.detail ?? error.message, error);
  });
}

/** As {@link fromStranger}, for a key that must exist. */
export async function strangersKey(
  find: Promise<VerificationKey | undefined>,
): Promise<VerificationKey> {
  const key = await fromStranger(find);
  if (key === undefined) throw strangerRefused('kid_unknown');
  return key;
}
