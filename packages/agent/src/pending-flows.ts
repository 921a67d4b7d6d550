import { AAuthError, hashSecret, randomSecret } from '@countersign/protocol';
import { flowCookieName, setCookie } from './browser-cookie.js';
import type { AgentContext } from './context.js';
import type { HeldToken } from './held-token.js';
import {
  type Interaction,
  InteractionRequiredError,
  type RequiredInteraction,
} from './interaction.js';
import { memoryStore } from './memory-store.js';
import { abortable } from './shared-flight.js';
import type { SignedInPerson } from './signed-in-person.js';
import type { AgentStore, PendingFlow } from './store.js';

type DistributiveOmit<T, K extends PropertyKey> = T extends unknown ? Omit<T, K> : never;

/** A flow as it is started: what follows from `state`, settings and browser is added here. */
export type NewFlow = DistributiveOmit<PendingFlow, 'stateHash' | 'browserHash' | 'redirectUri'>;

/** What a flow ends with, when it ends well; a visit ends with nothing. */
export type FlowResult =
  | { readonly kind: 'granted'; readonly token: HeldToken }
  | { readonly kind: 'signed-in'; readonly person: SignedInPerson }
  | undefined;

interface Waiter {
  resolve(result: FlowResult): void;
  reject(error: unknown): void;
}

/** How many answered flows are remembered, to tell a page loaded again from an answer meant for another program. */
const MAX_ANSWERED = 256;

/**
 * The flows whose answer is awaited. Those of a program that waits are in memory with their waiters; those of a web
 * application are in its store, so that they survive a restart and any replica can complete them.
 */
export class PendingFlows {
  readonly #context: AgentContext;
  readonly #store: AgentStore;
  readonly #waiters = new Map<string, Waiter>();
  readonly #answered = new Set<string>();

  constructor(context: AgentContext) {
    this.#context = context;
    this.#store = context.interaction.mode === 'redirect' ? context.store : memoryStore();
  }

  /**
   * Sends a person to `url`. Waiting, it resolves when the callback has completed the flow, with what it brought, and
   * rejects with `interaction_denied`, `interaction_timeout`, `interaction_failed` or what the exchange threw. For a web
   * application it always rejects with {@link InteractionRequiredError}.
   */
  async ask(flow: NewFlow, state: string, url: string, signal: AbortSignal): Promise<FlowResult> {
    signal.throwIfAborted();
    if (this.#context.interaction.mode === 'none') throw nobodyToAsk(flow.resource);
    const stateHash = await hashSecret(state);
    const started = { ...flow, stateHash, redirectUri: this.#context.redirectUri };
    const { interaction } = this.#context;
    if (interaction.mode !== 'wait') throw await this.#require(started, url);
    return await this.#wait(started, url, signal, interaction);
  }

  /** The flow that a callback's `state` belongs to. */
  async find(state: string, now: number): Promise<PendingFlow | undefined> {
    return await this.#store.findFlow(await hashSecret(state), now);
  }

  pending(now: number): Promise<readonly PendingFlow[]> {
    return this.#store.pendingFlows(now);
  }

  /** Takes a flow out, so that exactly one callback completes it. */
  async take(flow: PendingFlow, now: number): Promise<PendingFlow | undefined> {
    const taken = await this.#store.takeFlow(flow.stateHash, now);
    if (taken !== undefined) this.#remember(flow.stateHash);
    return taken;
  }

  /** True when this process has already had an answer with that `state`. */
  async wasAnswered(state: string): Promise<boolean> {
    return this.#answered.has(await hashSecret(state));
  }

  /** Lets whoever waits for the flow go on. */
  complete(flow: PendingFlow, result: FlowResult): void {
    this.#waiters.get(flow.stateHash)?.resolve(result);
  }

  /** Fails whoever waits for the flow. */
  fail(flow: PendingFlow, error: unknown): void {
    this.#waiters.get(flow.stateHash)?.reject(error);
  }

  #remember(stateHash: string): void {
    this.#answered.add(stateHash);
    for (const oldest of this.#answered) {
      if (this.#answered.size <= MAX_ANSWERED) break;
      this.#answered.delete(oldest);
    }
  }

  async #require(flow: PendingFlow, url: string): Promise<InteractionRequiredError> {
    const { clock, random } = this.#context;
    const browser = randomSecret(random, 256);
    const now = clock();
    await this.#store.addFlow({ ...flow, browserHash: await hashSecret(browser) }, now);
    const name = flowCookieName(flow.redirectUri, flow.stateHash);
    const cookie = setCookie(name, browser, Math.max(1, flow.expiresAt - now));
    const interaction: RequiredInteraction = {
      url,
      ...describe(flow),
      response: () =>
        new Response(null, {
          status: 303,
          headers: {
            Location: url,
            'Set-Cookie': cookie,
            'Cache-Control': 'no-store',
            'Referrer-Policy': 'no-referrer',
          },
        }),
    };
    return new InteractionRequiredError(interaction);
  }

  async #wait(
    flow: PendingFlow,
    url: string,
    signal: AbortSignal,
    interaction: Extract<Interaction, { mode: 'wait' }>,
  ): Promise<FlowResult> {
    const { clock, id } = this.#context;
    const now = clock();
    const over = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    try {
      const settled = new Promise<FlowResult>((resolve, reject) => {
        this.#waiters.set(flow.stateHash, { resolve, reject });
        const milliseconds = Math.max(0, flow.expiresAt - now) * 1000;
        timer = setTimeout(() => reject(timedOut()), milliseconds);
      });
      settled.catch(() => undefined);
      const dropped = await this.#store.addFlow(flow, now);
      for (const one of dropped) this.fail(one, displaced());
      void present(async () => {
        await interaction.present({ url, ...describe(flow), agent: id, signal: over.signal });
      }).catch((error: unknown) => this.fail(flow, error));
      return await abortable(settled, signal);
    } finally {
      clearTimeout(timer);
      over.abort();
      this.#waiters.delete(flow.stateHash);
      await this.#store.takeFlow(flow.stateHash, now);
    }
  }
}

async function present(show: () => Promise<void>): Promise<void> {
  try {
    await show();
  } catch (cause) {
    throw new AAuthError('interaction_failed', 'The person could not be asked.', { cause });
  }
}

function describe(flow: PendingFlow) {
  return {
    authServer: flow.kind === 'visit' ? undefined : flow.authServer,
    resource: flow.resource,
    scope: flow.kind === 'visit' ? [] : flow.scope,
    expiresAt: flow.expiresAt,
  };
}

/** More flows were begun for this person than are kept: nobody could answer this one any more. */
function displaced(): AAuthError {
  return new AAuthError('interaction_timeout', 'Newer questions to the person took its place.', {
    rule: 'displaced',
    refusedBy: 'agent',
  });
}

function timedOut(): AAuthError {
  return new AAuthError('interaction_timeout', 'No answer came from the person in time.');
}

function nobodyToAsk(resource: string): AAuthError {
  return new AAuthError(
    'interaction_required',
    `A person must approve the access to ${resource}, and this agent has nobody to ask.`,
    { rule: 'nobody_to_ask', refusedBy: 'agent', retry: 'never' },
  );
}
