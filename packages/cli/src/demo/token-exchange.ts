import { rulePolicy } from '@countersign/auth-server';
import { answerOf, type Asking, startCallingApi } from './calling-api.js';
import type { Play } from './play.js';

/** A resource that calls another for the person it was called for (PROTOCOL section 5.8): two hops. */
export const tokenExchange: Play = {
  flow: 'token-exchange',
  title: 'Token Exchange',
  steps: [
    'A person lets the agent use the first API, and the agent calls it',
    'That API calls the second one, which challenges it as an agent',
    'It shows the auth server the token it was called with, and signs with its own published key',
    'A rule names both APIs and the scope: the auth server exchanges the token',
    'The second API sees the person, the first API, and the agent before it',
    'A scope that no rule names is refused, and after a revocation everything is',
  ],
  async perform(stage) {
    const { signal, observed } = stage;
    const [first, second] = [await stage.seat('Resource'), await stage.seat('Second resource')];
    const policy = rulePolicy(
      {
        exchange: [
          { caller: first.id, audience: second.id, scopes: ['items.read', 'items.count'] },
        ],
      },
      { otherwise: 'ask-person', insecureLoopback: true },
    );
    const { storage, seat: authServer } = await stage.authServer({ policy });
    const { agent, seat } = await stage.agent();
    await startCallingApi(stage, second, authServer.id, [
      { path: '/items', scope: 'items.read' },
      { path: '/count', scope: 'items.count' },
      { path: '/purge', scope: 'items.purge' },
    ]);
    await startCallingApi(stage, first, authServer.id, [
      { path: '/report', scope: 'report.read', calls: `${second.id}/items` },
      { path: '/summary', scope: 'report.read', calls: `${second.id}/count` },
      { path: '/clean-up', scope: 'report.read', calls: `${second.id}/purge` },
    ]);
    const call = async (path: string) =>
      await answerOf(await agent.fetch(first.id + path, { signal }));

    const report = await call('/report');
    stage.check(report.status === 200, 'the first API got its answer from the second');
    const asking = JSON.parse(report.text) as Asking;
    stage.check(asking.subject === 'testuser', 'the second API knows the person');
    stage.check(
      asking.agent === first.id && asking.actors.join() === seat.id,
      'and who calls: the first API, and before it the agent',
    );
    const before = observed.messages.length;
    await call('/report');
    stage.check(
      observed.messages.length - before === 2,
      'the same call again needs neither challenge nor exchange',
    );
    const cleanUp = await call('/clean-up');
    stage.check(
      cleanUp.status === 403 && cleanUp.text.includes('access_denied'),
      'a scope that no rule names is refused',
    );
    for (const { id } of await storage.grants.list()) {
      await storage.grants.revoke({ id, now: stage.clock() });
    }
    const summary = await call('/summary');
    stage.check(
      summary.status === 403 && summary.text.includes('invalid_token'),
      'once the person’s grant is revoked, nothing more is exchanged',
    );
    return 'one API called another for the person, by a rule and until the grant was revoked';
  },
};
