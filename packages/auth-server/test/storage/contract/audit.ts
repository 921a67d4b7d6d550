import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import {
  actingAs,
  type AuditEntry,
  type AuditHead,
  CHAIN_START,
  readTrail,
  type TrailReport,
  verifyAuditTrail,
} from '../../../src/audit/index.js';
import type { Storage } from '../../../src/storage/index.js';
import {
  ABSOLUTE,
  AGENT,
  approvedCode,
  claimedQuestion,
  type Contract,
  grantWith,
  MANY,
  newCode,
  newQuestion,
  newSession,
  newUser,
  NOW,
  redemption,
  refresh,
  RESOURCE,
} from './fixtures.js';

const party = { agent: AGENT, audience: RESOURCE };
const key = (kid: string) => ({
  kid,
  algorithm: 'ed25519',
  privateJwk: { kid },
  createdAt: NOW,
  activeFrom: NOW,
});

export function auditContract({ storage, connect, database }: Contract): void {
  /** The trail's entries after everything recorded has been chained. */
  async function entries(on: Storage = storage()): Promise<AuditEntry[]> {
    await on.audit.seal();
    const all: AuditEntry[] = [];
    for await (const { text } of readTrail(on)) all.push(JSON.parse(text) as AuditEntry);
    return all;
  }

  /** The entries that `work` adds. */
  async function added(work: () => Promise<unknown>): Promise<AuditEntry[]> {
    const before = await entries();
    await work();
    return (await entries()).slice(before.length);
  }

  async function verify(noted: readonly AuditHead[] = []): Promise<TrailReport> {
    const start = await storage().audit.start();
    return await verifyAuditTrail(readTrail(storage()), start, noted);
  }

  describe('the audit trail', () => {
    it('tells what policy left to a person, and what the person answered', async () => {
      const delegate = { delegate: 'delegate-1' };
      const asked = await added(() =>
        storage().pendingDecisions.create(newQuestion('pending', delegate), MANY, {
          rule: 'always-ask-person',
          scope: 'data.read',
        }),
      );
      expect(asked).toEqual([
        {
          time: NOW,
          act: 'question-asked',
          by: 'policy',
          ...party,
          ...delegate,
          scope: 'data.read',
          rule: 'always-ask-person',
        },
      ]);
      const by = await claimedQuestion(storage(), 'another');
      const granted = await added(() => grantWith(storage(), by, newCode('code')));
      const told = { time: NOW, by: 'person', account: 'id-ana', ...party };
      expect(granted).toEqual([
        { ...told, act: 'access-granted', scope: 'data.read', grant: 'grant' },
      ]);
      const third = await claimedQuestion(storage(), 'third');
      const denied = await added(() =>
        storage().pendingDecisions.decide({ ...third, now: NOW, outcome: 'denied' }),
      );
      expect(denied).toEqual([{ ...told, act: 'access-denied' }]);
    });

    it('tells of every token by its id, on what grounds, and never a token or its hash', async () => {
      await approvedCode(storage());
      const common = { act: 'token-issued', ...party, scope: 'data.read', grant: 'grant' };
      const own = { ...common, by: 'agent', account: 'id-ana' };
      const issued = await added(async () => {
        await storage().codes.redeem(redemption());
        await storage().refreshTokens.use(refresh());
        await storage().issuedTokens.insert(
          {
            jti: 'jti-3',
            kind: 'auth',
            agent: RESOURCE,
            delegate: null,
            audience: 'https://other.example',
            subject: null,
            grantId: 'grant',
            parentJti: 'jti-1',
            issuedAt: NOW + 3,
            expiresAt: NOW + 60,
          },
          { rule: 'exchange[0]', scope: 'things.read' },
        );
      });
      const { issued: refreshed, now } = refresh();
      expect(issued).toEqual([
        { ...own, time: NOW + 1, means: 'code', token: 'jti-1' },
        { ...own, time: now, means: 'refresh', token: refreshed.jti },
        {
          time: NOW + 3,
          act: 'token-issued',
          by: 'policy',
          agent: RESOURCE,
          audience: 'https://other.example',
          scope: 'things.read',
          rule: 'exchange[0]',
          grant: 'grant',
          means: 'exchange',
          token: 'jti-3',
          parentToken: 'jti-1',
        },
      ]);
      const direct = await added(() =>
        storage().grants.issueDirectly({
          grant: { id: 'direct', ...party, delegate: null, scope: 'data.read' },
          refreshToken: { hash: 'secret-hash', claims: {} },
          issued: { jti: 'jti-4', kind: 'auth', expiresAt: NOW + 60 },
          rule: 'nightly jobs',
          now: NOW,
        }),
      );
      expect(direct).toEqual([
        {
          ...common,
          time: NOW,
          by: 'policy',
          grant: 'direct',
          rule: 'nightly jobs',
          means: 'policy',
          token: 'jti-4',
        },
      ]);
    });

    it('tells when a code comes a second time', async () => {
      await approvedCode(storage());
      await storage().codes.redeem(redemption());
      const again = await added(() => storage().codes.redeem(redemption({ now: NOW + 2 })));
      const told = { by: 'agent', account: 'id-ana', ...party, grant: 'grant' };
      expect(again).toEqual([{ time: NOW + 2, act: 'code-reused', ...told }]);
    });

    it('tells which grants end, by whom or by themselves', async () => {
      await approvedCode(storage());
      const revoked = await added(() =>
        storage().grants.revoke({ id: 'grant', userId: 'id-ana', now: NOW + 5 }),
      );
      const told = { account: 'id-ana', ...party };
      expect(revoked).toEqual([
        {
          time: NOW + 5,
          act: 'grant-revoked',
          by: 'person',
          ...told,
          scope: 'data.read',
          grant: 'grant',
        },
      ]);
      await storage().pendingDecisions.decide({
        ...(await claimedQuestion(storage(), 'document')),
        now: NOW,
        outcome: 'granted',
        grant: {
          id: 'ending',
          scope: 'data.pay',
          document: {
            documentHash: 'document-1',
            purpose: null,
            endsAt: NOW + 9,
          },
        },
      });
      const ended = await added(() =>
        storage().sweep(NOW + 10, { refreshAbsoluteSeconds: ABSOLUTE }),
      );
      expect(ended).toEqual([
        { time: NOW + 10, act: 'grant-ended', by: 'server', ...told, grant: 'ending' },
      ]);
    });

    it('tells of accounts and of people who sign in', async () => {
      const { users, sessions } = storage();
      const person = { account: 'id-ana' };
      const told = await added(async () => {
        await users.create(newUser('ana'));
        await sessions.create(newSession('anonymous'));
        await sessions.replace('anonymous', newSession('here', { userId: 'id-ana' }));
        const change = { userId: 'id-ana', passwordHash: 'secret-hash', now: NOW + 1 };
        await users.setPassword({ ...change, keepSession: 'here' });
        await users.setPassword({ ...change, keepSession: null });
        await users.disable('id-ana', NOW + 2);
        await users.enable('id-ana', NOW + 3);
      });
      expect(told).toEqual([
        { time: NOW, act: 'user-added', by: 'server', ...person },
        { time: NOW, act: 'signed-in', by: 'person', ...person },
        { time: NOW + 1, act: 'user-password-set', by: 'person', ...person },
        { time: NOW + 1, act: 'user-password-set', by: 'server', ...person },
        { time: NOW + 2, act: 'user-disabled', by: 'server', ...person },
        { time: NOW + 3, act: 'user-enabled', by: 'server', ...person },
      ]);
    });

    it('tells of signing keys by their kid, and to which issuer the database was bound', async () => {
      const { signingKeys, settings } = storage();
      const told = await added(async () => {
        await settings.bindIssuer('https://issuer.example', NOW);
        await settings.bindIssuer('https://issuer.example', NOW + 1);
        await signingKeys.insertIfNone(key('a'));
        await signingKeys.insertIfNone(key('unused'));
        await signingKeys.add({ ...key('b'), activeFrom: NOW + 10 }, NOW + 2);
        await signingKeys.replaceAll([{ kid: 'a', privateJwk: { sealed: 'x' } }], NOW + 3);
        await signingKeys.remove('a', key('unused'), NOW + 20, 'ended');
        await signingKeys.remove('b', key('c'), NOW + 21);
      });
      const by = 'server';
      expect(told).toEqual([
        { time: NOW, act: 'issuer-bound', by, issuer: 'https://issuer.example' },
        { time: NOW, act: 'key-added', by, key: 'a' },
        { time: NOW + 2, act: 'key-added', by, key: 'b' },
        { time: NOW + 3, act: 'keys-sealed', by, key: 'a' },
        { time: NOW + 20, act: 'key-removed', by, key: 'a' },
        { time: NOW + 21, act: 'key-revoked', by, key: 'b' },
        { time: NOW + 21, act: 'key-added', by, key: 'c' },
      ]);
    });

    it('tells of the policy when it is another one than before', async () => {
      const { settings } = storage();
      const told = await added(async () => {
        await settings.notePolicy('first', NOW);
        await settings.notePolicy('first', NOW + 1);
        await settings.notePolicy('second', NOW + 2);
        await Promise.all([3, 4, 5].map((at) => settings.notePolicy('third', NOW + at)));
        await settings.notePolicy('first', NOW + 6);
      });
      expect(told).toMatchObject([
        { time: NOW, act: 'policy-changed', by: 'server', policy: 'first' },
        { time: NOW + 2, policy: 'second' },
        { policy: 'third' },
        { time: NOW + 6, policy: 'first' },
      ]);
    });

    it('names who administers, and nobody else afterwards', async () => {
      const told = await added(async () => {
        await actingAs('carla@desk', () => storage().users.create(newUser('ana')));
        await storage().users.create(newUser('bob'));
      });
      expect(told).toMatchObject([
        { act: 'user-added', by: 'operator', operator: 'carla@desk', account: 'id-ana' },
        { act: 'user-added', by: 'server', account: 'id-bob' },
      ]);
      expect(told[1]).not.toHaveProperty('operator');
    });

    it('names the request that caused each act, of many at once, and none for what no request did', async () => {
      const names = Array.from({ length: 8 }, (_, index) => `person${index}`);
      const told = await added(async () => {
        await Promise.all(
          names.map((name) => storage().during({ requestId: name }).users.create(newUser(name))),
        );
        await storage().users.create(newUser('bob'));
      });
      const requests = new Map(told.map(({ account, request }) => [account, request]));
      expect(Object.fromEntries(requests)).toEqual({
        'id-bob': undefined,
        ...Object.fromEntries(names.map((name) => [`id-${name}`, name])),
      });
    });

    it('says nothing of what did not happen', async () => {
      await approvedCode(storage());
      await storage().codes.redeem(redemption());
      const nothing = await added(async () => {
        await storage().users.create(newUser('ana'));
        await storage().users.disable('nobody', NOW);
        await storage().users.enable('nobody', NOW);
        await storage().grants.revoke({ id: 'none', now: NOW });
        await storage().grants.revoke({ id: 'grant', userId: 'id-bob', now: NOW });
        await storage().codes.redeem(redemption({ codeHash: 'wrong' }));
        await storage().codes.redeem(redemption({ agent: 'https://thief.example' }));
        await storage().refreshTokens.use(refresh({ hash: 'wrong' }));
        const by = { idHash: 'pending', userId: 'id-ana' };
        await grantWith(storage(), by, newCode('second'));
        await storage().signingKeys.remove('none', key('x'), NOW);
        await storage().sessions.create(newSession('gone', { userId: 'nobody' }));
      });
      expect(nothing).toEqual([]);
    });
  });

  describe('the chain of the audit trail', () => {
    it('has hashes that anybody can compute', async () => {
      await storage().users.create(newUser('ana'));
      await storage().users.create(newUser('bob'));
      expect(await storage().audit.countUnsealed()).toBe(2);
      const head = await storage().audit.seal();
      expect(await storage().audit.countUnsealed()).toBe(0);
      const chained = await storage().audit.read({ from: 1, limit: 10 });
      const text = (name: string) =>
        `{"time":1700000000,"act":"user-added","by":"server","account":"id-${name}"}`;
      const hash = (lines: string) => createHash('sha256').update(lines).digest('base64url');
      const first = hash(`\n1\n${text('ana')}\n`);
      const second = hash(`${first}\n2\n${text('bob')}\n`);
      expect(chained).toEqual([
        { sequence: 1, hash: first, text: text('ana'), recordedAt: NOW },
        { sequence: 2, hash: second, text: text('bob'), recordedAt: NOW },
      ]);
      expect(head).toEqual({ sequence: 2, hash: second });
      expect(await storage().audit.head()).toEqual(head);
      expect(await storage().audit.seal()).toBeUndefined();
    });

    it('begins at the start of an empty trail', async () => {
      expect(await storage().audit.head()).toEqual(CHAIN_START);
      expect(await verify()).toEqual({ entries: 0, head: CHAIN_START, before: [] });
    });

    it('has everything once, whoever records and seals at the same time', async () => {
      const other = await connect();
      const names = Array.from({ length: 60 }, (_, index) => `person-${index}`);
      const work = names.flatMap((name, index) => {
        const on = index % 2 === 0 ? storage() : other;
        return [on.users.create(newUser(name)), on.audit.seal()];
      });
      await Promise.all(work);
      const accounts = (await entries()).map(({ account }) => account);
      expect(new Set(accounts)).toEqual(new Set(names.map((name) => `id-${name}`)));
      expect(accounts).toHaveLength(names.length);
      expect(await verify()).toMatchObject({ entries: 60, head: { sequence: 60 } });
    });

    it('chains more than fits into one batch', async () => {
      const statement = Array.from({ length: 450 }, () => `('{"time":${NOW}}')`).join(', ');
      await database().run(`insert into audit_pending (text) values ${statement}`);
      expect(await storage().audit.seal()).toMatchObject({ sequence: 450 });
      expect(await verify()).toMatchObject({ entries: 450 });
    });

    it('chains even what is no entry, which somebody wrote by hand', async () => {
      await database().run(`insert into audit_pending (text) values ('not json')`);
      await storage().users.create(newUser('ana'));
      expect(await storage().audit.seal()).toMatchObject({ sequence: 2 });
      expect(await verify()).toMatchObject({ entries: 2 });
    });

    it.each([
      ['changing a chained entry', `update audit_entries set text = '{}' where sequence = 2`],
      ['deleting a chained entry', 'delete from audit_entries where sequence = 3'],
      ['deleting all chained entries', 'delete from audit_entries'],
      ['changing a recorded act', `update audit_pending set text = '{}'`],
    ])('refuses %s in the database itself', async (_what, statement) => {
      await trailOfFive();
      await storage().users.create(newUser('late'));
      await expect(database().run(statement)).rejects.toThrow('the audit trail is never changed');
      await storage().audit.seal();
      expect(await verify()).toMatchObject({ entries: 6 });
    });
  });

  async function trailOfFive(): Promise<readonly AuditHead[]> {
    for (const [index, name] of ['ana', 'bob', 'cy', 'di', 'eve'].entries()) {
      await storage().users.create(newUser(name, { createdAt: NOW + index }));
    }
    await storage().audit.seal();
    return await storage().audit.read({ from: 1, limit: 10 });
  }

  describe('verifying the audit trail', () => {
    it('finds a trail sound that nobody has touched, with every head that was noted', async () => {
      const chained = await trailOfFive();
      const head = await storage().audit.head();
      expect(await verify(chained)).toEqual({ entries: 5, head, before: [] });
    });

    it('holds an entry to every head that was noted of it', async () => {
      const [first, second] = await trailOfFive();
      const wrong = { sequence: 2, hash: first!.hash };
      for (const noted of [
        [wrong, second!],
        [second!, wrong],
      ]) {
        expect(await verify(noted)).toMatchObject({ fault: { kind: 'replaced', sequence: 2 } });
      }
    });

    it.each([
      [
        'a changed text',
        `update audit_entries set text = '{"time":1700000002}' where sequence = 3`,
        3,
      ],
      ['a changed hash', `update audit_entries set hash = 'x' where sequence = 3`, 3],
      ['a changed time', `update audit_entries set recorded_at = 1 where sequence = 3`, 3],
      [
        'a space more in a text',
        `update audit_entries set text = text || ' ' where sequence = 1`,
        1,
      ],
    ])('finds %s', async (_what, statement, sequence) => {
      await trailOfFive();
      await database().tamper(statement);
      expect(await verify()).toMatchObject({
        entries: sequence - 1,
        fault: { kind: 'altered', sequence },
      });
    });

    it.each([
      ['that is gone from the middle', 'delete from audit_entries where sequence = 3', 3],
      ['that is gone from the beginning', 'delete from audit_entries where sequence = 1', 1],
      ['with another number', 'update audit_entries set sequence = 9 where sequence = 4', 4],
    ])('finds an entry %s', async (_what, statement, sequence) => {
      await trailOfFive();
      await database().tamper(statement);
      expect(await verify()).toMatchObject({ fault: { kind: 'missing', sequence } });
    });

    it('finds an end that was cut off, by a head that was noted, and not without', async () => {
      const noted = (await trailOfFive()).slice(-1);
      await database().tamper('delete from audit_entries where sequence = 5');
      expect(await verify()).not.toHaveProperty('fault');
      expect(await verify(noted)).toMatchObject({
        entries: 4,
        fault: { kind: 'cut-off', sequence: 5 },
      });
    });

    it('finds a trail written anew, by a head that was noted, and not without', async () => {
      const noted = (await trailOfFive()).slice(2, 3);
      await database().tamper('delete from audit_entries');
      await database().run(
        `insert into audit_pending (text) values ${['1', '2', '3', '4'].map((time) => `('{"time":${time}}')`).join(', ')}`,
      );
      await storage().audit.seal();
      expect(await verify()).toMatchObject({ entries: 4 });
      expect(await verify(noted)).toMatchObject({
        entries: 2,
        fault: { kind: 'replaced', sequence: 3 },
      });
    });
  });

  describe('pruning the audit trail', () => {
    it('deletes what is older, keeps where the chain begins, and tells of it', async () => {
      const chained = await trailOfFive();
      const [, second] = chained;
      expect(await storage().audit.prune(NOW + 2, NOW + 50)).toBe(2);
      expect(await storage().audit.start()).toEqual({
        sequence: 2,
        hash: second?.hash,
      });
      await storage().audit.seal();
      expect(await verify(chained)).toMatchObject({
        entries: 4,
        head: { sequence: 6 },
        before: [{ sequence: 1 }],
      });
      expect((await entries()).at(-1)).toEqual({
        time: NOW + 50,
        act: 'trail-pruned',
        by: 'server',
        sequence: 2,
      });
    });

    it('never deletes the latest entry, and deletes nothing twice', async () => {
      await trailOfFive();
      expect(await storage().audit.prune(NOW + 1000, NOW + 50)).toBe(4);
      expect(await storage().audit.prune(NOW + 4, NOW + 50)).toBe(0);
      expect(await storage().audit.prune(NOW - 10, NOW + 50)).toBe(0);
      await storage().audit.seal();
      expect(await verify()).toMatchObject({ entries: 2, head: { sequence: 6 } });
    });

    it('finds a beginning that was moved, by a head that was noted', async () => {
      const chained = await trailOfFive();
      await storage().audit.prune(NOW + 2, NOW + 50);
      await database().tamper(
        `delete from audit_entries where sequence <= 3;
         insert into audit_starts values (3, 'made-up', ${NOW})`,
      );
      expect(await verify(chained)).toMatchObject({ fault: { kind: 'replaced', sequence: 3 } });
    });

    it('finishes what an earlier attempt left', async () => {
      await trailOfFive();
      const hash = (await storage().audit.read({ from: 3, limit: 1 }))[0]?.hash;
      await database().run(`insert into audit_starts values (3, '${hash}', ${NOW})`);
      expect(await storage().audit.prune(NOW + 3, NOW + 50)).toBe(3);
      expect(await verify()).toMatchObject({ entries: 2 });
    });

    it('finds entries by the time they were made at', async () => {
      await trailOfFive();
      expect(await storage().audit.firstSince(NOW + 3)).toBe(4);
      expect(await storage().audit.firstSince(NOW + 5)).toBeUndefined();
    });
  });
}
