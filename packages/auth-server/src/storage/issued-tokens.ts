/** A row of the ledger of everything issued. The tokens themselves are not kept. */
export interface IssuedTokenRecord {
  readonly jti: string;
  /** What kind of token; the store does not interpret it. */
  readonly kind: string;
  readonly agent: string;
  readonly delegate: string | null;
  readonly audience: string;
  readonly subject: string | null;
  readonly grantId: string | null;
  /** The token that was exchanged for this one (PROTOCOL 5.8). */
  readonly parentJti: string | null;
  readonly issuedAt: number;
  readonly expiresAt: number;
}

/** What the issuer adds to a stored approval to make a ledger row of it. */
export type IssuedTokenStamp = Pick<IssuedTokenRecord, 'jti' | 'kind' | 'expiresAt'>;

/** On what grounds a token was exchanged, for the audit trail. */
export interface ExchangeRuling {
  readonly rule?: string | undefined;
  /** What the new token is for, space-separated. */
  readonly scope: string;
  /** Who issued the token that was exchanged, when it was not this server. */
  readonly parentIssuer?: string | undefined;
}

export interface IssuedTokenStore {
  /**
   * Writes the row unless, in the same transaction, the grant it names is revoked or the grant's person disabled:
   * then false, and the token must not be handed out. Issuing and revoking exclude each other.
   */
  insert(token: IssuedTokenRecord, ruling?: ExchangeRuling): Promise<boolean>;
  /** The row, until the token has expired. It does not say whether the grant still stands; `insert` and this do. */
  find(jti: string): Promise<IssuedTokenRecord | undefined>;
  /** True when the token is in the ledger and its grant, if it has one, stands and the grant's person is enabled. */
  isLive(jti: string): Promise<boolean>;
}
