import { mkdtemp, readdir, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { withFileLock } from '../src/node/file-lock.js';
import { fileStore } from '../src/node/index.js';
import type { HeldToken } from '../src/index.js';
import { AGENT, API, AUTH, NOW, rejection } from './world.js';

const folder = () => mkdtemp(join(tmpdir(), 'lock-'));

describe('withFileLock', () => {
  it('lets one in at a time, and leaves nothing behind', async () => {
    const path = await folder();
    let inside = 0;
    let most = 0;
    const enter = () =>
      withFileLock(join(path, 'a.lock'), async () => {
        most = Math.max(most, ++inside);
        await new Promise((resolve) => setImmediate(resolve));
        return --inside;
      });
    await Promise.all(Array.from({ length: 20 }, enter));
    expect(most).toBe(1);
    expect(await readdir(path)).toEqual([]);
  });

  it('is free again after work that failed', async () => {
    const path = join(await folder(), 'a.lock');
    const failed = withFileLock(path, () => Promise.reject(new Error('no')));
    expect((await rejection(failed)).message).toBe('no');
    expect(await withFileLock(path, () => Promise.resolve('yes'))).toBe('yes');
  });

  it('takes over the lock of a process that is gone, by one of many', async () => {
    const path = await folder();
    const file = join(path, 'a.lock');
    await writeFile(file, 'gone');
    const long = new Date(Date.now() - 60_000);
    await utimes(file, long, long);
    let inside = 0;
    let most = 0;
    const enter = () =>
      withFileLock(file, async () => {
        most = Math.max(most, ++inside);
        await new Promise((resolve) => setImmediate(resolve));
        inside -= 1;
      });
    await Promise.all(Array.from({ length: 5 }, enter));
    expect(most).toBe(1);
    expect(await readdir(path)).toEqual([]);
  });

  it('waits for one that is alive until it is told not to, and does not touch it', async () => {
    const file = join(await folder(), 'a.lock');
    await writeFile(file, 'alive');
    const abort = new AbortController();
    let ran = false;
    const waiting = rejection(
      withFileLock(
        file,
        () => {
          ran = true;
          return Promise.resolve();
        },
        abort.signal,
      ),
    );
    abort.abort(new Error('enough'));
    expect((await waiting).message).toBe('enough');
    expect(ran).toBe(false);
    expect((await stat(file)).size).toBe(5);
  });
});

describe('fileStore', () => {
  it('loses no change of two that share the file', async () => {
    const file = join(await folder(), 'store.json');
    const stores = [fileStore(file), fileStore(file)];
    const token = (name: string): HeldToken => ({
      resource: API,
      authServer: AUTH,
      token: name,
      expiresAt: NOW + 60,
      scope: ['read'],
      agent: AGENT,
      keyThumbprint: 'k',
    });
    const people = Array.from({ length: 12 }, (_, at) => `person-${at}`);
    await Promise.all(
      people.map((person, at) => stores[at % 2]!.saveToken(person, token(person), NOW)),
    );
    for (const person of people) {
      expect((await fileStore(file).tokens(person, API)).map((one) => one.token)).toEqual([person]);
    }
  });
});
