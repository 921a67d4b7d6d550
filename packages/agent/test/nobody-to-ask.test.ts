import { beforeEach, describe, expect, it } from 'vitest';
import { isInteractionRequired } from '../src/index.js';
import { AGENT, API, AUTH, rejection, World } from './world.js';

let world: World;
beforeEach(async () => {
  world = await World.create();
});

describe('An agent with nobody beside it', () => {
  it('gets what is granted directly, and renews it', async () => {
    world.refreshTokens = true;
    const agent = world.agent({ interaction: { mode: 'none' } });
    expect((await agent.fetch(`${API}/data`)).status).toBe(200);
    world.now += 3600;
    expect((await agent.fetch(`${API}/data`)).status).toBe(200);
    expect(world.tokenRequests()).toEqual(['auth', 'refresh']);
  });

  it('publishes no redirect URIs, so that no person can be sent to it', async () => {
    const documentOf = async (mode: 'none' | 'redirect') => {
      const agent = world.agent({ interaction: { mode } });
      const response = await agent.handle(new Request(`${AGENT}/.well-known/aauth-agent`));
      return (await response?.json()) as unknown;
    };
    expect(await documentOf('none')).toEqual({ agent: AGENT, jwks_uri: `${AGENT}/jwks.json` });
    expect(await documentOf('redirect')).toHaveProperty('redirect_uris');
  });

  it('is told when a person would have to decide, and no flow is left behind', async () => {
    world.consent = 'person';
    const agent = world.agent({ interaction: { mode: 'none' } });
    const error = await rejection(agent.fetch(`${API}/data`));
    expect([error.code, error.rule]).toEqual(['interaction_required', 'nobody_to_ask']);
    expect(isInteractionRequired(error)).toBe(false);
    const [consentUrl] = [...world.requests.keys()];
    expect(consentUrl).toBeDefined();
    const callback = `${AGENT}/callback?code=code-1&state=s&iss=${encodeURIComponent(AUTH)}`;
    expect((await agent.handle(new Request(callback)))?.status).toBe(400);
    expect(world.tokenRequests()).toEqual(['auth']);
  });
});
