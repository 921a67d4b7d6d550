import type {
  ApprovedCode,
  CodeRedemption,
  DecideResult,
  NewPendingDecision,
  NewUser,
  RefreshTokenUse,
  SessionRecord,
  Storage,
} from '../../../src/storage/index.js';

/** A database of its own for one test. */
export interface ContractDatabase {
  /** A connection to the database; the second and later ones meet what the first has written. */
  connect(): Promise<Storage>;
  /** Runs statements beside the storage, as whoever has the database's password can. */
  run(sql: string): Promise<void>;
  /** The same, after taking away what the database refuses by itself. */
  tamper(sql: string): Promise<void>;
  remove(): Promise<void>;
}

/** What the tests of one feature are given: a fresh store before each test. */
export interface Contract {
  readonly storage: () => Storage;
  readonly connect: () => Promise<Storage>;
  readonly database: () => ContractDatabase;
}

export const NOW = 1_700_000_000;
export const AGENT = 'https://agent.example';
export const RESOURCE = 'https://resource.example';
export const CALLBACK = 'https://agent.example/callback';

export function newUser(name: string, changes: Partial<NewUser> = {}): NewUser {
  return {
    id: `id-${name}`,
    subject: `subject-${name}`,
    username: name,
    name: null,
    email: null,
    emailVerified: false,
    passwordHash: `hash-${name}`,
    createdAt: NOW,
    ...changes,
  };
}

export function newSession(idHash: string, changes: Partial<SessionRecord> = {}): SessionRecord {
  return {
    idHash,
    userId: null,
    createdAt: NOW,
    authenticatedAt: null,
    lastSeenAt: NOW,
    expiresAt: NOW + 3600,
    ...changes,
  };
}

export function newQuestion(
  idHash: string,
  changes: Partial<NewPendingDecision> = {},
): NewPendingDecision {
  return {
    idHash,
    agent: AGENT,
    delegate: null,
    audience: RESOURCE,
    question: { scopes: [{ name: 'data.read', description: 'Read “your” data' }] },
    redirectUri: CALLBACK,
    state: 'state-1',
    createdAt: NOW,
    expiresAt: NOW + 600,
    ...changes,
  };
}

export const MANY = { maxPendingPerAgent: 1000 };

/** A person, and a question that they have claimed. */
export async function claimedQuestion(
  storage: Storage,
  idHash = 'pending',
  changes: Partial<NewPendingDecision> = {},
): Promise<{ idHash: string; userId: string }> {
  const userId = 'id-ana';
  await storage.users.create(newUser('ana'));
  await storage.pendingDecisions.create(newQuestion(idHash, changes), MANY);
  await storage.pendingDecisions.claim(idHash, userId, NOW);
  return { idHash, userId };
}

export function newCode(hash: string, changes: Partial<ApprovedCode> = {}): ApprovedCode {
  return {
    hash,
    subject: 'subject-ana',
    scope: 'data.read',
    claims: { name: 'Ana' },
    expiresAt: NOW + 60,
    ...changes,
  };
}

export function grantWith(
  storage: Storage,
  by: { idHash: string; userId: string },
  code: ApprovedCode,
  grant: { id?: string; scope?: string; now?: number } = {},
): Promise<DecideResult> {
  const { id = 'grant', scope = 'data.read', now = NOW } = grant;
  return storage.pendingDecisions.decide({
    ...by,
    now,
    outcome: 'granted',
    grant: { id, scope },
    code,
  });
}

/** Ana has granted, and the code with the hash `code` is on its way to the agent. */
export async function approvedCode(
  storage: Storage,
  changes: Partial<NewPendingDecision> = {},
): Promise<void> {
  await grantWith(storage, await claimedQuestion(storage, 'pending', changes), newCode('code'));
}

export function redemption(changes: Partial<CodeRedemption> = {}): CodeRedemption {
  return {
    codeHash: 'code',
    agent: AGENT,
    delegate: null,
    redirectUri: CALLBACK,
    now: NOW + 1,
    refreshTokenHash: 'refresh',
    issued: { jti: 'jti-1', kind: 'auth', expiresAt: NOW + 3601 },
    ...changes,
  };
}

/** Ana's agent has redeemed its code and holds the refresh token with the hash `refresh`. */
export async function refreshable(
  storage: Storage,
  changes: Partial<NewPendingDecision> = {},
): Promise<void> {
  await approvedCode(storage, changes);
  await storage.codes.redeem(redemption({ delegate: changes.delegate ?? null }));
}

export const IDLE = 30 * 86_400;
export const ABSOLUTE = 90 * 86_400;

export function refresh(changes: Partial<RefreshTokenUse> = {}): RefreshTokenUse {
  return {
    hash: 'refresh',
    agent: AGENT,
    delegate: null,
    now: NOW + 100,
    idleSeconds: IDLE,
    absoluteSeconds: ABSOLUTE,
    issued: { jti: 'jti-2', kind: 'auth', expiresAt: NOW + 3700 },
    ...changes,
  };
}

/** Runs `attempt` a hundred times at once. */
export function hundred<T>(attempt: (index: number) => Promise<T>): Promise<T[]> {
  return Promise.all(Array.from({ length: 100 }, (_, index) => attempt(index)));
}
