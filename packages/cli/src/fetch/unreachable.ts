import { CommandError } from '../command-error.js';

const WORDS: ReadonlyMap<string, string> = new Map([
  ['ECONNREFUSED', 'nothing is listening there'],
  ['ENOTFOUND', 'there is no such host'],
  ['EAI_AGAIN', 'its name cannot be looked up now'],
  ['ECONNRESET', 'the connection was closed'],
  ['UND_ERR_SOCKET', 'the connection was closed'],
  ['EHOSTUNREACH', 'there is no way to that host'],
  ['ENETUNREACH', 'there is no way to that host'],
  ['ETIMEDOUT', 'there was no answer in time'],
  ['UND_ERR_CONNECT_TIMEOUT', 'there was no answer in time'],
  ['UND_ERR_HEADERS_TIMEOUT', 'there was no answer in time'],
  ['UND_ERR_BODY_TIMEOUT', 'the answer stopped halfway'],
]);

/** What `fetch` throws when a server cannot be reached, as one line; anything else as it is. */
export function unreachable(error: unknown, url: string): unknown {
  if (!(error instanceof TypeError) || !['fetch failed', 'terminated'].includes(error.message)) {
    return error;
  }
  const { cause } = error;
  const known = cause instanceof Error ? cause : error;
  const code = 'code' in known ? String(known.code) : undefined;
  const why = (code === undefined ? undefined : WORDS.get(code)) ?? code ?? known.message;
  return new CommandError(`${new URL(url).origin} cannot be reached: ${why}.`);
}
