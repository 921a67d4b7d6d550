import { AAuthError, parseUrl } from '@countersign/protocol';
import { Access, OWN_PERSON } from './access.js';
import { createAuthorize } from './authorize.js';
import { createAcceptAnswer } from './callback.js';
import { checkReturnTo, createContext } from './context.js';
import { createTokenEndpoint } from './exploratory/token-endpoint.js';
import { createHandle } from './handle.js';
import { createOnBehalfOf } from './on-behalf-of.js';
import type { Agent, AgentOptions } from './options.js';
import { PendingFlows } from './pending-flows.js';
import { SignIn } from './sign-in.js';
import { createSignedFetch } from './signed-fetch.js';

/**
 * Makes an agent (PROTOCOL section 1). Nothing is fetched or written until it is used.
 * Throws `AAuthError` `configuration_invalid` for a setting that makes no sense, naming it.
 */
export function createAgent(options: AgentOptions): Agent {
  const context = createContext(options);
  const endpoint = createTokenEndpoint(context);
  const pending = new PendingFlows(context);
  const access = new Access(context, endpoint, pending);
  const accept = createAcceptAnswer(context, pending, endpoint);
  const signIn = new SignIn(context, endpoint, pending, options.onSignedIn !== undefined);
  const { redirectUri } = context;
  const authorize = createAuthorize(context, access);
  return {
    fetch: createSignedFetch(context, access, OWN_PERSON),
    authorize: authorize(OWN_PERSON),
    for(personKey, { returnTo } = {}) {
      if (typeof personKey !== 'string' || personKey === '' || personKey.length > 512) {
        throw new AAuthError(
          'configuration_invalid',
          'A person key is a string of 1 to 512 characters that stands for one person.',
        );
      }
      const person = {
        key: personKey,
        ...(returnTo === undefined ? {} : { returnTo: checkReturnTo(returnTo, redirectUri) }),
      };
      return {
        fetch: createSignedFetch(context, access, person),
        authorize: authorize(person),
      };
    },
    onBehalfOf: createOnBehalfOf(context, endpoint),
    signIn: (authServer, signInOptions = {}) => signIn.wait(authServer, signInOptions),
    startSignIn: (authServer, signInOptions = {}) => signIn.start(authServer, signInOptions),
    handle: createHandle(options, context, pending, accept),
    async acceptCallback(address, callbackOptions = {}) {
      const text = address.trim();
      const url = parseUrl(text);
      const own = new URL(redirectUri);
      if (url === undefined || url.origin !== own.origin || url.pathname !== own.pathname) {
        const error = new AAuthError(
          'interaction_failed',
          `That is not the address the browser ended on: it begins with ${own.origin}${own.pathname}.`,
          { rule: 'address_other', refusedBy: 'agent' },
        );
        return { kind: 'refused', error };
      }
      return await accept(url.searchParams, callbackOptions);
    },
  };
}
