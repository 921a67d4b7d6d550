import { type AAuthError, memoryReplayStore } from '@countersign/protocol';
import { Hono } from 'hono';
import type { Signer } from '../../../protocol/test/kit.js';
import { aauth, type OpenAccessVariables } from '../../src/hono.js';
import {
  createResource,
  memoryRateLimitStore,
  type OpenAccess,
  type OpenLevels,
  type OpenRequirement,
  type ProgressiveRequirement,
  type ProgressiveResource,
  type ResourceOptions,
} from '../../src/index.js';
import { type Api, DATA, makeApi, SCOPES, sign } from '../support.js';

/** A resource that counts, with a record of whom its handlers were given. */
export interface LimitedApi extends Omit<Api, 'api' | 'ran'> {
  readonly api: ProgressiveResource;
  readonly ran: OpenAccess[];
}

export async function makeLimitedApi(options: Partial<ResourceOptions> = {}): Promise<LimitedApi> {
  const made = await makeApi();
  const { resource, authServer, discovery, clock } = made;
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
    rateLimits: options.rateLimits ?? memoryRateLimitStore(),
  });
  return { ...made, api, ran: [], refused };
}

/** Sends a request from that address. */
export type SendFrom = (request: Request, remoteAddress?: string) => Promise<Response>;

export const HERE = '203.0.113.7';
export const ELSEWHERE = '198.51.100.1';

/** These handlers take callers of every level, also where the route lets fewer in. */
const open = (requirement: OpenRequirement | ProgressiveRequirement): OpenRequirement =>
  requirement as OpenRequirement;

/** The ways in: each returns what answers requests to a route with that requirement. */
export const limitedDoors: Record<
  string,
  (made: LimitedApi, requirement: OpenRequirement | ProgressiveRequirement) => SendFrom
> = {
  'a plain handler': ({ api, ran }, requirement) => {
    const route = api.guard(open(requirement), (_request, access) => {
      ran.push(access);
      return new Response(access.level);
    });
    return (request, remoteAddress = HERE) => route(request, { remoteAddress });
  },
  'a Hono route': ({ api, ran }, requirement) => {
    const app = new Hono<{
      Variables: OpenAccessVariables;
      Bindings: { peer: string };
    }>();
    app.all(
      '*',
      aauth(api, open(requirement), { remoteAddress: (c) => (c.env as { peer: string }).peer }),
      (c) => {
        ran.push(c.get('access'));
        return c.text(c.get('access').level);
      },
    );
    return async (request, peer = HERE) => await app.request(request, {}, { peer });
  },
};

export const LEVELS = {
  unsigned: { perMinute: 1 },
  signature: { perMinute: 2 },
  identity: { perMinute: 3 },
  authorization: { perMinute: 4, scopes: ['data.read'] },
} satisfies OpenLevels;

export const unsigned = (init: RequestInit = {}): Request => new Request(DATA, init);

/** Sends fresh requests of one signer until one is not let in, which is returned with how many were. */
export async function exhaust(
  send: SendFrom,
  signer: Signer | undefined,
  remoteAddress?: string,
): Promise<{ readonly passed: number; readonly response: Response }> {
  for (let passed = 0; passed < 50; passed += 1) {
    const request = signer === undefined ? unsigned() : await sign(signer);
    const response = await send(request, remoteAddress);
    if (response.status !== 200) return { passed, response };
  }
  throw new Error('there is no limit');
}
