import type { HttpMessage } from '@countersign/httpsig';
import { type AAuthError, memoryReplayStore, type ReplayStore } from '@countersign/protocol';
import {
  type FakeDiscovery,
  makeBareKey,
  makeWorld,
  requestOf,
  type Shape,
  type Signer,
  signedMessage,
  type TestAgent,
  type TestClock,
} from '../../protocol/test/kit.js';
import {
  addDelegate,
  type Agent,
  type AgentOptions,
  createAgent,
  type DelegateOptions,
  type DelegateStore,
  enrolmentSecrets,
  memoryDelegateStore,
} from '../src/index.js';

/** An agent server with the delegate `laptop`, and the key that `laptop` wants to enrol. */
export interface Bench {
  readonly server: Agent;
  readonly party: TestAgent;
  readonly clock: TestClock;
  readonly discovery: FakeDiscovery;
  readonly store: DelegateStore;
  readonly secret: string;
  readonly signer: Signer;
  /** Why requests were refused. */
  readonly refusals: AAuthError[];
  /** Keys of the replay store, one for each request that was remembered. */
  readonly remembered: string[];
  /** Names that the authenticator was asked about. */
  readonly asked: string[];
  readonly url: string;
}

export async function makeBench(
  options: {
    readonly delegates?: Partial<DelegateOptions>;
    readonly agent?: Partial<AgentOptions>;
  } = {},
): Promise<Bench> {
  const { agent: party, clock, discovery } = await makeWorld();
  const store = memoryDelegateStore();
  const refusals: AAuthError[] = [];
  const remembered: string[] = [];
  const asked: string[] = [];
  const memory = memoryReplayStore({ clock, nothingBeforeStart: true });
  const replay: ReplayStore = {
    remember: async (record, now) => {
      remembered.push(record.key);
      return await memory.remember(record, now);
    },
  };
  const builtIn = enrolmentSecrets(store);
  const server = createAgent({
    id: party.id,
    keys: party.keys,
    interaction: { mode: 'redirect' },
    discovery,
    clock,
    delegates: {
      authenticate: (request) => {
        asked.push(request.delegate);
        return builtIn(request);
      },
      replay,
      onRefused: (error) => void refusals.push(error),
      ...options.delegates,
    },
    ...options.agent,
  });
  const { enrolmentSecret: secret } = await addDelegate(store, 'laptop', { clock });
  const url = `${party.id}/delegate/token`;
  const signer = await makeBareKey();
  return {
    server,
    party,
    clock,
    discovery,
    store,
    secret,
    signer,
    refusals,
    remembered,
    asked,
    url,
  };
}

let serial = 0;

/** A nonce that no other request of the file has. */
export const nonce = (): string =>
  Buffer.from(`nonce ${String(++serial).padStart(10, '0')}`).toString('base64url');

/** What an honest delegate sends, with `changes` to the members; `undefined` leaves one out. */
export function body(bench: Bench, changes: Readonly<Record<string, unknown>> = {}): string {
  return JSON.stringify({
    sub: 'laptop',
    cnf_jwk: bench.signer.key.publicJwk,
    enrolment_secret: bench.secret,
    ...changes,
  });
}

/** Signs a request for an agent token, complete and fresh but for what `shape` says. */
export async function message(
  bench: Bench,
  shape: Partial<Shape> = {},
  signer: Signer = bench.signer,
): Promise<HttpMessage> {
  return await signedMessage(signer, {
    url: bench.url,
    method: 'POST',
    headers: [
      ['Content-Type', 'application/json'],
      ['Nonce', nonce()],
    ],
    body: body(bench),
    created: bench.clock(),
    ...shape,
  });
}

/** The answer of the agent server, and the JSON in it. */
export interface Answered {
  readonly response: Response;
  readonly status: number;
  readonly json: Readonly<Record<string, unknown>>;
}

export async function send(bench: Bench, sent: HttpMessage): Promise<Answered> {
  const response = await bench.server.handle(requestOf(sent, bench.party.id), {
    url: sent.target,
    rawHeaders: sent.headers.flat(),
  });
  if (response === undefined) throw new Error('the agent does not serve that');
  const text = await response.text();
  return { response, status: response.status, json: text === '' ? {} : JSON.parse(text) };
}
