import { afterEach, beforeEach, describe } from 'vitest';
import type { Storage } from '../../src/storage/index.js';
import { auditContract } from './contract/audit.js';
import { attemptContract } from './contract/attempts.js';
import { codeContract } from './contract/codes.js';
import { documentContract } from './contract/documents.js';
import { durabilityContract } from './contract/durability.js';
import type { ContractDatabase } from './contract/fixtures.js';
import { grantContract } from './contract/grants.js';
import { pendingDecisionContract } from './contract/pending-decisions.js';
import { limitContract } from './contract/limits.js';
import { peopleContract } from './contract/people.js';
import { raceContract } from './contract/races.js';
import { serverContract } from './contract/server.js';
import { sessionContract } from './contract/sessions.js';
import { sweepContract } from './contract/sweep.js';
import { tokenContract } from './contract/tokens.js';

/** What every store must do. `create` makes an empty database that nobody else uses. */
export function storageContract(name: string, create: () => Promise<ContractDatabase>): void {
  describe(`storage on ${name}`, () => {
    let database: ContractDatabase;
    let connections: Storage[];
    let first: Storage;

    const connect = async (): Promise<Storage> => {
      const storage = await database.connect();
      connections.push(storage);
      return storage;
    };

    beforeEach(async () => {
      connections = [];
      database = await create();
      first = await connect();
    });

    afterEach(async () => {
      await Promise.all(connections.map((storage) => storage.close()));
      await database.remove();
    });

    const contract = { storage: () => first, connect, database: () => database };
    auditContract(contract);
    peopleContract(contract);
    sessionContract(contract);
    pendingDecisionContract(contract);
    codeContract(contract);
    tokenContract(contract);
    grantContract(contract);
    documentContract(contract);
    attemptContract(contract);
    limitContract(contract);
    serverContract(contract);
    sweepContract(contract);
    raceContract(contract);
    durabilityContract(contract);
  });
}
