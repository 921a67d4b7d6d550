import { INTERACTION_SESSION } from '@countersign/protocol';
import { refusalResponse } from '../context.js';
import { challenge, type FoundConnection } from './find-connection.js';
import type { InteractionContext, RegisteredConnection } from './interaction-context.js';

/** What a handler has of a connection: the data of the person that this request is for. */
export interface Held<T> {
  /** As `finish` or `begin` returned it, or `save` kept it. */
  readonly data: T;
  /** Unix seconds at which the person is asked again. */
  readonly expiresAt: number;
  /**
   * Keeps other data in its place, a renewed access token for instance. False when it is no longer the data that this
   * request found: another request was faster, or the connection has ended. Then nothing is changed: let the agent repeat its
   * request. Rejects with `temporarily_unavailable` when the store does.
   */
  readonly save: (data: T) => Promise<boolean>;
  /**
   * Ends the connection, for instance because the other server no longer takes what is held, and returns the challenge to
   * answer with: the person is asked anew. Does not revoke anything at the other server. Never rejects.
   */
  readonly askAgain: () => Promise<Response>;
}

type Present = Exclude<FoundConnection, { response: Response }>;

export function heldConnection<T>(
  context: InteractionContext,
  connection: RegisteredConnection,
  { found, caller }: Present,
): Held<T> {
  let latest = found;
  const { records, resource } = context;
  return {
    // What was sealed for this connection is what its own application gave.
    data: found.value.data as T,
    expiresAt: found.value.expiresAt,
    async save(data) {
      const { expiresAt } = latest.value;
      const now = resource.clock();
      if (!(await records.replace('connection', latest, { data, expiresAt }, now))) return false;
      const kept = await records.find('connection', latest.key, now);
      if (kept !== undefined) latest = kept;
      return true;
    },
    async askAgain() {
      try {
        await records.take(latest, resource.clock());
        return await challenge(context, connection, caller);
      } catch (error) {
        return refusalResponse(resource, error);
      }
    },
  };
}

/** The answer, with the name of a session that was made for it. */
export function withNewSession(response: Response, { newSession }: Present): Response {
  if (newSession === undefined) return response;
  const headers = new Headers(response.headers);
  headers.set(INTERACTION_SESSION, newSession);
  headers.set('Cache-Control', 'no-store');
  const { status, statusText, body } = response;
  return new Response(body, { status, statusText, headers });
}
