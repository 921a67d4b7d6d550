import type { Storage } from '../storage.js';
import { auditStore } from './audit-store.js';
import { codeStore } from './code-store.js';
import { grantStore } from './grant-store.js';
import { healthStore } from './health-store.js';
import { issuedTokenStore } from './issued-token-store.js';
import { limitStore } from './limit-store.js';
import { migrate } from './migrate.js';
import { pendingDecisionStore } from './pending-decision-store.js';
import { refreshTokenStore } from './refresh-token-store.js';
import { replayStore } from './replay-store.js';
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
  return {
    users: userStore(database),
    subjects: subjectStore(database),
    sessions: sessionStore(database),
    pendingDecisions: pendingDecisionStore(database),
    grants: grantStore(database),
    codes: codeStore(database),
    refreshTokens: refreshTokenStore(database),
    issuedTokens: issuedTokenStore(database),
    signingKeys: signingKeyStore(database),
    settings: settingStore(database),
    signInAttempts: signInAttemptStore(database),
    limits: limitStore(database),
    replay: replayStore(database),
    audit: auditStore(database),
    health: healthStore(database),
    sweep: (now, options) => sweep(database, now, options),
    close: () => database.close(),
  };
}
