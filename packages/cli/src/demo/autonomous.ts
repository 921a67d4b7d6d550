import { type Policy, rulePolicy } from '@countersign/auth-server';
import { decodeJws, isAAuthError } from '@countersign/protocol';
import { CommandError } from '../command-error.js';
import type { Play } from './play.js';
import { DEMO_SCOPE, type Stage } from './stage.js';

/** Longer than an auth token lives. */
const AN_HOUR_AND_MORE = 3700;

/** Access that a policy grants an agent for itself (PROTOCOL section 5.5). */
export const autonomous: Play = {
  flow: 'autonomous',
  title: 'Autonomous Agent',
  steps: [
    'The agent, with nobody beside it, requests the resource and is challenged',
    'A rule of the policy names it: the auth server grants at once, without a person',
    'The token names the agent and no person; it is renewed when it has expired',
    'Another agent, which no rule names, is denied',
    'The operator takes the rule back and revokes the grant: the next renewal is refused',
  ],
  async perform(stage) {
    const { agent, seat } = await stage.agent({ interaction: { mode: 'none' } });
    const resourceSeat = await stage.seat('Resource');
    const rules = rulePolicy(
      {
        access: [
          {
            agent: seat.id,
            audience: resourceSeat.id,
            scopes: DEMO_SCOPE.split(' '),
            decision: 'grant',
          },
        ],
      },
      { otherwise: 'deny', insecureLoopback: true },
    );
    const none = rulePolicy({}, { otherwise: 'deny' });
    let policy = rules;
    const current: Policy = (request) => policy(request);
    const { storage, seat: authServer } = await stage.authServer({ policy: current, people: [] });
    await stage.resource([authServer.id], { seat: resourceSeat });
    const url = `${resourceSeat.id}/data-auth`;
    const { signal } = stage;

    const first = await agent.fetch(url, { signal });
    stage.check(first.status === 200, 'the agent has access, and nobody was asked');
    checkToken(stage, seat.id);
    stage.advance(AN_HOUR_AND_MORE);
    const later = await agent.fetch(url, { signal });
    stage.check(later.status === 200, 'an hour later the token has been renewed');
    checkToken(stage, seat.id);

    const { agent: stranger } = await stage.agent({
      name: 'Another agent',
      interaction: { mode: 'none' },
    });
    stage.check(
      await isDenied(stranger.fetch(url, { signal })),
      'an agent that no rule names is denied',
    );

    policy = none;
    for (const { id } of await storage.grants.list()) {
      await storage.grants.revoke({ id, now: stage.clock() });
    }
    stage.advance(AN_HOUR_AND_MORE);
    stage.check(
      await isDenied(agent.fetch(url, { signal })),
      'without the rule and the grant the agent is denied',
    );
    return 'granted by policy without a person, renewed, and denied once revoked';
  },
};

function checkToken(stage: Stage, agent: string): void {
  const token = decodeJws(stage.observed.authToken ?? '');
  if (typeof token === 'string') throw new CommandError('No auth token was seen.');
  stage.check(
    token.payload['agent'] === agent && token.payload['sub'] === undefined,
    'the token names the agent and no person',
  );
}

async function isDenied(fetched: Promise<Response>): Promise<boolean> {
  try {
    await fetched;
    return false;
  } catch (error) {
    if (isAAuthError(error)) return error.code === 'access_denied';
    throw error;
  }
}
