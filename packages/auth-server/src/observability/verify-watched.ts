import type { ServerContext } from '../context.js';

/** Verifies a request, and tells how long that took. */
export async function verifyWatched<T>(
  { emit }: Pick<ServerContext, 'emit'>,
  verify: () => Promise<T>,
): Promise<T> {
  if (emit === undefined) return await verify();
  const begun = performance.now();
  const tell = (result: 'verified' | 'refused'): void => {
    emit({ type: 'request-verified', result, durationMilliseconds: performance.now() - begun });
  };
  try {
    const verified = await verify();
    tell('verified');
    return verified;
  } catch (error) {
    tell('refused');
    throw error;
  }
}
