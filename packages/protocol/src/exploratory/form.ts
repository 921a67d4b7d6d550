import type { HttpMessage } from '@countersign/httpsig';
import { AAuthError } from '../errors.js';

/** The media type of every token endpoint request (PROTOCOL section 5). */
export const FORM_TYPE = 'application/x-www-form-urlencoded';

const MAX_PARAMETERS = 64;

/**
 * Reads a form body. A repeated parameter, bytes that are not UTF-8 and more than 64 parameters are
 * `invalid_request`; another media type is `unsupported_media_type`.
 */
export function parseForm(
  message: Pick<HttpMessage, 'headers' | 'body'>,
): ReadonlyMap<string, string> {
  const types = message.headers.filter(([name]) => name.toLowerCase() === 'content-type');
  const type = types[0]?.[1].split(';', 1)[0]?.trim().toLowerCase();
  if (types.length !== 1 || type !== FORM_TYPE) {
    throw new AAuthError('unsupported_media_type', `Send the request as ${FORM_TYPE}.`);
  }
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(message.body ?? new Uint8Array());
  } catch {
    throw new AAuthError('invalid_request', 'The form is not valid UTF-8.');
  }
  const form = new Map<string, string>();
  // The parser drops one leading `?`, which is part of a name here.
  for (const [name, value] of new URLSearchParams(`?${text}`)) {
    if (form.has(name)) {
      throw new AAuthError('invalid_request', 'A form parameter is given twice.');
    }
    if (form.size >= MAX_PARAMETERS) {
      throw new AAuthError('invalid_request', 'The form has too many parameters.');
    }
    form.set(name, value);
  }
  return form;
}
