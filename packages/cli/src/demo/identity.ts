import { createAgent } from '@countersign/agent';
import {
  issueAgentToken,
  parseServerIdentifier,
  randomSecret,
  systemRandom,
} from '@countersign/protocol';
import type { Resource } from '@countersign/resource';
import { aauth, resourceRoutes } from '@countersign/resource/hono';
import { Hono } from 'hono';
import { temporaryKeys } from '../keys-file.js';
import type { Play } from './play.js';

/** A route for agents by name, one for all but one of them, and one for people's data. */
function memberApi(allowed: string, denied: string): (resource: Resource) => Hono {
  const agents = { deny: [denied] };
  return (resource) => {
    const app = new Hono();
    app.use(resourceRoutes(resource));
    const members = aauth(resource, { level: 'identity', agents: { allow: [allowed] } });
    app.get('/members', members, (c) => c.json(c.get('access')));
    app.get('/agents', aauth(resource, { level: 'identity', agents }), (c) => c.text('welcome'));
    app.get('/notes', aauth(resource, { scopes: ['data.read'], agents }), (c) => c.text('notes'));
    return app;
  };
}

/** Identity (PROTOCOL sections 2.1 and 4): lists of agents that are let in, or are not. */
export const identity: Play = {
  flow: 'identity',
  title: 'Identity',
  steps: [
    'An agent begins with its bare key, is asked for an identity, and shows it',
    'It is on the list of members and is let in; another agent is not',
    'A denied agent is refused at a route for everyone else, and so is its delegate',
    'It is given no resource token either: no person is asked',
  ],
  async perform(stage) {
    const { signal } = stage;
    const [agentSeat, resourceSeat] = [await stage.seat('Agent'), await stage.seat('Resource')];
    const deniedSeat = await stage.seat('Denied agent');
    const { seat: authServer } = await stage.authServer();
    const app = memberApi(agentSeat.id, deniedSeat.id);
    await stage.resource([authServer.id], { seat: resourceSeat }, app);
    const at = (path: string): string => resourceSeat.id + path;
    const { agent } = await stage.agent({ seat: agentSeat, scheme: 'hwk', climb: 'identity' });
    const { agent: denied, keys } = await stage.agent({ seat: deniedSeat, name: 'Denied agent' });

    const member = await agent.fetch(at('/members'), { signal });
    const access: unknown = await member.json();
    stage.check(
      typeof access === 'object' &&
        access !== null &&
        'agent' in access &&
        access.agent === agentSeat.id,
      'the agent showed its identity when it was asked, and is a member',
    );
    const other = await denied.fetch(at('/members'), { signal });
    stage.check(
      other.status === 403 && !other.headers.has('agent-auth'),
      'another agent is answered 403, without a challenge',
    );

    const welcome = await agent.fetch(at('/agents'), { signal });
    stage.check(welcome.status === 200, 'an agent that is not denied is let in');
    const delegateKeys = await temporaryKeys('delegate-key');
    const agentToken = await issueAgentToken(keys.current, {
      agent: parseServerIdentifier(deniedSeat.id, 'The agent', { insecureLoopback: true }),
      delegate: 'worker-1',
      confirmation: delegateKeys.current.publicJwk,
      now: stage.clock(),
      tokenId: randomSecret(systemRandom, 128),
    });
    const delegate = createAgent({
      id: deniedSeat.id,
      keys: delegateKeys,
      agentToken: () => Promise.resolve(agentToken),
      interaction: stage.person(),
      fetch: stage.transport('Delegate'),
      clock: stage.clock,
      wire: stage.options.wire,
      insecureLoopback: true,
    });
    const refused = [
      await denied.fetch(at('/agents'), { signal }),
      await delegate.fetch(at('/agents'), { signal }),
    ];
    stage.check(
      refused.every(({ status }) => status === 403),
      'the denied agent and its delegate are answered 403',
    );

    const notes = await denied.fetch(at('/notes'), { signal });
    stage.check(
      notes.status === 403 && stage.observed.resourceToken === undefined,
      'it gets no resource token, so that no auth server and no person is asked',
    );
    return 'agents were let in and refused by name, their delegates with them';
  },
};
