import type { Interaction } from '@countersign/agent';
import type { Policy } from '@countersign/auth-server';
import { setImmediate as turn } from 'node:timers/promises';
import { DemoBrowser } from './browser.js';
import type { Play } from './play.js';
import { meaningOf, refusalOf } from './refusal.js';
import { DEMO_PERSON, type Stage } from './stage.js';

/** Every way to a no, and what the agent's program is told (PROTOCOL sections 5.2, 5.3 and 7). */
export const denial: Play = {
  flow: 'denial',
  title: 'Denial, Expiry, Cancellation',
  steps: [
    'The person denies',
    'The policy of the auth server denies; no person is asked',
    'The person approves, and the code comes too late',
    'The person opens the page after the request has expired, and the program gives up waiting',
    'One of two callers gives up; the other gets in when the person approves',
  ],
  async perform(stage) {
    const agentSeat = await stage.seat('Agent');
    const resourceSeat = await stage.seat('Resource');
    const authServerSeat = await stage.seat('Auth server');
    let present: (url: string) => Promise<void> = () => Promise.resolve();
    const interaction: Interaction = { mode: 'wait', present: ({ url }) => present(url) };
    let policy: Policy = () => ({ decision: 'ask-person' });
    const { agent } = await stage.agent({ seat: agentSeat, interaction });
    await stage.resource([authServerSeat.id], { seat: resourceSeat });
    await stage.authServer({ seat: authServerSeat, policy: (request) => policy(request) });
    const { signal, observed } = stage;
    const url = `${resourceSeat.id}/data-auth`;
    const granted = (): boolean =>
      observed.messages.some(
        ({ to, answer }) => to === resourceSeat.name && answer.startsWith('200'),
      );

    present = async (page) => {
      await stage.browser({ ...DEMO_PERSON, decision: 'deny' }).visit(page);
    };
    const denied = await refusalOf(agent.fetch(url, { signal }));
    stage.check(
      denied.code === 'interaction_denied' && denied.refusedBy === 'person',
      `the person denies: ${meaningOf(denied)}`,
    );

    policy = () => ({ decision: 'deny' });
    const forbidden = await refusalOf(agent.fetch(url, { signal }));
    stage.check(
      forbidden.code === 'access_denied' && forbidden.refusedBy === 'auth-server',
      `the policy denies: ${meaningOf(forbidden)}`,
    );
    policy = () => ({ decision: 'ask-person' });

    present = async (page) => {
      const slow = lateAt(agentSeat.id, stage, 61);
      await new DemoBrowser(DEMO_PERSON, observed.watch('Person', slow)).visit(page);
    };
    const late = await refusalOf(agent.fetch(url, { signal }));
    stage.check(
      late.code === 'invalid_grant' && late.retry === 'ask-person-again',
      `the code comes too late: ${meaningOf(late)}`,
    );

    const giveUp = new AbortController();
    let shown = 0;
    present = async (page) => {
      stage.advance(601);
      shown = (await stage.browser().visit(page)).status;
      giveUp.abort(new Error('The program gives up'));
    };
    const given = await reasonOf(
      agent.fetch(url, { signal: AbortSignal.any([signal, giveUp.signal]) }),
    );
    stage.check(shown >= 400 && given === 'The program gives up', `an expired request: ${given}`);
    stage.check(!granted(), 'the resource has let nobody in so far');

    let approve = (): void => undefined;
    const decided = new Promise<void>((resolve) => {
      approve = resolve;
    });
    let waiting = false;
    present = async (page) => {
      waiting = true;
      await decided;
      await stage.browser().visit(page);
    };
    const stays = agent.fetch(url, { signal });
    await until(() => waiting, stage);
    const before = observed.messages.length;
    const leave = new AbortController();
    const leaving = reasonOf(agent.fetch(url, { signal: leave.signal }));
    await until(() => observed.messages[before]?.answer.startsWith('401') === true, stage);
    leave.abort(new Error('One caller leaves'));
    stage.check((await leaving) === 'One caller leaves', 'one of two callers gave up');
    approve();
    stage.check((await stays).status === 200, 'the other got in when the person approved');
    return 'each refusal said who refused and whether to try again';
  },
};

/** A transport that is slow on its way to `origin`: so much time passes first. */
function lateAt(origin: string, stage: Stage, seconds: number): typeof fetch {
  return async (input, init) => {
    if (new URL(new Request(input).url).origin === origin) stage.advance(seconds);
    return await fetch(input, init);
  };
}

async function reasonOf(call: Promise<unknown>): Promise<string> {
  try {
    await call;
  } catch (error) {
    if (error instanceof Error) return error.message;
  }
  return 'nothing';
}

async function until(ready: () => boolean, stage: Stage): Promise<void> {
  while (!ready()) {
    stage.signal.throwIfAborted();
    await turn();
  }
}
