import { randomBytes } from 'node:crypto';
import { mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { AAuthError, isJsonObject } from '@countersign/protocol';
import type { AgentStore } from '../store.js';
import { withFileLock } from './file-lock.js';
import { type StoredState, storedState, storeOver } from '../stored-state.js';

const VERSION = 1;

/**
 * A store in a file of mode 0600, made when absent, with its folder. It survives restarts: each change is a new file,
 * written to the disk and renamed over the old one. Several processes of one machine may share the file: changes follow
 * one another under a lock file beside it, and a token is renewed by one of them. Questions to a person are not shared:
 * two programs that need approval at the same time both ask. On network file systems the locks do not hold, so a web
 * application with replicas needs a store of its own.
 *
 * Operations reject with `configuration_invalid` when the file is not such a store, and with the file system's error
 * when it cannot be read or written.
 */
export function fileStore(path: string): AgentStore {
  const file = resolve(path);
  let last: Promise<unknown> = Promise.resolve();
  const store = storeOver((write, operation) => {
    const change = async () => {
      const state = await load(file);
      const before = write ? JSON.stringify(state) : undefined;
      const result = operation(state);
      if (write && JSON.stringify(state) !== before) await save(file, state);
      return result;
    };
    const turn = last.then(() => (write ? withFileLock(`${file}.lock`, change) : change()));
    last = turn.catch(() => undefined);
    return turn;
  });
  return {
    ...store,
    // By the beginning of the purpose: what killed processes leave behind stays within bounds.
    alone: (purpose, work, signal) =>
      withFileLock(`${file}.${purpose.slice(0, 2)}.lock`, work, signal),
  };
}

async function load(file: string): Promise<StoredState> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return storedState.empty();
    throw error;
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    value = undefined;
  }
  // Files of earlier versions have no sessions.
  const { version, tokens, flows, codes, sessions = [] } = isJsonObject(value) ? value : {};
  if (version !== VERSION || ![tokens, flows, codes, sessions].every((one) => Array.isArray(one))) {
    throw new AAuthError(
      'configuration_invalid',
      'The agent store file is not one; move it away.',
      {
        detail: file,
      },
    );
  }
  // Written by this program, readable by nobody else: its shape is trusted like the program's own memory.
  return { tokens, flows, codes, sessions } as unknown as StoredState;
}

async function save(file: string, state: StoredState): Promise<void> {
  await mkdir(dirname(file), { recursive: true, mode: 0o700 });
  const draft = `${file}.${randomBytes(8).toString('hex')}.tmp`;
  try {
    const handle = await open(draft, 'wx', 0o600);
    try {
      await handle.writeFile(JSON.stringify({ version: VERSION, ...state }));
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(draft, file);
  } catch (error) {
    await rm(draft, { force: true });
    throw error;
  }
}
