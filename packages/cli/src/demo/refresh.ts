import type { Interaction } from '@countersign/agent';
import { temporaryKeys } from '../keys-file.js';
import type { Play } from './play.js';

/** A token's whole life after the person has approved once (PROTOCOL section 5.4). */
export const refresh: Play = {
  flow: 'refresh',
  title: 'Refresh',
  steps: [
    'A person approves once, and the agent gets an auth token and a refresh token',
    'An hour later the token is about to run out: of three calls at once, one refreshes and all go on',
    'The agent changes its key: the token is bound to the former one, the refresh token is not',
    'The grant is revoked: refreshing is refused, and the person is asked anew',
  ],
  async perform(stage) {
    const agentSeat = await stage.seat('Agent');
    const resourceSeat = await stage.seat('Resource');
    const authServerSeat = await stage.seat('Auth server');
    const browser = stage.browser();
    let asked = 0;
    const interaction: Interaction = {
      mode: 'wait',
      present: async ({ url }) => {
        asked += 1;
        await browser.visit(url);
      },
    };
    let keys = await temporaryKeys('key-1');
    const { agent } = await stage.agent({ seat: agentSeat, keys: () => keys, interaction });
    await stage.resource([authServerSeat.id], { seat: resourceSeat });
    const { storage } = await stage.authServer({ seat: authServerSeat });
    const url = `${resourceSeat.id}/data-auth`;
    const call = async (): Promise<number> =>
      (await agent.fetch(url, { signal: stage.signal })).status;
    const refreshes = (): number =>
      stage.observed.messages.filter(({ request }) => request.includes('request_type=refresh'))
        .length;

    stage.check((await call()) === 200 && asked === 1, 'the person approved once');

    stage.advance(3595);
    const statuses = await Promise.all([call(), call(), call()]);
    stage.check(
      statuses.every((status) => status === 200),
      'three calls went through',
    );
    stage.check(refreshes() === 1 && asked === 1, 'one refresh served all three, without a person');

    keys = await temporaryKeys('key-2');
    stage.check((await call()) === 200, 'the agent got in with its new key');
    stage.check(refreshes() === 2 && asked === 1, 'by refreshing, without a person');

    for (const { id } of await storage.grants.list()) {
      await storage.grants.revoke({ id, now: stage.clock() });
    }
    stage.check((await call()) === 200 && refreshes() === 2, 'an issued token lives out its hour');
    stage.advance(3595);
    stage.check((await call()) === 200, 'the agent got in again');
    stage.check(asked === 2, 'and the person was asked, for the refresh token was refused');
    return 'one refresh for many calls, across a change of keys, until the grant was revoked';
  },
};
