import type { AgentStore } from './store.js';
import { storedState, storeOver } from './stored-state.js';

/** A store in memory: gone with the process. */
export function memoryStore(): AgentStore {
  const state = storedState.empty();
  return storeOver(async (_write, operation) => operation(state));
}
