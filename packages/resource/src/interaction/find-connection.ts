import {
  AAuthError,
  INTERACTION_CODE,
  INTERACTION_SESSION,
  type ServerIdentifier,
} from '@countersign/protocol';
import type { Access } from '../access.js';
import { outcomeResponse } from '../outcome.js';
import { refusalResponse } from '../context.js';
import { asSecret } from './browser.js';
import {
  type InteractionContext,
  type RegisteredConnection,
  REQUEST_SECONDS,
  tooMany,
  VISIT_SECONDS,
} from './interaction-context.js';
import { callerOf, connectionKey, type InteractionCaller } from './interaction-caller.js';
import { decideCode } from './presented.js';
import { type ConnectionRecord, type Found, recordKey } from './records.js';
import { INTERACTION_PATH } from './visit-page.js';

/** What was found for a request: its connection, or the answer that sends a person on a visit. */
export type FoundConnection =
  | {
      readonly found: Found<ConnectionRecord>;
      readonly caller: InteractionCaller;
      /** A session that was named just now: the agent has to learn of it, in whatever answer it gets. */
      readonly newSession: string | undefined;
    }
  | { readonly response: Response };

/**
 * The connection that a verified request may use. In order: an agent, not a bare key; a code, when one is presented, is
 * redeemed by whoever it was made for, once; else the connection of the token's person, or of the session that the
 * request names; else a challenge. Never throws.
 */
export async function findConnection(
  context: InteractionContext,
  connection: RegisteredConnection,
  request: Request,
  access: Access,
): Promise<FoundConnection> {
  try {
    const caller = callerOf(access);
    if (caller === undefined) {
      return { response: outcomeResponse({ type: 'challenge', challenge: { kind: 'identity' } }) };
    }
    // Both fields are covered by the signature when they are there: the profile asks for it.
    const session = asSecret(request.headers.get(INTERACTION_SESSION));
    if (request.headers.has(INTERACTION_CODE)) {
      const code = asSecret(request.headers.get(INTERACTION_CODE));
      const redeemed = await redeem(context, connection, caller, { code, session });
      if (redeemed !== undefined) return { ...redeemed, caller };
    }
    const key = await connectionKey(connection.name, caller, session);
    const now = context.resource.clock();
    const found =
      key === undefined ? undefined : await context.records.find('connection', key, now);
    if (found !== undefined) return { found, caller, newSession: undefined };
    return { response: await challenge(context, connection, caller) };
  } catch (error) {
    return { response: refusalResponse(context.resource, error) };
  }
}

/** The challenge `user_interaction`: a new request, which waits ten minutes for its person. */
export async function challenge(
  { resource, records, pendingLimit, secret }: InteractionContext,
  connection: RegisteredConnection,
  caller: InteractionCaller,
): Promise<Response> {
  const id = secret();
  const now = resource.clock();
  const kept = await records.put(
    'request',
    await recordKey('request', id),
    {
      connection: connection.name,
      caller,
      opensUntil: now + REQUEST_SECONDS,
      expiresAt: now + REQUEST_SECONDS + VISIT_SECONDS,
    },
    { agent: caller.agent, limit: pendingLimit, now },
  );
  if (!kept) throw tooMany(caller.agent);
  return outcomeResponse({
    type: 'challenge',
    challenge: { kind: 'interaction', url: pageAddress(resource.id, id) },
  });
}

function pageAddress(resource: ServerIdentifier, id: string): string {
  return `${resource}${INTERACTION_PATH}?request=${id}`;
}

async function redeem(
  context: InteractionContext,
  connection: RegisteredConnection,
  caller: InteractionCaller,
  presented: { readonly code: string | undefined; readonly session: string | undefined },
): Promise<{ found: Found<ConnectionRecord>; newSession: string | undefined } | undefined> {
  const { resource, records, connectionLimit } = context;
  const { code } = presented;
  const now = resource.clock();
  const found =
    code === undefined ? undefined : await records.find('code', await recordKey('code', code), now);
  const decision = decideCode(found?.value, caller, connection.name);
  if (found === undefined || decision.kind === 'leave' || !(await records.take(found, now))) {
    const rule = decision.kind === 'leave' ? decision.rule : 'interaction_code_used';
    resource.report(new AAuthError('invalid_grant', 'The code does not count here.', { rule }));
    return undefined;
  }
  const { session, isNew } = await sessionFor(context, caller, presented.session);
  const key = await connectionKey(connection.name, caller, session);
  if (key === undefined) throw new TypeError('a caller without a person has a session');
  const value = { data: found.value.data, expiresAt: now + connection.lifetimeSeconds };
  const limits = { agent: caller.agent, limit: connectionLimit, now };
  if (!(await records.put('connection', key, value, limits))) throw tooMany(caller.agent);
  const kept = await records.find('connection', key, now);
  if (kept === undefined) throw new TypeError('what was kept just now is there');
  return { found: kept, newSession: isNew ? session : undefined };
}

/**
 * The session that a redeemed code belongs to: none for the person of a token; the one the request names while anything
 * is connected under it; else a new one. An agent keeps one name for each of its people.
 */
async function sessionFor(
  { connections, records, resource, secret }: InteractionContext,
  caller: InteractionCaller,
  named: string | undefined,
): Promise<{ session: string | undefined; isNew: boolean }> {
  if (caller.person !== null) return { session: undefined, isNew: false };
  if (named !== undefined) {
    for (const name of connections.keys()) {
      const key = await connectionKey(name, caller, named);
      if (key === undefined) continue;
      const live = await records.find('connection', key, resource.clock());
      if (live !== undefined) return { session: named, isNew: false };
    }
  }
  return { session: secret(), isNew: true };
}
