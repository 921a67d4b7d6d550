import type { ProgressiveResource } from '@countersign/resource';
import { aauth, resourceRoutes } from '@countersign/resource/hono';
import { Hono } from 'hono';
import { temporaryKeys } from '../keys-file.js';
import type { Play } from './play.js';

const PATH = '/search';

/** One route for everyone: who proves more may come more often. */
function searchApi(resource: ProgressiveResource): Hono {
  const app = new Hono();
  app.use(resourceRoutes(resource));
  const levels = {
    unsigned: { perMinute: 1 },
    signature: { perMinute: 2 },
    identity: { perMinute: 3 },
    authorization: { perMinute: 4, scopes: ['data.read'] },
  };
  app.get(PATH, aauth(resource, { levels }), (c) => c.text(c.get('access').level));
  return app;
}

/** Pseudonymous and progressive access (PROTOCOL section 4): a route with a limit for each level of proof. */
export const progressive: Play = {
  flow: 'progressive',
  title: 'Progressive Access',
  steps: [
    'A program without a key comes once, and the second time is told to sign',
    'An agent begins with its bare key; where its limit ends it shows its identity',
    'Where that limit ends a person approves, and it goes on with an auth token',
    'An agent with a new key that may not climb is told when to come again',
    'A minute later it is let in',
  ],
  async perform(stage) {
    const { signal } = stage;
    const [agentSeat, resourceSeat] = [await stage.seat('Agent'), await stage.seat('Resource')];
    const { seat: authServer } = await stage.authServer();
    await stage.resource([authServer.id], { seat: resourceSeat }, searchApi);
    const url = resourceSeat.id + PATH;

    const plain = stage.transport('Program');
    const first = await plain(url, { signal });
    const second = await plain(url, { signal });
    stage.check(
      first.status === 200 && (await first.text()) === 'unsigned',
      'an unsigned request is let in',
    );
    stage.check(
      second.status === 429 && second.headers.get('agent-auth') === 'httpsig',
      'a second one is answered 429, with the way to a higher limit',
    );

    const { agent } = await stage.agent({
      seat: agentSeat,
      scheme: 'hwk',
      climb: 'authorization',
    });
    const levels: string[] = [];
    for (let at = 0; at < 7; at += 1)
      levels.push(await (await agent.fetch(url, { signal })).text());
    stage.check(
      levels.join(' ') ===
        'signature signature identity identity identity authorization authorization',
      'the agent climbed by itself: two requests with its key, three with its name, then with a token',
    );

    const { agent: stranger } = await stage.agent({
      name: 'Stranger',
      keys: await temporaryKeys('another-key'),
      scheme: 'hwk',
      climb: 'signature',
    });
    const refused = await stranger.fetch(url, { signal });
    stage.check(
      refused.status === 429 && Number(refused.headers.get('retry-after')) > 0,
      'a new key from the same address is no new limit: 429 with Retry-After',
    );
    stage.advance(60);
    const later = await stranger.fetch(url, { signal });
    stage.check(
      later.status === 200 && (await later.text()) === 'signature',
      'a minute later the key is let in',
    );
    return 'each level of proof had its own limit, and the agent climbed where one ended';
  },
};
