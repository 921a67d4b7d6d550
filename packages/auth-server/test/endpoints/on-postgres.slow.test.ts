import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  type OwnPostgresServer,
  startOwnPostgres,
} from '../../../resource/test/replay/postgres-server.js';
import { createAuthServer, openStorage, StorageConfigurationError } from '../../src/index.js';
import { createDatabase, type TestDatabase } from '../storage/postgres-database.js';
import { Bench, PASSWORD, TestBrowser } from './kit.js';

let postgres: OwnPostgresServer;
let database: TestDatabase;
let bench: Bench;

beforeAll(async () => {
  postgres = await startOwnPostgres();
  database = await createDatabase(postgres);
  bench = await Bench.open({ database: database.url });
}, 60_000);

afterAll(async () => {
  await bench.close();
  await postgres.stop();
});

/** Three servers with a store each, which take turns as behind a load balancer. Returns what ends them. */
async function replicas(): Promise<() => Promise<void>> {
  const alone = bench.server;
  const storages = await Promise.all(
    [1, 2, 3].map(() =>
      openStorage(database.url, { poolSize: 5, connectTimeoutMilliseconds: 20_000 }),
    ),
  );
  const servers = await Promise.all(storages.map((storage) => bench.serverWith({ storage })));
  let turn = 0;
  bench.server = { ...alone, handle: async (...args) => servers[turn++ % 3]!.handle(...args) };
  return async () => {
    bench.server = alone;
    await Promise.all(storages.map((storage) => storage.close()));
  };
}

it('Three replicas carry one flow on from each other: sign-in, approval, code, refresh and revocation', async () => {
  const end = await replicas();
  const keys = await Promise.all(
    [1, 2, 3].map(() => bench.send(new Request(`${bench.issuer}/jwks.json`))),
  );
  expect(new Set(keys.map(({ text }) => text)).size).toBe(1);

  const browser = new TestBrowser(bench);
  await browser.open(bench.pageUrl(await bench.requestToken({ state: 'state-1' })));
  await browser.follow(await browser.press('sign-in', { username: 'ada', password: PASSWORD }));
  const approved = await browser.press('approve');
  const code = approved.location?.searchParams.get('code') ?? '';
  const redeemed = await bench.token({ request_type: 'code', code });
  expect(redeemed.status, redeemed.text).toBe(200);
  const refresh = {
    request_type: 'refresh',
    refresh_token: String(redeemed.json['refresh_token']),
  };
  for (let time = 0; time < 3; time++) expect((await bench.token(refresh)).status).toBe(200);
  await bench.withdraw('ada');
  for (let time = 0; time < 3; time++) expect((await bench.token(refresh)).status).toBe(400);
  await end();
});

it('A request that one replica has accepted is refused by every other one', async () => {
  const end = await replicas();
  const request = await bench.tokenRequest(await bench.accessRequest());
  const answers = await Promise.all(Array.from({ length: 9 }, () => bench.send(request.clone())));
  expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
  expect(answers.filter(({ status }) => status === 401)).toHaveLength(8);
  await end();
});

it('Among a hundred parallel redemptions at three replicas one wins, and its refresh token ends', async () => {
  const end = await replicas();
  const code = await bench.approvedCode();
  const answers = await Promise.all(
    Array.from({ length: 100 }, () => bench.token({ request_type: 'code', code })),
  );
  const [winner, ...others] = answers.filter(({ status }) => status === 200);
  expect(others).toEqual([]);
  expect(answers.filter(({ status }) => status === 400)).toHaveLength(99);
  const refresh_token = String(winner?.json['refresh_token']);
  expect((await bench.token({ request_type: 'refresh', refresh_token })).status).toBe(400);
  await end();
});

it('A replica of another issuer refuses to start, and says whose the database is', async () => {
  const storage = await openStorage(database.url);
  const starting = createAuthServer({
    issuer: 'https://other.example',
    storage,
    policy: bench.policy,
    discovery: bench.discovery,
  });
  await expect(starting).rejects.toThrow(StorageConfigurationError);
  await expect(starting).rejects.toThrow(`belongs to the issuer ${bench.issuer}`);
  await storage.close();
});

it('A name with a null character is that of nobody, as any other', async () => {
  const browser = new TestBrowser(bench);
  const url = bench.pageUrl(await bench.requestToken());
  await browser.open(url);
  const unknown = await browser.press('sign-in', { username: 'nobody', password: PASSWORD });
  await browser.open(url);
  const strange = await browser.press('sign-in', { username: 'no\0body', password: PASSWORD });
  expect([strange.status, strange.heading]).toEqual([unknown.status, unknown.heading]);
  expect(strange.status).toBeLessThan(500);
});

it('While the database is gone, agents and people are told to come back, and then it goes on', async () => {
  const auth = await bench.accessRequest();
  const code = await bench.approvedCode();
  const { refresh_token } = await bench.granted();
  const refresh = { request_type: 'refresh', refresh_token: String(refresh_token) };
  const browser = await bench.signedIn('ada');
  const page = bench.pageUrl(await bench.requestToken());
  await postgres.down();
  const answers = [
    await bench.token(auth),
    await bench.token({ request_type: 'code', code }),
    await bench.token(refresh),
    await browser.open(page),
  ];
  for (const answer of answers) {
    expect(answer.status).toBe(503);
    expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(answer.text.replaceAll(/<style>.*<\/style>/gsu, '')).not.toMatch(
      /postgres|ECONN|127\.0|kysely|\bat .*\.ts/iu,
    );
  }
  await postgres.up();
  expect((await bench.token(auth)).status).toBe(200);
  expect((await bench.token({ request_type: 'code', code })).status).toBe(200);
  expect((await bench.token(refresh)).status).toBe(200);
  expect((await browser.open(page)).status).toBe(200);
});
