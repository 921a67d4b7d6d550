import { AAuthError } from '@countersign/protocol';
import type { Access } from '../access.js';
import { contextOf } from '../context.js';
import type { Resource } from '../create-resource.js';
import type { GuardedHandler } from '../guard.js';
import {
  type ConnectionOptions,
  DEFAULT_LIFETIME_SECONDS,
  MAX_LIFETIME_SECONDS,
  type VisitEnd,
} from './connection-options.js';
import { findConnection } from './find-connection.js';
import { finishVisit, type ReturnedVisit } from './finish-visit.js';
import { type Held, heldConnection, withNewSession } from './held-connection.js';
import {
  createInteractionContext,
  type InteractionContext,
  type InteractionsOptions,
  type RegisteredConnection,
} from './interaction-context.js';
import { handleVisitPage } from './visit-endpoint.js';
import { INTERACTION_PATH } from './visit-page.js';

/** A connection that a request has, with how its answer is to be sent; or the answer to send instead. */
export type ConnectionResult<T> =
  | { readonly held: Held<T>; readonly answer: (response: Response) => Response }
  | { readonly response: Response };

/** Something that a person connects at the resource itself, and that agents then use. */
export interface Connectable<T> {
  readonly name: string;
  /**
   * What `guard` does before its handler runs, for adapters to frameworks. `request` and `access` are what the resource's
   * own guard handed on. The response of a handler must go through `answer`. Never throws for what a stranger sent.
   */
  readonly check: (request: Request, access: Access) => Promise<ConnectionResult<T>>;
  /** Guards a handler: `resource.guard('identity', calendar.guard((request, access, held) => …))`. */
  readonly guard: (
    handler: (request: Request, access: Access, held: Held<T>) => Response | Promise<Response>,
  ) => GuardedHandler;
  /**
   * Answers a person who comes back from where `begin` sent them: the handler of a redirect URI calls it with the `state`
   * it was given. `complete` runs once, for a live visit in the browser that began it; what it returns ends the visit. When
   * it throws, the agent is told `server_error`.
   */
  readonly finish: (
    request: Request,
    state: string | null | undefined,
    complete: (visit: ReturnedVisit) => VisitEnd<T> | Promise<VisitEnd<T>>,
  ) => Promise<Response>;
}

/** What a resource asks of people themselves (PROTOCOL section 5.11). */
export interface Interactions {
  /** Makes something that can be connected. Throws `AAuthError` `configuration_invalid` for a name used twice. */
  readonly connection: <T>(options: ConnectionOptions<T>) => Connectable<T>;
  /** Answers the page that agents send people to; `undefined` for any other path. */
  readonly handle: (request: Request) => Promise<Response | undefined>;
}

/**
 * Lets a resource ask a person something itself before an agent gets what it wants: the user interaction of PROTOCOL
 * section 5.11. One for each resource.
 *
 * Throws `AAuthError` `configuration_invalid` for a malformed sealing key or limit. Does not sign people in: who the
 * person is matters only to what they connect.
 */
export function createInteractions(resource: Resource, options: InteractionsOptions): Interactions {
  const context = createInteractionContext(contextOf(resource), options);
  return {
    connection: (connectionOptions) => createConnection(context, connectionOptions),
    handle: async (request) =>
      new URL(request.url).pathname === INTERACTION_PATH
        ? await handleVisitPage(context, request)
        : undefined,
  };
}

function createConnection<T>(
  context: InteractionContext,
  options: ConnectionOptions<T>,
): Connectable<T> {
  const { name, title, description, begin } = options;
  const lifetimeSeconds = options.lifetimeSeconds ?? DEFAULT_LIFETIME_SECONDS;
  if (!/^[a-z0-9-]{1,64}$/.test(name) || context.connections.has(name)) {
    refuse(`A connection's name is 1 to 64 of a-z 0-9 and -, used once: not ${name}.`);
  }
  if (title.trim() === '' || description.trim() === '') {
    refuse(`The connection ${name} needs a title and a description for people to read.`);
  }
  if (
    !Number.isSafeInteger(lifetimeSeconds) ||
    lifetimeSeconds < 60 ||
    lifetimeSeconds > MAX_LIFETIME_SECONDS
  ) {
    refuse(`lifetimeSeconds of the connection ${name} must be 60 to ${MAX_LIFETIME_SECONDS}.`);
  }
  const registered: RegisteredConnection = {
    name,
    title,
    description,
    lifetimeSeconds,
    begin: async (visit) => await begin(visit),
  };
  context.connections.set(name, registered);

  const check: Connectable<T>['check'] = async (request, access) => {
    const result = await findConnection(context, registered, request, access);
    if ('response' in result) return result;
    return {
      held: heldConnection<T>(context, registered, result),
      answer: (response) => withNewSession(response, result),
    };
  };
  return {
    name,
    check,
    guard: (handler) => async (request, access) => {
      const result = await check(request, access);
      if ('response' in result) return result.response;
      return result.answer(await handler(request, access, result.held));
    },
    finish: (request, state, complete) =>
      finishVisit(context, registered, request, state, complete),
  };
}

function refuse(message: string): never {
  throw new AAuthError('configuration_invalid', message);
}
