import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openStorage } from '../../src/storage/index.js';
import { startWorker } from './worker.js';

describe('two processes on one SQLite file', () => {
  let directory: string;
  let url: string;

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'countersign-storage-'));
    url = `sqlite:${join(directory, 'test.db')}`;
  });

  afterEach(() => rmSync(directory, { recursive: true, force: true }));

  it('make the tables together, agree on one signing key, and a code has one winner, a limit one count', async () => {
    const workers = await Promise.all([startWorker(url, 'a'), startWorker(url, 'b')]);
    const keys = await Promise.all(workers.map((worker) => worker.ask('key')));
    expect(keys[0]).toEqual(keys[1]);
    await workers[0]?.ask('approve');
    const answers = await Promise.all(workers.map((worker) => worker.ask('redeem')));
    const outcomes = answers.flat();
    expect(outcomes).toHaveLength(200);
    expect(outcomes.filter((outcome) => outcome === 'redeemed')).toHaveLength(1);
    expect(outcomes.filter((outcome) => outcome === 'reused')).toHaveLength(199);
    const given = (await Promise.all(workers.map((worker) => worker.ask('claim')))).flat();
    expect(given.reduce<number>((sum, one) => sum + Number(one), 0)).toBe(100);
    await Promise.all(workers.map((worker) => worker.stop()));
  });

  it('keep what was answered when one is killed', async () => {
    const worker = await startWorker(url, 'a');
    await worker.ask('approve');
    await worker.kill();
    const storage = await openStorage(url);
    expect(await storage.pendingDecisions.find('pending')).toMatchObject({ outcome: 'granted' });
    await storage.close();
  });
});
