import type { FormFields } from './form-fields.js';
import type { AgentView, ResourceView } from './parties.js';

/** One scope of the request. */
export interface ScopeView {
  readonly name: string;
  /** The description that whoever defines the scope publishes, if any. */
  readonly description?: string | undefined;
  /** Whether the person approved it before: a step-up asks for the others only. */
  readonly granted: boolean;
}

/** What a sign-in tells the agent about the person. */
export interface IdentityShare {
  readonly scope: 'openid' | 'profile' | 'email';
  /** The person's own data as it will be sent, so that they see it: the name, the address. */
  readonly value?: string | undefined;
}

interface ConsentCommon {
  readonly agent: AgentView;
  /** The username of the person signed in. */
  readonly account: string;
  readonly form: FormFields;
  /** A decision is remembered and covers everything asked: the page shortens to one button, and cancel. */
  readonly remembered?: boolean | undefined;
  /** How long a token lives: access may outlive its withdrawal by that much. */
  readonly tokenLifetimeSeconds: number;
  /** Where, on this server, the person withdraws approvals. Without it the page names nobody but the operator. */
  readonly withdrawPath?: string | undefined;
  /** From an auth request document: why, in its author's words. */
  readonly purpose?: string | undefined;
  /** From an auth request document: what is asked for, in its author's words. */
  readonly description?: string | undefined;
  /** From an auth request document: what exactly (RFC 9396 objects), as parsed. */
  readonly details?: readonly unknown[] | undefined;
  /** Unix seconds at which this server ends the access; only what it enforces. */
  readonly until?: number | undefined;
}

/** An agent asks for access to a resource. */
export interface AccessConsentView extends ConsentCommon {
  readonly kind: 'access';
  readonly resource: ResourceView;
  readonly scopes: readonly ScopeView[];
}

/** An agent asks the person to sign in to the agent itself. */
export interface SignInConsentView extends ConsentCommon {
  readonly kind: 'sign-in';
  readonly identity: readonly IdentityShare[];
  /** Scopes beyond the identity ones, if any. */
  readonly scopes?: readonly ScopeView[] | undefined;
}

export type ConsentView = AccessConsentView | SignInConsentView;
