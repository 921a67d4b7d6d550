import type { SchemeName } from '@countersign/httpsig';
import type { Actor, Caller, ServerIdentifier, VerifiedAuthToken } from '@countersign/protocol';
import type { OpenRequirement } from './progressive/levels.js';
import type { AnyRequirement } from './requirement.js';

/** What a handler may rely on: proved by the request, at the strongest level it reached. */
export type Access =
  | {
      readonly level: 'signature';
      readonly scheme: SchemeName;
      /** RFC 7638 thumbprint of the signing key: the only name this caller has. */
      readonly thumbprint: string;
    }
  | {
      readonly level: 'identity';
      readonly scheme: SchemeName;
      readonly thumbprint: string;
      readonly agent: ServerIdentifier;
      /** The delegate that acts for the agent, when one does. */
      readonly delegate: string | undefined;
    }
  | {
      readonly level: 'authorization';
      readonly scheme: SchemeName;
      readonly thumbprint: string;
      readonly agent: ServerIdentifier;
      readonly delegate: string | undefined;
      /** The person who consented; `undefined` for a grant by policy. Opaque, unique to the auth server. */
      readonly subject: string | undefined;
      readonly scope: readonly string[];
      /**
       * Who acted before `agent`, the most recent first, when the token came of an exchange (PROTOCOL section 5.8);
       * else empty.
       */
      readonly actors: readonly Actor[];
      /** For `agent.onBehalfOf(access)`. Its text is not in it and cannot be logged. */
      readonly token: VerifiedAuthToken;
    };

/**
 * What a handler of a route that takes unsigned requests may rely on: perhaps nothing. Of `'unsigned'` nothing is
 * proved, and nobody says that the request was not changed on its way.
 */
export type OpenAccess = Access | { readonly level: 'unsigned' };

export type AuthorizedAccess = Extract<Access, { level: 'authorization' }>;

/**
 * The auth server whose name for the person `subject` is: another one than the token's issuer when an exchange carried
 * it over (PROTOCOL section 5.8). Equal names of two servers are two people.
 */
export function subjectIssuerOf({
  actors,
  issuer,
}: Pick<VerifiedAuthToken, 'actors' | 'issuer'>): ServerIdentifier {
  return actors.at(-1)?.issuer ?? issuer;
}

/** What the handler of a route gets: where it asks for scopes, nothing weaker than authorized access. */
export type AccessFor<R extends AnyRequirement> = R extends { readonly scopes: readonly string[] }
  ? AuthorizedAccess
  : R extends OpenRequirement
    ? OpenAccess
    : Access;

/** The access that a verified caller has; `undefined` for the holder of an expired token. */
export function accessOf(caller: Caller): Access | undefined {
  const { scheme, key } = caller;
  const { thumbprint } = key;
  switch (caller.kind) {
    case 'key':
      return { level: 'signature', scheme, thumbprint };
    case 'agent': {
      const { agent, delegate } = caller;
      return { level: 'identity', scheme, thumbprint, agent, delegate };
    }
    case 'token-holder': {
      const { token } = caller;
      const { agent, delegate, subject, scope, actors } = token;
      // A sign-in token names no agent: it proves its key and nothing more (PROTOCOL section 3).
      if (agent === undefined) return { level: 'signature', scheme, thumbprint };
      return {
        level: 'authorization',
        scheme,
        thumbprint,
        agent,
        delegate,
        subject,
        scope,
        actors,
        token,
      };
    }
    case 'expired-token-holder':
      return undefined;
  }
}
