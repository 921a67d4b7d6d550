import { AAuthError } from '@countersign/protocol';
import type { CallbackOutcome } from './callback.js';
import type { AgentOptions } from './options.js';

/** What an application is told of the callback that a sign-in ended with. */
export interface SignInCallback {
  /** The browser's request, for its headers. Its address holds a code that has been spent. */
  readonly request: Request;
  /** What `startSignIn` was given: a path on the agent itself. */
  readonly returnTo: string | undefined;
}

/**
 * The application's own answer to a sign-in of a web application; `undefined` where the callback page answers. The
 * address of the page held a code: whatever the application answers is not cached and names no referrer.
 */
export async function answerSignIn(
  outcome: CallbackOutcome,
  request: Request,
  options: Pick<AgentOptions, 'interaction' | 'onSignedIn' | 'onSignInFailed'>,
): Promise<Response | undefined> {
  if (options.interaction.mode !== 'redirect') return undefined;
  const answer = await chooseAnswer(outcome, request, options);
  if (answer === undefined) return undefined;
  // A new one, because the headers of `Response.redirect()` cannot be changed.
  const headers = new Headers(answer.headers);
  headers.set('Cache-Control', 'no-store');
  headers.set('Referrer-Policy', 'no-referrer');
  const { status, statusText, body } = answer;
  return new Response(body, { status, statusText, headers });
}

function chooseAnswer(
  outcome: CallbackOutcome,
  request: Request,
  { onSignedIn, onSignInFailed }: Pick<AgentOptions, 'onSignedIn' | 'onSignInFailed'>,
): Response | Promise<Response> | undefined {
  if (outcome.kind === 'signed-in') {
    const { person, returnTo } = outcome;
    // A flow in the store may be older than the settings.
    if (onSignedIn === undefined) {
      throw new AAuthError('configuration_invalid', 'onSignedIn is missing.');
    }
    return onSignedIn(person, { request, returnTo });
  }
  if (outcome.kind !== 'denied' && outcome.kind !== 'failed') return undefined;
  const { error, signIn } = outcome;
  return signIn === undefined ? undefined : onSignInFailed?.(error, { request, ...signIn });
}
