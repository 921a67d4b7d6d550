/**
 * What can stand in the audit trail; a closed list.
 *
 * - `question-asked`: policy left a request to a person. `access-refused`: policy refused one.
 * - `access-granted`, `access-denied`: a person's answer.
 * - `token-issued`: an auth token went into the ledger. `code-reused`: somebody came with a code that had been used, and
 *   what its first use brought was withdrawn.
 * - `grant-revoked`, and `grant-ended` for one whose document had an end.
 * - `signed-in`: a person in a browser. Attempts that fail are in the log and the metrics: a stranger could fill the trail.
 * - `user-…`: accounts. `key-…`: signing keys; `key-removed` is one that no token needs any more. `keys-sealed`: how their
 *   private members are kept was replaced.
 * - `issuer-bound`: the database got its issuer. `database-upgraded`: its tables were brought up to a newer version.
 *   `policy-changed`: a server started with another policy than the one before it. `trail-pruned`: older entries were
 *   deleted.
 */
export const AUDIT_ACTS = [
  'question-asked',
  'access-refused',
  'access-granted',
  'access-denied',
  'token-issued',
  'code-reused',
  'grant-revoked',
  'grant-ended',
  'signed-in',
  'user-added',
  'user-password-set',
  'user-disabled',
  'user-enabled',
  'key-added',
  'key-revoked',
  'key-removed',
  'keys-sealed',
  'issuer-bound',
  'database-upgraded',
  'policy-changed',
  'trail-pruned',
] as const;

/** One of {@link AUDIT_ACTS}. */
export type AuditAct = (typeof AUDIT_ACTS)[number];

/** Who decided: a person, policy, an agent with what it was given before, somebody who administers, or the server by itself. */
export type AuditActor = 'person' | 'policy' | 'agent' | 'operator' | 'server';

/** How a token came to be: granted by policy, or for what was handed in. */
export type IssueMeans = 'policy' | 'code' | 'refresh' | 'exchange';

/**
 * One act, as it is kept: ids only, never a token, code, password, cookie or key, nor what a person typed. Members that do not
 * apply are absent.
 */
export interface AuditEntry {
  /** Unix seconds, by the clock of the server or command that did it. */
  readonly time: number;
  readonly act: AuditAct;
  readonly by: AuditActor;
  /** The name of who administered, as given to `actingAs`: told by their system, not proved. */
  readonly operator?: string;
  /** The id of the person's account. */
  readonly account?: string;
  readonly agent?: string;
  readonly delegate?: string;
  /** The resource; for a sign-in the agent itself. */
  readonly audience?: string;
  /** Space-separated. */
  readonly scope?: string;
  /** The rule of the policy, by its name or its place in the file. */
  readonly rule?: string;
  readonly grant?: string;
  readonly means?: IssueMeans;
  /** The `jti` of the token. */
  readonly token?: string;
  /** The `jti` of the token that was exchanged for it, and who had issued that, when it was another auth server. */
  readonly parentToken?: string;
  readonly parentIssuer?: string;
  /** The `kid`, or several with spaces between. */
  readonly key?: string;
  readonly issuer?: string;
  /** `database-upgraded`: the version of the tables since then. */
  readonly schema?: number;
  /** `policy-changed`: what the policy since then is called; `policyVersion` of the server. */
  readonly policy?: string;
  /** `trail-pruned`: the last entry that went. */
  readonly sequence?: number;
  /** The id of the request, as the log and a refusal's answer have it. */
  readonly request?: string;
}

/** What is told of an act; who administers and the request are found out where it is recorded. */
export type NewAuditEntry = {
  readonly [Member in keyof Omit<AuditEntry, 'operator' | 'request' | 'by'>]:
    AuditEntry[Member] | null | undefined;
} & Pick<AuditEntry, 'time' | 'act'> & {
    /** Left out for acts of administration: the operator's where one is known, otherwise the server's. */
    readonly by?: AuditActor;
  };

/** An entry in its place of the chain. */
export interface ChainedEntry {
  /** From 1, without gaps. */
  readonly sequence: number;
  /** SHA-256 over the hash before it, the sequence and the entry, base64url. */
  readonly hash: string;
  /** The {@link AuditEntry} as JSON, exactly as it was hashed. */
  readonly text: string;
  /** The time of the entry, kept beside it to find it by; not part of the hash, but held to the entry by `verifyAuditTrail`. */
  readonly recordedAt: number;
}

/** A place in the chain. Noted down elsewhere, it shows later that nothing up to it has been changed. */
export type AuditHead = Pick<ChainedEntry, 'sequence' | 'hash'>;
