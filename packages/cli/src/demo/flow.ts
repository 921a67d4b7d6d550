import type { Wire } from '@countersign/httpsig';
import type { Message } from './messages.js';

/** How a flow is run. */
export interface FlowOptions {
  readonly agentPort: number;
  readonly resourcePort: number;
  readonly authPort: number;
  readonly wire: Wire;
  /** No trace, only the result. */
  readonly quiet: boolean;
  /** The result is written by the command, as JSON. */
  readonly json: boolean;
  /** A person with a browser decides. */
  readonly manual: boolean;
}

export interface FlowResult {
  readonly flow: string;
  readonly passed: boolean;
  /** Requests that the servers answered. */
  readonly requests: number;
  readonly milliseconds: number;
  /** What parties and people said to one another; look-ups of keys and metadata are left out. */
  readonly messages: readonly Message[];
  /** Why the flow came to no end. */
  readonly error?: string;
}
