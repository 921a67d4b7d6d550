import {
  AAuthError,
  authServerMetadata,
  parseScope,
  parseServerIdentifier,
  randomSecret,
  type ServerIdentifier,
} from '@countersign/protocol';
import { checkReturnTo } from './context.js';
import type { AgentContext } from './context.js';
import { consentUrl } from './exploratory/consent-url.js';
import type { TokenEndpoint } from './exploratory/token-endpoint.js';
import { isInteractionRequired } from './interaction.js';
import type { FlowResult, PendingFlows } from './pending-flows.js';
import { Flights } from './shared-flight.js';
import type { SignedInPerson } from './signed-in-person.js';

/** What a sign-in asks for. */
export interface SignInOptions {
  /**
   * `openid` says who the person is, `profile` adds the name and `email` the address; others are the auth server's.
   * Default `['openid']`. The person sees and decides all of it.
   */
  readonly scopes?: readonly string[];
  /** Gives up waiting; for programs that wait. */
  readonly signal?: AbortSignal;
}

/** What a sign-in of a web application asks for. */
export interface StartSignInOptions extends Pick<SignInOptions, 'scopes'> {
  /**
   * Handed to `onSignedIn`: where the person wanted to go, as a path on the redirect URI's origin such as
   * `/report?id=7`. Anything else is refused, so that nobody can be sent elsewhere with it.
   */
  readonly returnTo?: string;
}

interface Asked {
  readonly authServer: ServerIdentifier;
  readonly scope: readonly string[];
}

/** The agent's side of signing people in to the agent itself (PROTOCOL section 5.6). */
export class SignIn {
  readonly #context: AgentContext;
  readonly #endpoint: TokenEndpoint;
  readonly #pending: PendingFlows;
  readonly #canFinish: boolean;
  readonly #waiting = new Flights<string, SignedInPerson>();

  /** `canFinish`: the application has said what is done with a person who has signed in. */
  constructor(
    context: AgentContext,
    endpoint: TokenEndpoint,
    pending: PendingFlows,
    canFinish: boolean,
  ) {
    this.#context = context;
    this.#endpoint = endpoint;
    this.#pending = pending;
    this.#canFinish = canFinish;
  }

  /** `agent.signIn`. Calls for the same thing share one flow: there is one person beside the program. */
  async wait(authServer: string, options: SignInOptions): Promise<SignedInPerson> {
    if (this.#context.interaction.mode !== 'wait') {
      refuse(
        'signIn waits for the person beside the program, by interaction mode wait; a web application answers with ' +
          'startSignIn instead.',
      );
    }
    const asked = this.#read(authServer, options.scopes);
    const purpose = JSON.stringify([asked.authServer, asked.scope]);
    return await this.#waiting.share(
      purpose,
      (other) => other === purpose,
      async (signal) => {
        const result = await this.#ask(asked, undefined, signal);
        if (result?.kind !== 'signed-in') throw new TypeError('a sign-in ends with a person');
        return result.person;
      },
      options.signal,
    );
  }

  /** `agent.startSignIn`. Never shared: each browser has a flow of its own. */
  async start(authServer: string, options: StartSignInOptions): Promise<Response> {
    if (this.#context.interaction.mode !== 'redirect') {
      refuse('startSignIn is for interaction mode redirect; a program that waits calls signIn.');
    }
    if (!this.#canFinish) {
      refuse('onSignedIn is missing: it starts the session of a person who has signed in.');
    }
    const asked = this.#read(authServer, options.scopes);
    const { returnTo } = options;
    if (returnTo !== undefined) checkReturnTo(returnTo, this.#context.redirectUri);
    try {
      await this.#ask(asked, returnTo, new AbortController().signal);
    } catch (error) {
      if (isInteractionRequired(error)) return error.interaction.response();
      throw error;
    }
    throw new TypeError('a web application does not wait');
  }

  #read(authServer: string, scopes: readonly string[] = ['openid']): Asked {
    const { identifiers, climb } = this.#context;
    if (climb === 'signature') {
      refuse('A sign-in is made out to an identity: an agent that shows its bare key has none.');
    }
    const scope = parseScope(scopes.join(' '));
    if (scope === undefined || scopes.some((name) => name.includes(' '))) {
      refuse("scopes must be names such as 'openid', 'profile' and 'email'.");
    }
    return { authServer: parseServerIdentifier(authServer, 'The auth server', identifiers), scope };
  }

  async #ask(asked: Asked, returnTo: string | undefined, signal: AbortSignal): Promise<FlowResult> {
    const { id, clock, random, redirectUri, discovery, interactionTimeoutSeconds } = this.#context;
    const { authServer, scope } = asked;
    const state = randomSecret(random, 256);
    const form = { scope, redirectUri, state };
    const answer = await this.#endpoint.requestSignIn(authServer, form, signal);
    const { authEndpoint } = await discovery.metadata(authServerMetadata, authServer);
    const flow = {
      kind: 'sign-in' as const,
      // Nobody yet. A key of its own, since a store keeps few flows of one person and people sign in by the hundred.
      personKey: `sign-in ${randomSecret(random, 128)}`,
      ...(returnTo === undefined ? {} : { returnTo }),
      resource: id,
      authServer,
      scope,
      expiresAt: clock() + Math.min(interactionTimeoutSeconds, answer.expiresIn),
    };
    const { requestToken } = answer;
    const url = consentUrl(authEndpoint, { requestToken, redirectUri, state });
    return await this.#pending.ask(flow, state, url, signal);
  }
}

function refuse(message: string): never {
  throw new AAuthError('configuration_invalid', message);
}
