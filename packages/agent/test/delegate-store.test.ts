import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { type DelegateStore, memoryDelegateStore } from '../src/index.js';
import { type SqliteAgentServerStore, sqliteAgentServerStore } from '../src/sqlite.js';

const folder = mkdtempSync(join(tmpdir(), 'countersign-agent-'));
const opened: SqliteAgentServerStore[] = [];
let serial = 0;
const newFile = (): string => join(folder, `${++serial}.db`);
function open(file = newFile()): SqliteAgentServerStore {
  const store = sqliteAgentServerStore(file);
  opened.push(store);
  return store;
}
afterEach(() => {
  for (const store of opened.splice(0)) store.close();
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

describe.each<[string, () => DelegateStore]>([
  ['memory', memoryDelegateStore],
  ['a SQLite file', () => open().delegates],
])('delegates in %s', (_, make) => {
  it('are found by their secret, and by no other', async () => {
    const store = make();
    expect(await store.add('laptop', 'hash-1', 10)).toBe(true);
    expect(await store.add('phone', 'hash-2', 20)).toBe(true);
    expect(await store.findBySecret('hash-1')).toBe('laptop');
    expect(await store.findBySecret('hash-2')).toBe('phone');
    expect(await store.findBySecret('hash-3')).toBeUndefined();
  });

  it('have a name of their own for as long as they are not revoked', async () => {
    const store = make();
    await store.add('laptop', 'hash-1', 10);
    expect(await store.add('laptop', 'hash-2', 11)).toBe(false);
    expect(await store.findBySecret('hash-2')).toBeUndefined();
    expect(await store.list()).toEqual([
      { delegate: 'laptop', secretHash: 'hash-1', createdAt: 10 },
    ]);
  });

  it('of a name are one, however many are added at once', async () => {
    const store = make();
    const added = await Promise.all(
      Array.from({ length: 50 }, (_one, at) => store.add('laptop', `hash-${at}`, 10)),
    );
    expect(added.filter(Boolean)).toHaveLength(1);
    expect(await store.list()).toHaveLength(1);
  });

  it('that are revoked are found no more, and stay in the list', async () => {
    const store = make();
    await store.add('laptop', 'hash-1', 10);
    await store.add('phone', 'hash-2', 10);
    expect(await store.revoke('laptop', 30)).toBe(true);
    expect(await store.findBySecret('hash-1')).toBeUndefined();
    expect(await store.findBySecret('hash-2')).toBe('phone');
    expect(await store.revoke('laptop', 40)).toBe(false);
    expect(await store.revoke('nobody', 40)).toBe(false);
    expect(await store.list()).toEqual([
      { delegate: 'laptop', secretHash: 'hash-1', createdAt: 10, revokedAt: 30 },
      { delegate: 'phone', secretHash: 'hash-2', createdAt: 10 },
    ]);
  });

  it('may be added anew after that, with another secret', async () => {
    const store = make();
    await store.add('laptop', 'hash-1', 10);
    await store.revoke('laptop', 20);
    expect(await store.add('laptop', 'hash-1', 30)).toBe(false);
    expect(await store.add('laptop', 'hash-2', 30)).toBe(true);
    expect(await store.findBySecret('hash-1')).toBeUndefined();
    expect(await store.findBySecret('hash-2')).toBe('laptop');
    expect((await store.list()).map(({ revokedAt }) => revokedAt)).toEqual([20, undefined]);
  });
});

describe('a SQLite file', () => {
  it('keeps delegates, revocations and remembered requests over a restart', async () => {
    const file = newFile();
    const first = open(file);
    await first.delegates.add('laptop', 'hash-1', 10);
    await first.delegates.add('phone', 'hash-2', 10);
    await first.delegates.revoke('phone', 20);
    const request = { key: 'k', owner: 'https://agent.example', created: 20, expiresAt: 80 };
    expect(await first.replay.remember(request, 20)).toBe('fresh');
    first.close();
    opened.pop();
    const second = open(file);
    expect(await second.delegates.findBySecret('hash-1')).toBe('laptop');
    expect(await second.delegates.findBySecret('hash-2')).toBeUndefined();
    expect(await second.replay.remember(request, 21)).toBe('replayed');
  });

  it('shows each process what another has done, at once', async () => {
    const file = newFile();
    const [server, command] = [open(file), open(file)];
    await command.delegates.add('laptop', 'hash-1', 10);
    expect(await server.delegates.findBySecret('hash-1')).toBe('laptop');
    await command.delegates.revoke('laptop', 20);
    expect(await server.delegates.findBySecret('hash-1')).toBeUndefined();
  });

  it('is readable by its owner alone', async () => {
    const file = newFile();
    await open(file).delegates.add('laptop', 'hash-1', 10);
    for (const one of [file, `${file}-wal`, `${file}-shm`]) {
      expect(statSync(one).mode & 0o777, one).toBe(0o600);
    }
  });

  it.each([
    ['a folder', () => folder],
    ['in a folder that is not there', () => join(folder, 'none', 'a.db')],
    [
      'another file',
      () => {
        const file = newFile();
        writeFileSync(
          file,
          'this is not a database, and it is long enough to be looked at'.repeat(20),
        );
        return file;
      },
    ],
  ])('that is %s is refused', (_, file) => {
    expect(() => sqliteAgentServerStore(file())).toThrow(
      expect.objectContaining({ code: 'configuration_invalid' }),
    );
  });
});

it('two stores of a process keep their file while another process opens and closes it', async () => {
  const file = newFile();
  const [first, second] = [open(file), open(file)];
  /** The last one to close a file clears away its journal: it must not take itself for the last one. */
  const countElsewhere = (): string =>
    execFileSync(process.execPath, [
      '--eval',
      `const file = new (require('libsql'))(process.argv[1]);
       console.log(file.prepare('select count(*) as count from agent_delegate').all([])[0].count);
       file.exec('pragma wal_checkpoint(truncate)');
       file.close();`,
      file,
    ]).toString();
  await first!.delegates.add('laptop', 'hash-1', 10);
  expect(countElsewhere()).toBe('1\n');
  await second!.delegates.add('phone', 'hash-2', 10);
  expect(countElsewhere()).toBe('2\n');
});
