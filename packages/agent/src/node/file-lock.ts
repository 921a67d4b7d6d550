import { randomBytes } from 'node:crypto';
import { link, mkdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';

/** A holder says this often that it is still there, in milliseconds. */
const SIGN_OF_LIFE_MS = 2_000;
/** A lock without a sign of life for this long belongs to a process that has ended. */
const STALE_MS = 8_000;
const LONGEST_WAIT_MS = 50;

/**
 * Runs `work` while no other process, or other caller in this one, holds the lock file. The lock of a process that was
 * killed is taken over after eight seconds. It rests on `O_EXCL` and modification times of a local file system; on a
 * network file system, or for a process that stood still for longer than that, two may hold it at once.
 *
 * Rejects with the signal's reason while it waits, and with the file system's error.
 */
export async function withFileLock<T>(
  path: string,
  work: () => Promise<T>,
  signal?: AbortSignal,
): Promise<T> {
  const holder = randomBytes(12).toString('hex');
  await acquire(path, holder, signal);
  const alive = setInterval(() => {
    const now = new Date();
    utimes(path, now, now).catch(() => undefined);
  }, SIGN_OF_LIFE_MS);
  alive.unref();
  try {
    return await work();
  } finally {
    clearInterval(alive);
    // Not another's: ours may have been taken over while this process stood still.
    if ((await readFile(path, 'utf8').catch(() => '')) === holder) await rm(path, { force: true });
  }
}

async function acquire(path: string, holder: string, signal?: AbortSignal): Promise<void> {
  for (let pause = 2; ; pause = Math.min(pause * 2, LONGEST_WAIT_MS)) {
    signal?.throwIfAborted();
    const age = await ageOf(path);
    if (age === undefined) {
      if (await create(path, holder)) return;
    } else if (age >= STALE_MS) {
      await takeAway(path);
      continue;
    }
    await wait(pause * (0.5 + Math.random()));
  }
}

/** Makes the lock with its holder's name in it, in one step; false when there is one. */
async function create(path: string, holder: string): Promise<boolean> {
  const draft = `${path}.${holder}`;
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  try {
    await writeFile(draft, holder, { flag: 'wx', mode: 0o600 });
    await link(draft, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  } finally {
    await rm(draft, { force: true });
  }
}

/** Takes away a lock whose holder is gone. */
async function takeAway(path: string): Promise<void> {
  const aside = `${path}.${randomBytes(12).toString('hex')}`;
  try {
    await rename(path, aside);
    // Another may have been quicker, and this is its new lock: give it back unless there is a newer one still.
    const taken = await ageOf(aside);
    if (taken !== undefined && taken < STALE_MS) await link(aside, path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'ENOENT' && code !== 'EEXIST') throw error;
  } finally {
    await rm(aside, { force: true });
  }
}

async function ageOf(path: string): Promise<number | undefined> {
  try {
    return Date.now() - (await stat(path)).mtimeMs;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
