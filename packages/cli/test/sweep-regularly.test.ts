import { StorageError } from '@countersign/auth-server';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { sweepRegularly } from '../src/serve/sweep-regularly.js';

const MINUTE = 60_000;
const gone = () => new StorageError('The database has been closed.');
beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

it('sweeps once a minute, says when it fails, and goes on', async () => {
  const sweep = vi.fn<() => Promise<number>>().mockRejectedValueOnce(gone()).mockResolvedValue(0);
  const notes: string[] = [];
  const stop = sweepRegularly({ sweep }, (line) => notes.push(line));
  await vi.advanceTimersByTimeAsync(MINUTE);
  expect(notes).toEqual([expect.stringMatching(/^Sweeping expired rows failed: /)]);
  await vi.advanceTimersByTimeAsync(MINUTE);
  expect(sweep).toHaveBeenCalledTimes(2);
  expect(notes).toHaveLength(1);
  stop();
});

it('sweeps no more once it is stopped, and a sweep that ends with the database is no failure', async () => {
  let fail: (reason: Error) => void = () => undefined;
  const sweep = vi.fn(() => new Promise<number>((_, reject) => (fail = reject)));
  const notes: string[] = [];
  const stop = sweepRegularly({ sweep }, (line) => notes.push(line));
  await vi.advanceTimersByTimeAsync(MINUTE);
  stop();
  fail(gone());
  await vi.advanceTimersByTimeAsync(3 * MINUTE);
  expect(sweep).toHaveBeenCalledTimes(1);
  expect(notes).toEqual([]);
});
