import {
  AAuthError,
  type Clock,
  hashSecret,
  type Random,
  randomSecret,
  systemClock,
  systemRandom,
} from '@countersign/protocol';
import { checkDelegateName } from './delegate-name.js';
import type { DelegateStore } from './delegate-store.js';
import type { DelegateAuthenticator } from './options.js';

/**
 * Adds a delegate and makes its enrolment secret: 256 random bits as base64url. This is the only time that the secret
 * is seen; the store keeps its SHA-256. It is good for this `delegate` alone, again and again, until it is revoked.
 *
 * A name that has been revoked may be added anew, with another secret. It is then the same delegate to auth servers:
 * what people have approved for the name holds for whoever bears it next.
 *
 * Throws `AAuthError` `configuration_invalid` for a name that cannot be one, `invalid_request` (rule `delegate_exists`)
 * when a delegate of that name has not been revoked. Errors of the store are passed on.
 */
export async function addDelegate(
  store: DelegateStore,
  delegate: string,
  { clock = systemClock, random = systemRandom }: { clock?: Clock; random?: Random } = {},
): Promise<{ readonly delegate: string; readonly enrolmentSecret: string }> {
  checkDelegateName(delegate);
  const enrolmentSecret = randomSecret(random, 256);
  if (!(await store.add(delegate, await hashSecret(enrolmentSecret), clock()))) {
    throw new AAuthError(
      'invalid_request',
      'There is a delegate of that name already; revoke it first, or choose another name.',
      { rule: 'delegate_exists' },
    );
  }
  return { delegate, enrolmentSecret };
}

/**
 * The built-in authenticator (PROTOCOL section 5.7): a delegate is who holds the secret that {@link addDelegate} made
 * for it. The key may be another each time, since keys rotate under one name.
 */
export function enrolmentSecrets(
  store: Pick<DelegateStore, 'findBySecret'>,
): DelegateAuthenticator {
  return async ({ delegate, enrolmentSecret }) => {
    if (enrolmentSecret === undefined) {
      throw new AAuthError('invalid_request', 'The enrolment_secret member is missing.', {
        rule: 'enrolment_secret_missing',
      });
    }
    const owner = await store.findBySecret(await hashSecret(enrolmentSecret));
    if (owner === undefined) return 'refused';
    return owner === delegate ? 'accepted' : 'other-delegate';
  };
}
