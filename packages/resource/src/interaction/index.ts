/** What a resource asks of people themselves (PROTOCOL section 5.11). */
export type { ConnectionOptions, Visit, VisitEnd, VisitStep } from './connection-options.js';
export {
  type Connectable,
  type ConnectionResult,
  createInteractions,
  type Interactions,
} from './create-interactions.js';
export type { ReturnedVisit } from './finish-visit.js';
export type { Held } from './held-connection.js';
export type { TokenPerson } from './interaction-caller.js';
export type { InteractionsOptions } from './interaction-context.js';
export type { InteractionLimit, InteractionRecord, InteractionStore } from './interaction-store.js';
export { memoryInteractionStore } from './memory-interaction-store.js';
export { INTERACTION_PATH } from './visit-page.js';
