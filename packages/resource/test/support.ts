import { type AAuthError, type JsonObject, memoryReplayStore } from '@countersign/protocol';
import { Hono } from 'hono';
import {
  authTokenFor,
  decoded,
  FakeDiscovery,
  type Grant,
  holder,
  makeWorld,
  type Shape,
  signedRequest,
  type Signer,
  testClock,
  type World,
} from '../../protocol/test/kit.js';
import { aauth, type AccessVariables } from '../src/hono.js';
import {
  type Access,
  createResource,
  type Resource,
  type ResourceOptions,
  type RouteRequirement,
} from '../src/index.js';

export const SCOPES = {
  'data.read': 'Read your data',
  'data.write': 'Change your data',
  'data.delete': 'Delete your data',
};

/** A resource in a world of its own, with a record of what its handlers were given and what was reported. */
export interface Api extends World {
  readonly api: Resource;
  readonly ran: { readonly access: Access; readonly body: string }[];
  readonly refused: AAuthError[];
}

const parties = makeWorld();

export async function makeApi(options: Partial<ResourceOptions> = {}): Promise<Api> {
  const { agent, resource, authServer } = await parties;
  // The keys are shared, since making them costs most; the clock and the discovery are each test's own.
  const clock = testClock();
  const discovery = new FakeDiscovery()
    .publishAgent(agent)
    .publishResource(resource)
    .publishAuthServer(authServer);
  const refused: AAuthError[] = [];
  const api = createResource({
    id: resource.id,
    keys: resource.keys,
    authServers: [authServer.id],
    scopes: SCOPES,
    discovery,
    clock,
    replay: memoryReplayStore({ clock, nothingBeforeStart: true }),
    onRefused: (error) => refused.push(error),
    ...options,
  });
  return { api, ran: [], refused, agent, resource, authServer, clock, discovery };
}

/** The ways in: each returns what answers requests to a route with that requirement. */
export const doors: Record<string, (made: Api, requirement: RouteRequirement) => Send> = {
  'a plain handler': ({ api, ran }, requirement) =>
    api.guard(requirement, async (request, access) => {
      ran.push({ access, body: await request.text() });
      return new Response('done');
    }),
  'a Hono route': (made, requirement) => {
    const app = honoApp(made, requirement);
    return async (request) => await app.request(request);
  },
};

export type Send = (request: Request) => Promise<Response>;

/** A Hono app whose every path is guarded. */
export function honoApp({ api, ran }: Api, requirement: RouteRequirement) {
  const app = new Hono<{ Variables: AccessVariables }>();
  app.all('*', aauth(api, requirement), async (c) => {
    ran.push({ access: c.get('access'), body: await c.req.text() });
    return c.text('done');
  });
  return app;
}

export const DATA = 'https://rs.example/data';

/** Signs a request to {@link DATA}. */
export const sign = (signer: Signer, shape: Partial<Shape> = {}): Promise<Request> =>
  signedRequest(signer, { url: DATA, ...shape });

/** One who holds an auth token of the world's auth server for its resource. */
export async function tokenHolder(made: Api, grant: Grant = {}): Promise<Signer> {
  const { authServer, resource, agent } = made;
  return holder(agent.key, await authTokenFor(authServer, resource, agent, grant));
}

export const IDENTITY = 'httpsig; identity=?1';

/** Takes a challenge for an auth token apart, by its exact spelling. */
export function tokenChallenge(response: Response): {
  token: string;
  authServer: string;
  header: JsonObject;
  payload: JsonObject;
} {
  const header = response.headers.get('agent-auth') ?? '';
  const match =
    /^httpsig; auth-token; resource_token="([A-Za-z0-9_.-]+)"; auth_server="([^"]+)"$/.exec(header);
  const [, token = '', authServer = ''] = match ?? [];
  if (match === null) throw new Error(`not a challenge for an auth token: ${header}`);
  return { token, authServer, ...decoded(token) };
}
