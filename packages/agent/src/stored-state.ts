import { covers, type HeldToken } from './held-token.js';
import {
  type AgentStore,
  MAX_FLOWS,
  MAX_TOKENS,
  type PendingFlow,
  type StoredCode,
} from './store.js';

/** What a store holds, as plain data. */
export interface StoredState {
  tokens: (readonly [personKey: string, token: HeldToken])[];
  flows: PendingFlow[];
  codes: (readonly [personKey: string, resource: string, code: StoredCode])[];
  sessions: (readonly [personKey: string, resource: string, session: StoredCode])[];
}

/** The operations of a store on plain data: synchronous, so that each is atomic within a process. */
export const storedState = {
  empty: (): StoredState => ({ tokens: [], flows: [], codes: [], sessions: [] }),

  tokens(state: StoredState, personKey: string, resource: string): HeldToken[] {
    const own = state.tokens.filter(
      ([person, one]) => person === personKey && one.resource === resource,
    );
    return own.map(([, token]) => token);
  },

  saveToken(state: StoredState, personKey: string, token: HeldToken, now: number): void {
    let kept = 1;
    const others = state.tokens.filter(([person, held]) => {
      if (held.expiresAt <= now && held.refreshToken === undefined) return false;
      if (person !== personKey || held.resource !== token.resource) return true;
      if (held.authServer === token.authServer && covers(token, held)) return false;
      return ++kept <= MAX_TOKENS;
    });
    state.tokens = [[personKey, token], ...others];
  },

  removeToken(state: StoredState, personKey: string, resource: string, token: string): void {
    state.tokens = state.tokens.filter(
      ([person, held]) =>
        person !== personKey || held.resource !== resource || held.token !== token,
    );
  },

  dropRefreshToken(state: StoredState, personKey: string, resource: string, token: string): void {
    state.tokens = state.tokens.map((entry) => {
      const [person, held] = entry;
      if (person !== personKey || held.resource !== resource || held.token !== token) return entry;
      const { refreshToken: _dropped, ...kept } = held;
      return [person, kept];
    });
  },

  addFlow(state: StoredState, flow: PendingFlow, now: number): PendingFlow[] {
    const pending = state.flows.filter(({ expiresAt }) => expiresAt > now);
    const own = pending.filter(({ personKey }) => personKey === flow.personKey);
    const dropped = own.slice(0, Math.max(0, own.length + 1 - MAX_FLOWS));
    state.flows = [...pending.filter((one) => !dropped.includes(one)), flow];
    return dropped;
  },

  findFlow: (state: StoredState, stateHash: string, now: number): PendingFlow | undefined =>
    state.flows.find((one) => one.stateHash === stateHash && one.expiresAt > now),

  pendingFlows: (state: StoredState, now: number): PendingFlow[] =>
    state.flows.filter(({ expiresAt }) => expiresAt > now),

  takeFlow(state: StoredState, stateHash: string, now: number): PendingFlow | undefined {
    const found = storedState.findFlow(state, stateHash, now);
    state.flows = state.flows.filter((one) => one.expiresAt > now && one !== found);
    return found;
  },

  saveInteractionCode(
    state: StoredState,
    person: string,
    resource: string,
    code: StoredCode,
  ): void {
    storedState.takeInteractionCode(state, person, resource, 0);
    state.codes.push([person, resource, code]);
  },

  takeInteractionCode(
    state: StoredState,
    personKey: string,
    resource: string,
    now: number,
  ): string | undefined {
    const found = state.codes.find(([person, at]) => person === personKey && at === resource);
    state.codes = state.codes.filter((one) => one !== found && one[2].expiresAt > now);
    return found !== undefined && found[2].expiresAt > now ? found[2].code : undefined;
  },

  saveInteractionSession(
    state: StoredState,
    personKey: string,
    resource: string,
    session: StoredCode,
    now: number,
  ): void {
    const others = state.sessions.filter(
      ([person, at, { expiresAt }]) =>
        expiresAt > now && !(person === personKey && at === resource),
    );
    state.sessions = [...others, [personKey, resource, session]];
  },

  interactionSession(
    state: StoredState,
    personKey: string,
    resource: string,
    now: number,
  ): string | undefined {
    const found = state.sessions.find(([person, at]) => person === personKey && at === resource);
    return found !== undefined && found[2].expiresAt > now ? found[2].code : undefined;
  },
};

/** Runs one operation on the stored data, alone. `write` says whether it may have changed. */
export type Transact = <T>(write: boolean, operation: (state: StoredState) => T) => Promise<T>;

/** A store made of {@link storedState} and a way to reach the data. For writing other stores. */
export function storeOver(transact: Transact): AgentStore {
  return {
    tokens: (person, resource) =>
      transact(false, (state) => storedState.tokens(state, person, resource)),
    saveToken: (person, token, now) =>
      transact(true, (state) => storedState.saveToken(state, person, token, now)),
    removeToken: (person, resource, token) =>
      transact(true, (state) => storedState.removeToken(state, person, resource, token)),
    dropRefreshToken: (person, resource, token) =>
      transact(true, (state) => storedState.dropRefreshToken(state, person, resource, token)),
    addFlow: (flow, now) => transact(true, (state) => storedState.addFlow(state, flow, now)),
    findFlow: (hash, now) => transact(false, (state) => storedState.findFlow(state, hash, now)),
    pendingFlows: (now) => transact(false, (state) => storedState.pendingFlows(state, now)),
    takeFlow: (hash, now) => transact(true, (state) => storedState.takeFlow(state, hash, now)),
    saveInteractionCode: (person, resource, code) =>
      transact(true, (state) => storedState.saveInteractionCode(state, person, resource, code)),
    takeInteractionCode: (person, resource, now) =>
      transact(true, (state) => storedState.takeInteractionCode(state, person, resource, now)),
    saveInteractionSession: (person, resource, session, now) =>
      transact(true, (state) =>
        storedState.saveInteractionSession(state, person, resource, session, now),
      ),
    interactionSession: (person, resource, now) =>
      transact(false, (state) => storedState.interactionSession(state, person, resource, now)),
  };
}
