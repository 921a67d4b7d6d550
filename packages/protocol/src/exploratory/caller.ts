import type { SchemeName, VerificationKey } from '@countersign/httpsig';
import type { ServerIdentifier } from '../identifiers.js';
import type { ExpiredAuthToken, VerifiedAuthToken } from './auth-token.js';

/** Who signed a request, as far as that has been proved. */
export type Caller =
  /** The holder of a key: the same one over time, nothing more. */
  | { readonly kind: 'key'; readonly scheme: SchemeName; readonly key: VerificationKey }
  /** An agent, perhaps through one of its delegates. */
  | {
      readonly kind: 'agent';
      readonly scheme: SchemeName;
      readonly key: VerificationKey;
      readonly agent: ServerIdentifier;
      readonly delegate: string | undefined;
    }
  /** The holder of an auth token for this receiver. */
  | {
      readonly kind: 'token-holder';
      readonly scheme: 'jwt';
      readonly key: VerificationKey;
      readonly token: VerifiedAuthToken;
      /** The token came encrypted: nobody but this receiver and the auth server could read it. */
      readonly encrypted?: boolean;
    }
  /** The holder of an auth token that was one for this receiver and has expired. */
  | {
      readonly kind: 'expired-token-holder';
      readonly scheme: 'jwt';
      readonly key: VerificationKey;
      readonly token: ExpiredAuthToken;
    };
