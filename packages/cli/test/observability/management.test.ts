import type { HealthStore, StorageHealth } from '@countersign/auth-server';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { managementHandler } from '../../src/observability/management.js';
import { createMetrics } from '../../src/observability/metrics.js';
import { createReadiness } from '../../src/observability/readiness.js';

const HEALTHY: StorageHealth = {
  missingMigrations: [],
  signingKeys: [
    { state: 'signing', createdAt: 900 },
    { state: 'retired', createdAt: 100 },
  ],
  undecidedQuestions: 7,
};

/** A management port on a database that answers as told. */
function managed(check: HealthStore['check'], longestMilliseconds = 2_000) {
  let time = 0;
  const storage = {
    health: { check, poolUse: () => ({ open: 5, idle: 2, waiting: 1 }) },
  };
  const clock = () => 1_000;
  const readiness = createReadiness(storage, { clock, now: () => time, longestMilliseconds });
  const metrics = createMetrics({
    storage,
    clock,
    health: () => readiness.health(),
    linesLeftOut: () => 3,
  });
  const handle = managementHandler({ readiness, metrics });
  const ask = async (path: string, method = 'GET') => {
    const response = await handle(new Request(`http://127.0.0.1${path}`, { method }));
    return { status: response.status, headers: response.headers, text: await response.text() };
  };
  return { readiness, metrics, ask, pass: (milliseconds: number) => (time += milliseconds) };
}

const healthy = () => managed(async () => HEALTHY);

describe('the management port', () => {
  it('is ready while the database answers, its tables are current and there is a key', async () => {
    expect(await healthy().ask('/readyz')).toMatchObject({
      status: 200,
      text: '{"status":"ready"}',
    });
  });

  it.each([
    ['migrations', { ...HEALTHY, missingMigrations: ['people'] }],
    ['signing-key', { ...HEALTHY, signingKeys: [{ state: 'retired', createdAt: 1 }] }],
  ])('is not ready for want of %s, and alive all the same', async (reason, health) => {
    const { ask } = managed(async () => health);
    expect(await ask('/readyz')).toMatchObject({
      status: 503,
      text: JSON.stringify({ status: 'unavailable', reason }),
    });
    expect((await ask('/healthz')).status).toBe(200);
  });

  it('is not ready without a database, says nothing of why, and is ready when it is back', async () => {
    let away = true;
    const { ask, pass } = managed(async () => {
      if (away) throw new Error('connect ECONNREFUSED 10.1.2.3 as countersign');
      return HEALTHY;
    });
    expect((await ask('/readyz')).text).toBe('{"status":"unavailable","reason":"database"}');
    away = false;
    expect((await ask('/readyz')).status).toBe(503);
    pass(1_000);
    expect((await ask('/readyz')).status).toBe(200);
  });

  it('does not wait for a database that hangs, and does not ask it twice at a time', async () => {
    let asked = 0;
    const { ask } = managed(() => {
      asked++;
      return new Promise<never>(() => undefined);
    }, 20);
    const answers = await Promise.all([ask('/readyz'), ask('/readyz'), ask('/metrics')]);
    expect(answers.map(({ status }) => status)).toEqual([503, 503, 200]);
    expect(answers[2].text).toContain('\ncountersign_storage_up 0\n');
    expect(asked).toBe(1);
  });

  it('is not ready while it drains', async () => {
    const { ask, readiness } = healthy();
    expect((await ask('/readyz')).status).toBe(200);
    readiness.drain();
    expect(await ask('/readyz')).toMatchObject({
      status: 503,
      text: '{"status":"unavailable","reason":"draining"}',
    });
    expect((await ask('/healthz')).status).toBe(200);
  });

  it('answers HEAD without a body, other methods with 405 and other paths with 404', async () => {
    const { ask } = healthy();
    expect(await ask('/readyz', 'HEAD')).toMatchObject({ status: 200, text: '' });
    const posted = await ask('/metrics', 'POST');
    expect(posted.status).toBe(405);
    expect(posted.headers.get('allow')).toBe('GET, HEAD');
    expect((await ask('/')).status).toBe(404);
  });
});

describe('metrics', () => {
  it('count requests by endpoint, type and outcome', async () => {
    const { ask, metrics } = healthy();
    const { observer } = metrics;
    const request = { type: 'request-finished', method: 'POST', durationMilliseconds: 3 } as const;
    observer.onEvent({
      ...request,
      endpoint: 'token',
      requestType: 'code',
      outcome: 'answered',
      status: 200,
    });
    observer.onEvent({
      ...request,
      endpoint: 'token',
      outcome: 'refused',
      status: 401,
      agent: 'https://a.x',
    });
    const { text } = await ask('/metrics');
    const name = 'countersign_requests_total';
    expect(text).toContain(
      `${name}{endpoint="token",request_type="code",outcome="answered"} 1\n` +
        `${name}{endpoint="token",request_type="none",outcome="refused"} 1\n`,
    );
    expect(text).toContain('countersign_request_duration_seconds_count{endpoint="token"} 2\n');
  });

  it('never have an agent, a host, an account or a token id in them', async () => {
    const { ask, metrics } = healthy();
    const { observer } = metrics;
    const who = { agent: 'https://stranger.example', audience: 'https://other.example' };
    const part = { durationMilliseconds: 1, requestId: 'id-of-request' };
    observer.onEvent({ type: 'token-issued', kind: 'auth', jti: 'id-of-token', ...who, ...part });
    observer.onEvent({ type: 'question-asked', kind: 'access', ...who });
    observer.onEvent({
      type: 'question-decided',
      outcome: 'granted',
      account: 'id-of-account',
      ...who,
    });
    observer.onEvent({ type: 'sign-in', result: 'failed', account: 'id-of-account' });
    const lookup = { document: 'keys', result: 'fetched' } as const;
    observer.onEvent({ type: 'discovery-lookup', host: 'stranger.example', ...lookup, ...part });
    observer.onEvent({
      type: 'request-refused',
      code: 'invalid_token',
      rule: 'r',
      detail: 'stranger.example',
    });
    const { text } = await ask('/metrics');
    expect(text).toContain('countersign_tokens_issued_total{kind="auth"} 1\n');
    expect(text).toContain('countersign_sign_ins_total{result="failed"} 1\n');
    expect(text).not.toMatch(/\.example|id-of-/);
  });

  it('show what is asked at the scrape: keys, questions, pool, log', async () => {
    const { text } = await healthy().ask('/metrics');
    for (const line of [
      'countersign_signing_key_age_seconds{state="signing"} 100',
      'countersign_signing_key_age_seconds{state="retired"} 900',
      'countersign_questions_undecided 7',
      'countersign_storage_pool_connections{state="used"} 3',
      'countersign_storage_pool_waiting 1',
      'countersign_log_lines_left_out 3',
      'countersign_storage_up 1',
    ]) {
      expect(text).toContain(`${line}\n`);
    }
  });

  it('are those of the table in docs/operating.md, no more and no fewer', async () => {
    const { text } = await healthy().ask('/metrics');
    const served = [...text.matchAll(/^# TYPE (countersign_\w+) /gm)].map(([, name]) => name);
    const manual = readFileSync(new URL('../../../../docs/operating.md', import.meta.url), 'utf8');
    const table = [...manual.matchAll(/^\| `(countersign_\w+)`/gm)].map(([, name]) => name);
    expect(table.length).toBeGreaterThan(15);
    expect([...table].sort()).toEqual([...served].sort());
  });
});
