/** What stands in the query of a callback (PROTOCOL section 5.2). Nothing in it has been checked. */
export interface CallbackParameters {
  readonly code: string | undefined;
  readonly state: string | undefined;
  readonly issuer: string | undefined;
  readonly error: string | undefined;
  readonly errorDescription: string | undefined;
  /** The code of a resource's own page (PROTOCOL section 5.11). */
  readonly interactionCode: string | undefined;
}

const NAMES = ['code', 'state', 'iss', 'error', 'error_description', 'interaction_code'] as const;

/**
 * Reads the query of a callback. `undefined` when one of the parameters is given twice, longer than 2048 characters or
 * empty, when `code` stands beside `error`, or when a code has other than visible ASCII characters.
 */
export function readCallbackParameters(query: URLSearchParams): CallbackParameters | undefined {
  const read = new Map<string, string>();
  for (const name of NAMES) {
    const [value, second] = query.getAll(name);
    if (value === undefined) continue;
    if (second !== undefined || value.length > 2048) return undefined;
    if (value !== '') read.set(name, value);
    else if (name !== 'error_description') return undefined;
  }
  const codes = [read.get('code'), read.get('interaction_code')];
  if (codes.some((code) => code !== undefined && !/^[\x21-\x7e]+$/.test(code))) return undefined;
  if (read.has('code') && read.has('error')) return undefined;
  return {
    code: read.get('code'),
    state: read.get('state'),
    issuer: read.get('iss'),
    error: read.get('error'),
    errorDescription: read.get('error_description'),
    interactionCode: read.get('interaction_code'),
  };
}
