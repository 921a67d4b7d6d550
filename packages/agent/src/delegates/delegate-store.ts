/** A delegate as its agent server knows it. */
export interface DelegateRecord {
  /** The delegate's `sub`, the same for as long as it acts for this agent. */
  readonly delegate: string;
  /** SHA-256 of its enrolment secret, base64url; the secret itself is not kept. */
  readonly secretHash: string;
  /** Unix seconds. */
  readonly createdAt: number;
  /** Unix seconds; absent while the delegate may enrol keys. */
  readonly revokedAt?: number;
}

/**
 * Where an agent server keeps its delegates (PROTOCOL section 5.7). Each operation is atomic by itself. Operations
 * reject when the store cannot be reached.
 */
export interface DelegateStore {
  /** Adds a delegate. False, and nothing is kept, when one of that name has not been revoked, or the secret is known. */
  add(delegate: string, secretHash: string, now: number): Promise<boolean>;
  /** Everybody, revoked ones included, the oldest first. */
  list(): Promise<readonly DelegateRecord[]>;
  /** Ends a delegate's enrolment from now on. False when there is none of that name that has not been revoked. */
  revoke(delegate: string, now: number): Promise<boolean>;
  /** Whose secret that is; `undefined` for one that is unknown or revoked. */
  findBySecret(secretHash: string): Promise<string | undefined>;
}

/** A store in memory: gone with the process, and its delegates with it. For tests. */
export function memoryDelegateStore(): DelegateStore {
  let records: readonly DelegateRecord[] = [];
  const active = (one: DelegateRecord): boolean => one.revokedAt === undefined;
  return {
    add: async (delegate, secretHash, now) => {
      const taken = (one: DelegateRecord): boolean =>
        one.secretHash === secretHash || (one.delegate === delegate && active(one));
      if (records.some(taken)) return false;
      records = [...records, { delegate, secretHash, createdAt: now }];
      return true;
    },
    list: async () => records,
    revoke: async (delegate, now) => {
      const found = records.find((one) => one.delegate === delegate && active(one));
      if (found === undefined) return false;
      records = records.map((one) => (one === found ? { ...one, revokedAt: now } : one));
      return true;
    },
    findBySecret: async (secretHash) =>
      records.find((one) => one.secretHash === secretHash && active(one))?.delegate,
  };
}
