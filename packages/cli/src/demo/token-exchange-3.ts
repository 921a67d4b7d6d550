import { rulePolicy } from '@countersign/auth-server';
import { answerOf, type Asking, startCallingApi } from './calling-api.js';
import type { Play } from './play.js';
import { DEMO_PERSON } from './stage.js';

/** Token exchange over three hops: what was exchanged is exchanged again (PROTOCOL section 5.8). */
export const tokenExchange3: Play = {
  flow: 'token-exchange-3',
  title: 'Token Exchange, Three Hops',
  steps: [
    'A person lets the agent use the first API',
    'The first API exchanges its token to call the second',
    'The second API exchanges that token to call the third',
    'The third API sees the person and everybody who acted on the way',
    'The first API may not call the third directly, and nobody may once the person is disabled',
  ],
  async perform(stage) {
    const { signal } = stage;
    const first = await stage.seat('Resource');
    const second = await stage.seat('Second resource');
    const third = await stage.seat('Third resource');
    const policy = rulePolicy(
      {
        exchange: [
          { caller: first.id, audience: second.id, scopes: ['items.read', 'items.count'] },
          { caller: second.id, audience: third.id, scopes: ['prices.read'] },
        ],
      },
      { otherwise: 'ask-person', insecureLoopback: true },
    );
    const { storage, seat: authServer } = await stage.authServer({ policy });
    const { agent, seat } = await stage.agent();
    await startCallingApi(stage, third, authServer.id, [{ path: '/prices', scope: 'prices.read' }]);
    await startCallingApi(stage, second, authServer.id, [
      { path: '/items', scope: 'items.read', calls: `${third.id}/prices` },
      { path: '/count', scope: 'items.count' },
    ]);
    await startCallingApi(stage, first, authServer.id, [
      { path: '/report', scope: 'report.read', calls: `${second.id}/items` },
      { path: '/shortcut', scope: 'report.read', calls: `${third.id}/prices` },
      { path: '/summary', scope: 'report.read', calls: `${second.id}/count` },
    ]);
    const call = async (path: string) =>
      await answerOf(await agent.fetch(first.id + path, { signal }));

    const report = await call('/report');
    stage.check(report.status === 200, 'the answer of the third API came back to the agent');
    const asking = JSON.parse(report.text) as Asking;
    stage.check(asking.subject === 'testuser', 'the third API knows the person');
    stage.check(
      asking.agent === second.id && asking.actors.join() === [first.id, seat.id].join(),
      'and the whole chain: the second API, before it the first, before that the agent',
    );
    const shortcut = await call('/shortcut');
    stage.check(
      shortcut.status === 403 && shortcut.text.includes('access_denied'),
      'the first API may not call the third: no rule says so',
    );
    const person = await storage.users.findByUsername(DEMO_PERSON.username);
    await storage.users.disable(person?.id ?? '', stage.clock());
    const summary = await call('/summary');
    stage.check(
      summary.status === 403 && summary.text.includes('invalid_token'),
      'once the person is disabled, nothing more is exchanged',
    );
    return 'a call went through three APIs, and the last one saw the whole chain';
  },
};
