import type { HttpMessage } from '@countersign/httpsig';
import { AAuthError } from '../errors.js';

/** The media type of every token endpoint request (PROTOCOL section 5). */
export const FORM_TYPE = 'application/x-www-form-urlencoded';

const MAX_PARAMETERS = 64;

/** As `URLSearchParams` does, which takes several times as long, most of it for the long tokens with nothing to decode. */
function readParameter(part: string): readonly [string, string] {
  const mark = part.indexOf('=');
  const name = mark < 0 ? part : part.slice(0, mark);
  const value = mark < 0 ? '' : part.slice(mark + 1);
  try {
    return [decoded(name), decoded(value)];
  } catch {
    // What is no escape stays as it is, and what is no UTF-8 is replaced. The parser drops one leading `?`, which is part of
    // a name here.
    return [...new URLSearchParams(`&${part}`)][0] ?? ['', ''];
  }
}

function decoded(text: string): string {
  return /[%+]/.test(text) ? decodeURIComponent(text.replaceAll('+', ' ')) : text;
}

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
  for (const part of text.split('&')) {
    if (part === '') continue;
    const [name, value] = readParameter(part);
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
