import type { TextAnswer } from '@countersign/protocol';

/** These headers, with a line for each cookie where there are any. */
export function withCookies(
  headers: Readonly<Record<string, string>>,
  cookies: readonly string[],
): TextAnswer['headers'] {
  return cookies.length === 0 ? headers : { ...headers, 'Set-Cookie': cookies };
}
