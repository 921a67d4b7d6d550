import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Libsql from 'libsql';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { answerAfter, onceKept, type RequestScope } from '../../src/observability/request-scope.js';
import { openStorage, type Storage, StorageError } from '../../src/storage/index.js';

const NOW = 1_768_780_800;
const RECORD = {
  key: 'a request',
  owner: 'https://agent.example',
  created: NOW,
  expiresAt: NOW + 61,
};

describe('A request that need not wait for each of its commits', () => {
  let directory: string;
  let storage: Storage;
  let onlooker: Libsql.Database;

  beforeEach(async () => {
    directory = mkdtempSync(join(tmpdir(), 'countersign-storage-'));
    storage = await openStorage(`sqlite:${join(directory, 'test.db')}`);
    onlooker = new Libsql(join(directory, 'test.db'));
  });

  afterEach(async () => {
    onlooker.close();
    await storage.close();
    rmSync(directory, { recursive: true, force: true });
  });

  const inRequest = <T>(work: (storage: Storage, scope: RequestScope) => Promise<T>) => {
    const scope: RequestScope = { requestId: 'one' };
    return onceKept(scope, () => work(storage.during(scope), scope));
  };
  const seen = () => onlooker.prepare('select entry_key from replay_entries').all().length;

  it('goes on when it is known to be fresh, and is answered when that is on the disk', async () => {
    await inRequest(async ({ replay }) => {
      expect(await replay.remember(RECORD, NOW)).toBe('fresh');
      expect(seen()).toBe(0);
    });
    expect(seen()).toBe(1);
  });

  it('is told of repeats at once, those whose first is not on the disk yet included', async () => {
    await inRequest(async ({ replay }) => {
      expect(await replay.remember(RECORD, NOW)).toBe('fresh');
      expect(await replay.remember(RECORD, NOW)).toBe('replayed');
      expect(seen()).toBe(0);
    });
  });

  it('is kept waiting where nobody waits for it later', async () => {
    expect(await storage.replay.remember(RECORD, NOW)).toBe('fresh');
    expect(seen()).toBe(1);
  });

  it('is not answered when something could not be kept, whatever became of the rest', async () => {
    const lost = Promise.reject(new StorageError('The disk is full.'));
    lost.catch(() => undefined);
    const answers = [async () => 'a token', () => Promise.reject(new Error('refused'))];
    for (const answer of answers) {
      const asking = inRequest(async (_storage, scope) => {
        expect(answerAfter(scope, lost)).toBe(true);
        return await answer();
      });
      await expect(asking).rejects.toThrow('The disk is full.');
    }
    expect(answerAfter({ requestId: 'another' }, lost)).toBe(false);
    expect(answerAfter(undefined, lost)).toBe(false);
  });
});
