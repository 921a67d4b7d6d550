import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import Libsql from 'libsql';
import { beforeAll, describe, expect, it } from 'vitest';
import { openStorage } from '@countersign/auth-server';
import { entryLine } from '../src/audit/entry-line.js';
import { readTime } from '../src/options/time.js';
import { runHere } from './support/here.js';
import { newFile } from './support/servers.js';

const NOW = 1_700_000_000;
const AGENT = 'https://agent.example';
const database = newFile('audit.db');
const audit = (...args: string[]) =>
  runHere(['audit', ...args, '--database', `sqlite:${database}`], {
    env: { COUNTERSIGN_OPERATOR: 'carla' },
  });

interface Line {
  readonly sequence: number;
  readonly previous: string;
  readonly hash: string;
  readonly entry: Readonly<Record<string, unknown>>;
}

const linesOf = (text: string): Line[] =>
  text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Line);

/** An old trail of people, with one grant in it. */
beforeAll(async () => {
  const storage = await openStorage(`sqlite:${database}`);
  for (const [index, name] of ['ana', 'bob', 'cy'].entries()) {
    await storage.users.create({
      id: `id-${name}`,
      subject: `sub-${name}`,
      username: name,
      passwordHash: 'x',
      name: null,
      email: null,
      emailVerified: false,
      createdAt: NOW + index,
    });
  }
  await storage.grants.issueDirectly({
    grant: { id: 'g1', agent: AGENT, delegate: null, audience: 'https://rs.example', scope: 'a b' },
    refreshToken: null,
    issued: { jti: 'jti-1', kind: 'auth', expiresAt: NOW + 9 },
    rule: 'nightly jobs',
    now: NOW + 3,
  });
  await storage.close();
});

