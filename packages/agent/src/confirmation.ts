import { parsePublicJwk, SignatureError, thumbprint } from '@countersign/httpsig';
import { isJsonObject } from '@countersign/protocol';

/** The thumbprint of the key in a `cnf` claim; `undefined` when there is none that can be used. */
export async function confirmationThumbprint(cnf: unknown): Promise<string | undefined> {
  if (!isJsonObject(cnf)) return undefined;
  try {
    return await thumbprint(parsePublicJwk(cnf['jwk']).jwk);
  } catch (error) {
    if (error instanceof SignatureError) return undefined;
    throw error;
  }
}
