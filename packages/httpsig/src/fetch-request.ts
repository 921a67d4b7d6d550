import { messageFromRequest } from './message.js';
import { type SignOptions, signMessage } from './sign.js';
import {
  type ResolvedKey,
  verifyMessage,
  type VerifyOptions,
  type VerifyResult,
} from './verify.js';

/**
 * Signs a Fetch `Request` and returns a new one with the signature fields, and `Content-Digest` when there is a body.
 * The request given is consumed. `authority` defaults to that of its URL.
 *
 * Throws {@link SignatureError} as {@link signMessage} does. Send the result as it is: a redirect that `fetch` follows
 * by itself would carry the signature to another address, so its `redirect` is `manual`.
 */
export async function signRequest(
  request: Request,
  options: Omit<SignOptions, 'authority'> & { readonly authority?: string },
): Promise<Request> {
  const message = await messageFromRequest(request);
  const added = await signMessage(message, {
    ...options,
    authority: options.authority ?? new URL(request.url).host,
  });
  const headers = new Headers(request.headers);
  for (const [name, value] of added) headers.set(name, value);
  const { method, signal } = request;
  return new Request(request.url, {
    method,
    headers,
    signal,
    redirect: 'manual',
    ...(message.body === undefined ? {} : { body: message.body }),
  });
}

/**
 * Verifies a Fetch `Request`, body included; the request is consumed (pass a clone to keep it). A `Request` has
 * normalised its URL and joined repeated headers: on Node build the {@link HttpMessage} from the raw request instead.
 */
export async function verifyRequest<K extends ResolvedKey>(
  request: Request,
  options: VerifyOptions<K>,
): Promise<VerifyResult<K>> {
  return await verifyMessage(await messageFromRequest(request), options);
}
