import { AAuthError } from '@countersign/protocol';

/** What a person is asked to do: open `url`, decide there, and come back. */
export interface InteractionRequest {
  /** The page to open. It holds a secret for a few minutes: show it to the person and to nobody else. */
  readonly url: string;
  /** The auth server that asks; absent when the page is the resource's own (PROTOCOL section 5.11). */
  readonly authServer: string | undefined;
  /** The resource that access is asked for. */
  readonly resource: string;
  /** What is asked for, in the resource's own names. */
  readonly scope: readonly string[];
  /** The agent's identifier, as the page will name it. */
  readonly agent: string;
  /** Unix seconds after which an answer comes too late. */
  readonly expiresAt: number;
  /** Aborted once the answer has arrived or nobody waits for it any more. */
  readonly signal: AbortSignal;
}

/** How a person is asked. */
export type Interaction =
  /**
   * For programs that run beside the person: `present` shows the page, and `fetch` waits for the answer, which arrives
   * through `agent.handle` or `agent.acceptCallback`. What `present` returns is not waited for; when it throws or
   * rejects, `fetch` rejects with `interaction_failed`.
   */
  | { readonly mode: 'wait'; present(request: InteractionRequest): void | Promise<void> }
  /**
   * For web applications: `fetch` rejects with {@link InteractionRequiredError}, the application answers the browser
   * with its `response()`, and the callback completes the flow in that browser only.
   */
  | { readonly mode: 'redirect' }
  /**
   * For programs with nobody beside them (PROTOCOL section 5.5): they get what a policy grants directly. The agent
   * publishes no redirect URIs, so that no auth server sends a person anywhere for it; `fetch` rejects with what the auth
   * server answers, or with `interaction_required` (rule `nobody_to_ask`).
   */
  | { readonly mode: 'none' };

/** How a web application sends the browser to the person's decision. */
export interface RequiredInteraction {
  /** The page to open. Use {@link response}: without its cookie the callback refuses the answer. */
  readonly url: string;
  readonly authServer: string | undefined;
  readonly resource: string;
  readonly scope: readonly string[];
  /** Unix seconds after which an answer comes too late. */
  readonly expiresAt: number;
  /** A 303 to `url` with the cookie that binds the flow to this browser. A new response each time. */
  response(): Response;
}

/** Code `interaction_required`: a person must decide, and the application sends the browser there. */
export class InteractionRequiredError extends AAuthError {
  readonly interaction: RequiredInteraction;

  constructor(interaction: RequiredInteraction) {
    super('interaction_required', 'A person must approve this; send the browser to the page.');
    this.interaction = interaction;
  }
}

/** True when `error` asks the application to send the browser somewhere. */
export function isInteractionRequired(error: unknown): error is InteractionRequiredError {
  return error instanceof InteractionRequiredError;
}
