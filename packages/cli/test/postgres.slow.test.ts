import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { get, type IncomingMessage } from 'node:http';
import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  createDatabase,
  type TestDatabase,
} from '../../auth-server/test/storage/postgres-database.js';
import {
  type OwnPostgresServer,
  startOwnPostgres,
} from '../../resource/test/replay/postgres-server.js';
import { decide } from './support/person.js';
import { type Result, run, type Running, start, urlToApprove } from './support/program.js';
import { freePort, newFile, serveResource } from './support/servers.js';

const PASSWORD = 'hunter2-hunter2';
let server: OwnPostgresServer;
let database: TestDatabase;
/** In a file, as an operator gives it. */
let env: Record<string, string>;
let said = '';

beforeAll(async () => {
  server = await startOwnPostgres();
  database = await createDatabase(server);
  await database.query(`create role countersign login superuser password '${PASSWORD}'`);
  const url = new URL(database.url);
  url.username = 'countersign';
  url.password = PASSWORD;
  const file = newFile('database-url');
  writeFileSync(file, `${url.href}\n`);
  env = { COUNTERSIGN_DATABASE_FILE: file };
}, 60_000);

afterAll(async () => {
  await server.stop();
});

async function countersign(args: string, input?: string): Promise<Result> {
  const result = await run(args.split(' '), { env, ...(input === undefined ? {} : { input }) });
  said += result.stdout + result.stderr;
  return result;
}

/** A replica of the server `issuer` on another port. */
async function serve(issuer: string, port: number): Promise<Running> {
  const where = `serve auth-server --issuer ${issuer} --port ${port} --insecure-loopback`;
  const replica = start(where.split(' '), { env });
  await replica.see(/is listening/);
  return replica;
}

/** What a replica answers to a person with a request that nobody made, as a load balancer asks it. */
async function pageStatus(port: number, issuer: string): Promise<number | undefined> {
  const path = `/agent/auth?request_token=${'x'.repeat(43)}&redirect_uri=http://127.0.0.1:1/`;
  const headers = { host: new URL(issuer).host };
  const [response] = (await once(get({ port, path, headers }), 'response')) as [IncomingMessage];
  response.resume();
  return response.statusCode;
}

it('tables are made by a command, which also says what is missing', async () => {
  const missing = await countersign('migrate --check');
  expect(missing).toMatchObject({ code: 1, stderr: 'error: The tables are not up to date.\n' });
  expect(missing.stdout).toMatch(/^missing: people\n.*schema version 0 of \d+\.\n$/s);
  const refused = await countersign(
    `serve auth-server --no-migrate --insecure-loopback --port ${await freePort()}`,
  );
  expect(refused).toMatchObject({ code: 2, stdout: '' });
  expect(refused.stderr).toContain('Run `countersign migrate` first');

  const made = await countersign('migrate');
  expect(made).toMatchObject({ code: 0, stderr: '' });
  expect(made.stdout).toMatch(/^made: people\n/);
  const done = await countersign('migrate --check --json');
  expect(JSON.parse(done.stdout)).toMatchObject({ upToDate: true, missing: [], made: [] });
  expect(done.code).toBe(0);
});

it('two replicas serve one flow, are administered while they run, and outlive their database', async () => {
  const [first, second] = [await freePort(), await freePort()];
  const issuer = `http://127.0.0.1:${first}`;
  const replicas = await Promise.all([serve(issuer, first), serve(issuer, second)]);
  expect(await countersign('user add testuser', 'testpass\n')).toMatchObject({ code: 0 });

  const resource = await serveResource(issuer);
  const program = start(['fetch', `${resource.url}/data-auth`, '--no-browser']);
  await decide(await urlToApprove(program));
  expect((await program.ended).code).toBe(0);
  const [grant] = JSON.parse((await countersign('grant list --json')).stdout);
  expect(grant).toMatchObject({ user: 'testuser', resource: resource.url });
  expect(await countersign(`grant revoke ${grant.id} --yes`)).toMatchObject({ code: 0 });

  const other = await countersign(
    `serve auth-server --issuer http://127.0.0.1:${await freePort()} --insecure-loopback --port ${await freePort()}`,
  );
  expect(other.code).toBe(2);
  expect(other.stderr).toContain(`belongs to the issuer ${issuer}`);

  const pages = () => Promise.all([first, second].map((port) => pageStatus(port, issuer)));
  expect(await pages()).toEqual([404, 404]);
  await server.down();
  expect(await pages()).toEqual([503, 503]);
  for (const replica of replicas) await replica.see(/STORAGE: .*could not carry out/);
  await server.up();
  expect(await pages()).toEqual([404, 404]);

  for (const replica of replicas) {
    replica.kill('SIGTERM');
    const { code, stdout, stderr } = await replica.ended;
    expect(code, stderr).toBe(0);
    said += stdout + stderr;
  }
}, 60_000);

it('the password of the database is nowhere in what was said', async () => {
  const url = `postgres://countersign:${PASSWORD}@127.0.0.1:1/x?application_name=${PASSWORD}`;
  said += JSON.stringify(await run(['user', 'list', '--database', url]));
  expect(said).toContain('postgres://countersign:…@127.0.0.1:1/x');
  expect(said).not.toContain(PASSWORD);
});
