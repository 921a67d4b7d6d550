/** An AAuth agent: a `fetch` that signs, answers challenges and asks the person. */
export { createAgent } from './agent.js';
export type { CallbackOptions, CallbackOutcome, EndedSignIn } from './callback.js';
export type { HeldToken } from './held-token.js';
export {
  type Interaction,
  type InteractionRequest,
  InteractionRequiredError,
  isInteractionRequired,
  type RequiredInteraction,
} from './interaction.js';
export type { Upstream } from './on-behalf-of.js';
export { memoryStore } from './memory-store.js';
export type { Agent, AgentOptions, PersonOptions } from './options.js';
export type { SignInOptions, StartSignInOptions } from './sign-in.js';
export type { SignInCallback } from './sign-in-callback.js';
export { type PersonClaims, personKey, type SignedInPerson } from './signed-in-person.js';
export {
  type AgentStore,
  MAX_FLOWS,
  MAX_TOKENS,
  type PendingFlow,
  type StoredCode,
} from './store.js';
export { storedState, type StoredState, storeOver, type Transact } from './stored-state.js';
