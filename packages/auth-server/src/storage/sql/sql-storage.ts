import type { BoundedReplayStore, ReplayStore } from '@countersign/protocol';
import type { RequestScope } from '../../observability/request-scope.js';
import type { Storage, SweepOptions } from '../storage.js';
import { auditStore } from './audit-store.js';
import { codeStore } from './code-store.js';
import { grantStore } from './grant-store.js';
import { healthStore } from './health-store.js';
import { issuedTokenStore } from './issued-token-store.js';
import { limitStore } from './limit-store.js';
import { migrate } from './migrate.js';
import { pendingDecisionStore } from './pending-decision-store.js';
import { refreshTokenStore } from './refresh-token-store.js';
import { replayInsert, replayStore } from './replay-store.js';
import { sessionStore } from './session-store.js';
import { settingStore } from './setting-store.js';
import { signInAttemptStore } from './sign-in-attempt-store.js';
import { signingKeyStore } from './signing-key-store.js';
import type { SqlDatabase } from './sql-database.js';
import { subjectStore } from './subject-store.js';
import { sweep } from './sweep.js';
import { userStore } from './user-store.js';

/** The store on a database. Migrates first; owns it and closes it. */
export async function createSqlStorage(database: SqlDatabase): Promise<Storage> {
  try {
    await migrate(database);
  } catch (error) {
    await database.close();
    throw error;
  }
  return storageOn(database);
}

/** The store on a database whose tables are up to date. Owns it and closes it. */
export function storageOn(database: SqlDatabase): Storage {
  return new SqlStorage(database, replayStore(database));
}

/** Makes each store when it is first asked for: a request needs two or three of them. */
class SqlStorage implements Storage {
  readonly replay: ReplayStore;
  readonly #database: SqlDatabase;
  /** How full the parts of the replay store are is counted for all requests together. */
  readonly #counted: BoundedReplayStore;
  readonly #made = new Map<unknown, unknown>();

  constructor(database: SqlDatabase, counted: BoundedReplayStore) {
    this.#database = database;
    this.#counted = counted;
    const insert = replayInsert(database);
    this.replay = { remember: (record, now) => counted.remember(record, now, insert) };
  }

  during(request: RequestScope): Storage {
    return new SqlStorage(this.#database.during(request), this.#counted);
  }

  sweep(now: number, options: SweepOptions): Promise<number> {
    return sweep(this.#database, now, options);
  }

  close(): Promise<void> {
    return this.#database.close();
  }

  get users() {
    return this.#store(userStore);
  }
  get subjects() {
    return this.#store(subjectStore);
  }
  get sessions() {
    return this.#store(sessionStore);
  }
  get pendingDecisions() {
    return this.#store(pendingDecisionStore);
  }
  get grants() {
    return this.#store(grantStore);
  }
  get codes() {
    return this.#store(codeStore);
  }
  get refreshTokens() {
    return this.#store(refreshTokenStore);
  }
  get issuedTokens() {
    return this.#store(issuedTokenStore);
  }
  get signingKeys() {
    return this.#store(signingKeyStore);
  }
  get settings() {
    return this.#store(settingStore);
  }
  get signInAttempts() {
    return this.#store(signInAttemptStore);
  }
  get limits() {
    return this.#store(limitStore);
  }
  get audit() {
    return this.#store(auditStore);
  }
  get health() {
    return this.#store(healthStore);
  }

  #store<T>(make: (database: SqlDatabase) => T): T {
    const made = this.#made.get(make) as T | undefined;
    if (made !== undefined) return made;
    const store = make(this.#database);
    this.#made.set(make, store);
    return store;
  }
}
