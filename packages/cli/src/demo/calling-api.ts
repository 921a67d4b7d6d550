import type { Agent } from '@countersign/agent';
import { isAAuthError } from '@countersign/protocol';
import type { AuthorizedAccess, Resource } from '@countersign/resource';
import { aauth, resourceRoutes } from '@countersign/resource/hono';
import { Hono } from 'hono';
import { temporaryKeys } from '../keys-file.js';
import type { Seat, Stage } from './stage.js';

/** One scope of an API, and the address of another that its answer needs. */
export interface ApiRoute {
  readonly path: string;
  readonly scope: string;
  readonly calls?: string;
}

/** Who is asking, as the last API in a chain sees it. */
export interface Asking {
  readonly subject: string | null;
  readonly agent: string;
  /** Who acted before, the most recent first. */
  readonly actors: readonly string[];
}

/**
 * An API that calls others for whoever called it: one process with one identifier and one key set, a resource to its
 * callers and an agent to the APIs it calls (PROTOCOL section 5.8). A route that calls nobody answers with
 * {@link Asking}; a refused exchange is answered 403 with its code.
 */
export async function startCallingApi(
  stage: Stage,
  seat: Seat,
  authServer: string,
  routes: readonly ApiRoute[],
): Promise<void> {
  const keys = await temporaryKeys('resource-key-1');
  const { agent } = await stage.agent({
    seat,
    keys,
    name: seat.name,
    interaction: { mode: 'none' },
  });
  const scopes = Object.fromEntries(routes.map(({ scope }) => [scope, `Use ${scope}`]));
  await stage.resource([authServer], { seat, keys, scopes, name: seat.name }, (resource) =>
    apiApp(resource, agent, routes),
  );
}

function apiApp(resource: Resource, agent: Agent, routes: readonly ApiRoute[]): Hono {
  const app = new Hono({ getPath: (request) => new URL(request.url).pathname });
  app.use(resourceRoutes(resource));
  for (const { path, scope, calls } of routes) {
    app.get(path, aauth(resource, { scopes: [scope] }), async (c) => {
      const access = c.get('access');
      return calls === undefined
        ? c.json(askingOf(access))
        : await passedOn(agent.onBehalfOf(access).fetch(calls));
    });
  }
  // What it publishes as an agent.
  app.notFound(async (c) => (await agent.handle(c.req.raw)) ?? c.text('Not found', 404));
  return app;
}

function askingOf({ subject, agent, actors }: AuthorizedAccess): Asking {
  return { subject: subject ?? null, agent, actors: actors.map((actor) => actor.agent) };
}

async function passedOn(called: Promise<Response>): Promise<Response> {
  try {
    const response = await called;
    const body: unknown = await response.json();
    return Response.json(body, { status: response.status });
  } catch (error) {
    if (!isAAuthError(error)) throw error;
    return Response.json({ error: error.code }, { status: 403 });
  }
}

/** What an API answered. */
export async function answerOf(response: Response): Promise<{ status: number; text: string }> {
  return { status: response.status, text: await response.text() };
}
