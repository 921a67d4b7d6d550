import {
  addDelegate,
  type Agent,
  createAgent,
  delegateToken,
  enrolmentSecrets,
  type Interaction,
  isDelegateRefused,
} from '@countersign/agent';
import { sqliteAgentServerStore } from '@countersign/agent/sqlite';
import { decodeJws } from '@countersign/protocol';
import { join } from 'node:path';
import { CommandError } from '../command-error.js';
import { temporaryKeys } from '../keys-file.js';
import type { Play } from './play.js';
import type { Seat, Stage } from './stage.js';
import { manualInteraction } from './user-delegation.js';

/** Agent and auth tokens live an hour. */
const HOUR = 3600;

/** Programs on two machines act under one agent's identity, each with its own key (PROTOCOL section 5.7). */
export const delegation: Play = {
  flow: 'delegation',
  title: 'Agent Delegation',
  steps: [
    'The operator of the agent server enrols two delegates, laptop and phone',
    'Each gets an agent token for its own key from the agent server',
    'A person approves for each of them; the resource sees the agent and the delegate',
    'The operator revokes the phone; what it holds lives out its hour',
    'After an hour the laptop renews its tokens, and the phone is refused',
  ],
  async perform(stage) {
    const seats = {
      agent: await stage.seat('Agent'),
      resource: await stage.seat('Resource'),
      authServer: await stage.seat('Auth server'),
      laptop: await stage.seat('Laptop'),
      phone: await stage.seat('Phone'),
    };
    const store = sqliteAgentServerStore(join(stage.folder, 'agent-server.db'));
    stage.atEnd(() => {
      store.close();
    });
    await stage.agent({
      seat: seats.agent,
      interaction: { mode: 'none' },
      delegates: {
        authenticate: enrolmentSecrets(store.delegates),
        replay: store.replay,
        onRefused: stage.onRefused,
      },
      otherRedirectUris: [callbackAt(seats.laptop), callbackAt(seats.phone)],
    });
    await stage.resource([seats.authServer.id], { seat: seats.resource });
    const { storage } = await stage.authServer({ seat: seats.authServer });
    // One person, and so one browser: who has signed in for the laptop need not do so again.
    const browser = stage.browser();
    const interaction: Interaction = stage.options.manual
      ? manualInteraction
      : { mode: 'wait', present: async ({ url }) => void (await browser.visit(url)) };
    const enrolled = async (name: string, seat: Seat): Promise<Agent> => {
      const { enrolmentSecret } = await addDelegate(store.delegates, name, stage);
      return await startDelegate(stage, seats.agent.id, {
        name,
        seat,
        enrolmentSecret,
        interaction,
      });
    };

    const url = `${seats.resource.id}/data-auth`;
    const laptop = await enrolled('laptop', seats.laptop);
    const phone = await enrolled('phone', seats.phone);
    await checkGranted(stage, laptop, url, seats.agent.id, 'laptop');
    const laptopKey = boundKey(stage.observed.authToken);
    await checkGranted(stage, phone, url, seats.agent.id, 'phone');
    const phoneKey = boundKey(stage.observed.authToken);
    stage.check(laptopKey !== phoneKey, 'each token is bound to the delegate’s own key');
    const grants = (await storage.grants.list()).map(({ delegate }) => delegate);
    stage.check(
      grants.length === 2 && grants.includes('laptop') && grants.includes('phone'),
      'the person has approved for each of them, and not for the agent as such',
    );

    await store.delegates.revoke('phone', stage.clock());
    const within = await phone.fetch(url, { signal: stage.signal });
    stage.check(within.status === 200, 'the revoked phone’s tokens live out their hour');

    stage.advance(HOUR);
    const before = stage.observed.messages.length;
    const refusal = await phone
      .fetch(url, { signal: stage.signal })
      .catch((error: unknown) => error);
    stage.check(isDelegateRefused(refusal), 'the phone gets no new agent token');
    const asked = stage.observed.messages.slice(before);
    stage.check(
      asked.every(({ to }) => to === 'Agent'),
      'and neither the resource nor the auth server heard of it',
    );
    await checkGranted(stage, laptop, url, seats.agent.id, 'laptop');
    stage.check(
      boundKey(stage.observed.authToken) === laptopKey &&
        !stage.observed.messages.slice(before).some(({ from }) => from === 'Person'),
      'the laptop renewed its tokens without asking the person again',
    );
    return 'two delegates were approved one by one; the revoked one is out, the other goes on';
  },
};

const callbackAt = ({ id }: Seat): string => `${id}/callback`;

/** Starts a program on another machine: it has a key, an enrolment secret and a callback of its own. */
async function startDelegate(
  stage: Stage,
  agentServer: string,
  {
    name,
    seat,
    enrolmentSecret,
    interaction,
  }: {
    readonly name: string;
    readonly seat: Seat;
    readonly enrolmentSecret: string;
    readonly interaction: Interaction;
  },
): Promise<Agent> {
  const shared = {
    keys: await temporaryKeys(`${name}-key`),
    insecureLoopback: true,
    clock: stage.clock,
    fetch: stage.transport(seat.name),
  };
  const agent = createAgent({
    ...shared,
    id: agentServer,
    agentToken: delegateToken({ ...shared, agentServer, delegate: name, enrolmentSecret }),
    redirectUri: callbackAt(seat),
    wire: stage.options.wire,
    interaction,
  });
  seat.serve(
    async (request) => (await agent.handle(request)) ?? new Response('Not found', { status: 404 }),
  );
  return agent;
}

async function checkGranted(
  stage: Stage,
  agent: Agent,
  url: string,
  agentServer: string,
  delegate: string,
): Promise<void> {
  const response = await agent.fetch(url, { signal: stage.signal });
  if (response.status !== 200) throw new CommandError(`The resource answered ${response.status}.`);
  const body = (await response.json()) as { agent?: unknown; agent_delegate?: unknown };
  stage.check(
    body.agent === agentServer && body.agent_delegate === delegate,
    `the resource sees the agent ${agentServer} and its delegate ${delegate}`,
  );
}

/** The key that a token is bound to, as text to compare. */
function boundKey(token: string | undefined): string {
  const jws = decodeJws(token ?? '');
  const cnf = typeof jws === 'string' ? undefined : jws.payload['cnf'];
  return JSON.stringify(cnf);
}
