import { createAddressGuard } from '../discovery/address-guard.js';
import { type DocumentFetch, type GuardOptions, HostRefused } from '../discovery/document-fetch.js';
import { AAuthError } from '../errors.js';

/**
 * The guarded GET where the address that `fetch` connects to cannot be seen: only hosts that the operator listed are
 * asked, or, with `unguardedDiscovery`, any. Throws {@link AAuthError} `configuration_invalid` without either.
 */
export function createGuardedFetch(options: GuardOptions): DocumentFetch {
  if (options.hosts === undefined && options.unguardedDiscovery !== true) {
    throw new AAuthError(
      'configuration_invalid',
      'This platform cannot check which address it connects to: list the servers that may be asked as ' +
        'discovery "hosts", or set unguardedDiscovery where there is no private network to reach.',
    );
  }
  const guard = createAddressGuard(options);
  return async (text, { accept, maxBytes, deadlineMs }) => {
    const { url } = guard(text);
    const abort = new AbortController();
    const timer = setTimeout(() => abort.abort(new HostRefused('deadline passed')), deadlineMs);
    try {
      const response = await fetch(url, {
        headers: { accept },
        // Some platforms know no 'error', and some no credentials at all and refuse to be told.
        redirect: 'manual',
        ...('credentials' in Request.prototype ? { credentials: 'omit' } : {}),
        signal: abort.signal,
      });
      const { status, headers } = response;
      if (response.type === 'opaqueredirect' || (status >= 300 && status < 400)) {
        throw new HostRefused('redirect');
      }
      return {
        status,
        contentType: headers.get('content-type') ?? undefined,
        cacheControl: headers.get('cache-control') ?? undefined,
        body: status === 200 ? await readBody(response, maxBytes) : new Uint8Array(),
      };
    } catch (error) {
      throw abort.signal.aborted ? abort.signal.reason : error;
    } finally {
      clearTimeout(timer);
      abort.abort();
    }
  };
}

/** Counts decoded bytes: `fetch` has undone any content coding already. */
async function readBody(response: Response, maxBytes: number): Promise<Uint8Array<ArrayBuffer>> {
  const body = new Uint8Array(maxBytes);
  let length = 0;
  const reader = response.body?.getReader();
  if (reader === undefined) return body.slice(0, 0);
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return body.slice(0, length);
    if (length + value.length > maxBytes) throw new HostRefused('body too large');
    body.set(value, length);
    length += value.length;
  }
}
