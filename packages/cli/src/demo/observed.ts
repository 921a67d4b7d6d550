import { decodeJws, parseChallenge } from '@countersign/protocol';
import { answerLine, type Message, requestLine } from './messages.js';

/** What went over the wire in a run of a flow. */
export class Observed {
  /** Requests that the servers answered, look-ups of keys and metadata included. */
  requests = 0;
  resourceToken: string | undefined;
  authToken: string | undefined;
  /** Names of the parties by their origin. */
  readonly parties = new Map<string, string>();
  /** What parties and people said to one another, in the order of the requests; look-ups of keys are left out. */
  readonly messages: Message[] = [];

  /** Wraps a transport of `from`: notes its messages, and keeps the latest tokens it was given. */
  watch(from: string, transport: typeof fetch): typeof fetch {
    return async (input, init) => {
      const request = new Request(input, init);
      const to = this.parties.get(new URL(request.url).origin) ?? 'elsewhere';
      const line = await requestLine(request);
      const at = this.messages.push({ from, to, request: line, answer: 'none' }) - 1;
      const response = await transport(input, init);
      this.messages[at] = { from, to, request: line, answer: await answerLine(response) };
      await this.#keepTokens(response);
      return response;
    };
  }

  async #keepTokens(response: Response): Promise<void> {
    const challenge = response.headers.get('agent-auth');
    if (challenge !== null) {
      const parsed = parseChallenge(challenge);
      if (parsed.kind === 'auth-token') this.resourceToken = parsed.resourceToken;
    }
    if (response.headers.get('content-type')?.startsWith('application/json') !== true) return;
    const body: unknown = await response.clone().json();
    if (typeof body === 'object' && body !== null && 'auth_token' in body) {
      this.authToken = String(body.auth_token);
    }
  }
}

/** A token's header and payload for a person to read. Decoded, not verified. */
export function decodedLines(token: string | undefined): string[] {
  const jws = token === undefined ? 'no token was seen' : decodeJws(token);
  if (typeof jws === 'string') return [jws];
  return [
    'Header:',
    JSON.stringify(jws.header, null, 2),
    '',
    'Payload:',
    JSON.stringify(jws.payload, null, 2),
  ];
}
