import type { AgentStore } from './store.js';
import { storedState, storeOver } from './stored-state.js';

/** A store in memory: gone with the process. */
export function memoryStore(): AgentStore {
  const state = storedState.empty();
  // oxlint-disable-next-line typescript/require-await -- a throwing operation becomes a rejection
  return storeOver(async (_write, operation) => operation(state));
}
