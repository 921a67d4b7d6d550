import type { ServerIdentifier } from '@countersign/protocol';

/** What an agent asks for, as policy sees it: everything in it has been verified. */
export interface AccessRequest {
  /** `access`: to a resource. `sign-in`: to the agent itself, with the person's identity (PROTOCOL section 5.6). */
  readonly kind: 'access' | 'sign-in';
  readonly agent: ServerIdentifier;
  readonly delegate: string | undefined;
  /** The resource, or the agent itself for a sign-in. */
  readonly audience: ServerIdentifier;
  readonly scopes: readonly string[];
}

export type PolicyDecision =
  /** A person must decide. */
  | { readonly decision: 'ask-person' }
  /** Granted without a person; the token has no `sub` (PROTOCOL section 5.5). A sign-in cannot be granted so. */
  | { readonly decision: 'grant' }
  | { readonly decision: 'deny' };

/** Decides what becomes of a request before any person is asked. An error thrown is answered as a fault of the server. */
export type Policy = (request: AccessRequest) => PolicyDecision | Promise<PolicyDecision>;

/** Asks a person about every request. */
export const alwaysAskPerson: Policy = () => ({ decision: 'ask-person' });

/** Grants access to whoever asks and asks a person only to sign in. For demonstrations and closed networks. */
export const neverAskPerson: Policy = ({ kind }) => ({
  decision: kind === 'sign-in' ? 'ask-person' : 'grant',
});