describe('audit', () => {
  it('lists the latest entries for a person to read, and all that fit for a program', async () => {
    const listed = await audit('list', '--limit', '2');
    expect(listed).toMatchObject({ code: 0, stderr: '' });
    expect(listed.stdout).toBe(
      '     3  2023-11-14 22:13:22Z  user-added        server: user=cy\n' +
        `     4  2023-11-14 22:13:23Z  token-issued      policy: agent=${AGENT} at=https://rs.example ` +
        'scope="a b" means=policy rule="nightly jobs" grant=g1 token=jti-1\n',
    );
    const found = await audit('list', '--json', '--agent', AGENT, '--token', 'jti-1');
    expect(linesOf(found.stdout)).toMatchObject([{ sequence: 4, entry: { grant: 'g1' } }]);
    const between = await audit(
      'list',
      '--json',
      '--since',
      '2023-11-14T22:13:21Z',
      '--until',
      '2023-11-14T22:13:23Z',
    );
    expect(linesOf(between.stdout).map(({ sequence }) => sequence)).toEqual([2, 3]);
    expect(linesOf((await audit('list', '--json', '--user', 'bob')).stdout)).toHaveLength(1);
  });

  it('exports lines whose hashes anybody can compute, from any entry on', async () => {
    const all = linesOf((await audit('export')).stdout);
    let previous = '';
    for (const [index, line] of all.entries()) {
      const text = `${previous}\n${index + 1}\n${JSON.stringify(line.entry)}\n`;
      const hash = createHash('sha256').update(text).digest('base64url');
      expect(line).toMatchObject({ sequence: index + 1, previous, hash });
      previous = hash;
    }
    expect(all).toHaveLength(4);
    expect(linesOf((await audit('export', '--from', '3')).stdout)).toEqual(all.slice(2));
  });

  it('verifies the database and an export of it, and fails when either was changed', async () => {
    const sound = await audit('verify');
    const head = /--head (4:[\w-]{43})\n$/.exec(sound.stdout)?.[1];
    expect(sound).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^4 entries, all sound\./),
    });
    const file = newFile('trail.jsonl');
    writeFileSync(file, (await audit('export', '--from', '2')).stdout);
    expect(await audit('verify', file, '--head', String(head))).toMatchObject({
      code: 0,
      stdout: `3 entries, all sound. Keep this elsewhere: --head ${head}\n`,
    });
    writeFileSync(file, readFileSync(file, 'utf8').replace('id-cy', 'id-di'));
    expect(await audit('verify', file)).toMatchObject({
      code: 1,
      stdout: '',
      stderr:
        'error: Entry 3, or the hash of the one before it, was changed. 1 entry before that: sound.\n',
    });
    writeFileSync(file, '{"sequence":1}\n');
    expect(await audit('verify', file)).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('trail.jsonl, line 1, is no entry'),
    });
  });

  it('prunes only when it is told to, and says who did it', async () => {
    const unasked = await audit('prune', '--before', '2023-11-14T22:13:22Z');
    expect(unasked.code).toBe(2);
    expect(unasked.stderr).toContain('2 entries of the audit trail, 1 to 2, are gone for good');
    const pruned = await audit('prune', '--before', '2023-11-14T22:13:22Z', '--yes');
    expect(pruned).toMatchObject({
      code: 0,
      stdout: '2 entries are gone. The trail begins with entry 3.\n',
    });
    const [last] = linesOf((await audit('list', '--json', '--limit', '1')).stdout);
    expect(last?.entry).toMatchObject({ act: 'trail-pruned', by: 'operator', operator: 'carla' });
    expect(await audit('export', '--from', '2')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('begins with entry 3'),
    });
    const text = "update audit_entries set text = '{}' where sequence = 4";
    const other = new Libsql(database);
    other.exec(`drop trigger audit_entries_no_update; ${text}`);
    other.close();
    expect(await audit('verify')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('Entry 4'),
    });
  });

  it('shows, exports and verifies what somebody wrote into the database by hand', async () => {
    const file = newFile('by-hand.db');
    await (await openStorage(`sqlite:${file}`)).close();
    const texts = ['not json', '[]', '{"time": 1e300, "act": 7, "by": {}}', '{"time": 5}'];
    const other = new Libsql(file);
    for (const text of texts)
      other.prepare('insert into audit_pending (text) values (?)').run(text);
    other.close();
    const here = (...args: string[]) => runHere(['audit', ...args, '--database', `sqlite:${file}`]);
    expect((await here('list')).stdout.match(/unreadable/g)).toHaveLength(4);
    const exported = newFile('by-hand.jsonl');
    writeFileSync(exported, (await here('export')).stdout);
    expect(await here('verify', exported)).toMatchObject({
      code: 0,
      stdout: (await here('verify')).stdout,
    });
  });

  it.each([
    [['list', '--act', 'granted'], /^error: --act is "granted": it takes one of question-asked, /],
    [['list', '--limit', '0'], /^error: --limit is "0": it takes a number from 1 to 100000\.\n$/],
    [['list', '--since', 'yesterday'], /^error: --since is "yesterday": it takes a date such as/],
    [['export', '--from', '-1'], /--from/],
    [['verify', '--head', '3:abc'], /^error: --head is "3:abc": it takes a number and a hash/],
    [
      ['prune', '--before', '2999-01-01'],
      /^error: --before is "2999-01-01": that is not in the past/,
    ],
  ])('says what is wrong with %j', async (args, message) => {
    expect(await audit(...args)).toMatchObject({ code: 2, stderr: expect.stringMatching(message) });
  });
});

describe('an entry as a line', () => {
  it('does nothing to a terminal, whatever a delegate is called', () => {
    const entry = { time: NOW, act: 'access-denied', by: 'person', account: 'id-ana' } as const;
    const line = entryLine(
      7,
      { ...entry, agent: AGENT, delegate: 'x\u001b[2J\ny' },
      new Map([['id-ana', 'ana']]),
    );
    expect(line).toBe(
      `     7  2023-11-14 22:13:20Z  access-denied     ana: agent="${AGENT} (x?[2J?y)"`,
    );
  });
});

describe('a time', () => {
  it.each([
    ['2023-11-14', 1_699_920_000],
    ['2023-11-14T22:13:20Z', NOW],
    ['2023-11-14T23:13:20+01:00', NOW],
    ['30m', NOW - 1800],
    ['12h', NOW - 43_200],
    ['90d', NOW - 90 * 86_400],
  ])('may be %s', (text, time) => {
    expect(readTime(text, '--since', NOW)).toBe(time);
  });

  it.each(['', '2023', '2023-13-01', '2023-11-14 22:13', '5 days', '-3d', '2023-11-14T22:13:20'])(
    'may not be "%s"',
    (text) => {
      expect(() => readTime(text, '--since', NOW)).toThrow(`--since is "${text}"`);
    },
  );
});
