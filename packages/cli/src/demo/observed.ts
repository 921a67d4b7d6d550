import { decodeJws, parseChallenge } from '@countersign/protocol';

/** What went over the wire in a run of the demonstration. */
export class Observed {
  /** Requests that the three servers answered. */
  requests = 0;
  resourceToken: string | undefined;
  authToken: string | undefined;

  /** Wraps an agent's transport to keep the latest tokens it was given. */
  watch(transport: typeof fetch): typeof fetch {
    return async (input, init) => {
      const response = await transport(input, init);
      const challenge = response.headers.get('agent-auth');
      if (challenge !== null) {
        const parsed = parseChallenge(challenge);
        if (parsed.kind === 'auth-token') this.resourceToken = parsed.resourceToken;
      }
      if (response.headers.get('content-type')?.startsWith('application/json') === true) {
        const body: unknown = await response.clone().json();
        if (typeof body === 'object' && body !== null && 'auth_token' in body) {
          this.authToken = String(body.auth_token);
        }
      }
      return response;
    };
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
