/** An AAuth agent: a `fetch` that signs, answers challenges and asks the person. */
export { createAgent } from './agent.js';
export type { Authorization, Authorize, AuthorizeOptions } from './authorize.js';
export type { CallbackOptions, CallbackOutcome, EndedSignIn } from './callback.js';
export type { Climb } from './climb.js';
export { addDelegate, enrolmentSecrets } from './delegates/enrolment-secret.js';
export { DelegateRefusedError, isDelegateRefused } from './delegates/delegate-refused.js';
export {
  type DelegateRecord,
  type DelegateStore,
  memoryDelegateStore,
} from './delegates/delegate-store.js';
export type {
  DelegateAuthenticator,
  DelegateOptions,
  EnrolmentRequest,
  EnrolmentVerdict,
} from './delegates/options.js';
export {
  delegateToken,
  type DelegateTokenOptions,
} from './exploratory/delegate-token/delegate-token.js';
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
