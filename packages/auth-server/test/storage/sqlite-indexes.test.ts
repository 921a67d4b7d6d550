import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Libsql from 'libsql';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { openStorage, type Storage } from '../../src/storage/index.js';
import { copyEmptyDatabase } from './empty-database.js';
import { approvedCode, newSession, NOW, redemption } from './contract/fixtures.js';

const AGENT = 'https://agent.example';

afterEach(() => {
  vi.restoreAllMocks();
});

/** How SQLite finds the rows of each statement that `work` causes. */
async function plansOf(work: (storage: Storage) => Promise<void>): Promise<Map<string, string>> {
  const directory = mkdtempSync(join(tmpdir(), 'countersign-indexes-'));
  const file = join(directory, 'test.db');
  try {
    await copyEmptyDatabase(file);
    const prepared = vi.spyOn(Libsql.prototype, 'prepare');
    const storage = await openStorage(`sqlite:${file}`);
    await work(storage);
    await storage.close();
    const statements = prepared.mock.calls.map(([statement]) => statement);
    vi.restoreAllMocks();
    return explained(new Libsql(file), statements);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

function explained(database: Libsql.Database, statements: readonly string[]): Map<string, string> {
  const plans = new Map<string, string>();
  for (const statement of statements.filter((one) => /^(select|update|delete) /.test(one))) {
    const values = Array.from({ length: statement.split('?').length - 1 }, () => 0);
    const steps = database.prepare(`explain query plan ${statement}`).all(values) as {
      detail: string;
    }[];
    plans.set(statement, steps.map(({ detail }) => detail).join('; '));
  }
  database.close();
  return plans;
}

/** From the question to the token, and what is asked on the way. */
async function flow(storage: Storage): Promise<void> {
  await approvedCode(storage);
  await storage.sessions.create(newSession('session', { userId: 'id-ana' }));
  await storage.sessions.open('session', NOW);
  await storage.pendingDecisions.find('pending');
  await storage.pendingDecisions.deniedAt({ agent: AGENT, userId: 'id-ana', since: 0, nth: 1 });
  await storage.grants.findActive({
    userId: 'id-ana',
    agent: AGENT,
    delegate: null,
    audience: 'https://api.example',
    documentHash: null,
  });
  await storage.codes.redeem(redemption());
  await storage.users.disable('id-ana', NOW);
}

describe('SQLite', () => {
  it('finds every row of a flow by an index, however many there are of others', async () => {
    const plans = await plansOf(flow);
    expect(plans.size).toBeGreaterThan(15);
    const scanned = [...plans.values()].filter((plan) => plan.includes('SCAN'));
    // Read once, when the database is opened.
    expect(scanned).toEqual(['SCAN schema_migrations']);
  });

  it('counts the questions that wait without looking at those that have been answered', async () => {
    const plans = [...(await plansOf(flow))];
    const planOf = (part: string) => plans.find(([statement]) => statement.includes(part))?.[1];
    expect(planOf('"waiting"')).toContain('INDEX pending_decisions_undecided (agent=?');
    expect(planOf('offset')).toContain('INDEX pending_decisions_denied (claimed_by=? AND agent=?');
  });

  it('finds a person’s grant without looking at those of others to the same agent', async () => {
    const plans = [...(await plansOf(flow))].filter(([statement]) =>
      statement.includes('"document_hash"'),
    );
    expect(plans.length).toBeGreaterThan(0);
    for (const [, plan] of plans) {
      expect(plan).toContain('agent=? AND audience=? AND <expr>=? AND <expr>=? AND <expr>=?');
    }
  });
});
