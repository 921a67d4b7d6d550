/** What is done to the servers, in order. */
import assert from 'node:assert/strict';
import { DEFAULT_LIMITS } from '@countersign/auth-server';
import { chownSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { freePort } from '../free-port.js';
import {
  checkAuthority,
  checkForwardedByProxy,
  checkForwardedFor,
  checkSizes,
} from './authority.js';
import { makeCertificate } from './certificates.js';
import { documented, runShell, translate } from './documented.js';
import { startPostgresServer } from './postgres-server.js';
import { startProxy } from './proxy.js';
import { ACCOUNT, Replica } from './replica.js';
import { PERSON, Traffic } from './traffic.js';

const SUPERUSER = 'superuser-of-this-check';
const say = (line) => process.stdout.write(`${line}\n`);

export async function checkReplicas({ folder, stage }) {
  const ports = [];
  for (let count = 0; count < 9; count++) ports.push(await freePort());
  const [databasePort, port, plainPort, one, oneManagement, two, twoManagement] = ports;
  const [, , , , , , , sqlitePort, sqliteManagement] = ports;
  const etc = join(folder, 'etc');
  const stops = [];
  const secrets = [];

  const keyEncryptionKey = join(etc, 'key-encryption-key');
  writeFileSync(keyEncryptionKey, randomBytes(32).toString('base64url'), { mode: 0o400 });
  chownSync(keyEncryptionKey, ACCOUNT, ACCOUNT);

  try {
    const postgres = await startPostgresServer(folder, databasePort, SUPERUSER);
    stops.push(postgres.stop);
    const passwords = join(folder, 'pgpass');
    const line = (user, password) => `127.0.0.1:${databasePort}:*:${user}:${password}\n`;
    const lines = [line('postgres', SUPERUSER), line('countersign', 'change-me')];
    writeFileSync(passwords, lines.join(''), { mode: 0o600 });
    const shell = {
      PGPORT: `${databasePort}`,
      PGPASSFILE: passwords,
      COUNTERSIGN_PASSWORD: PERSON.password,
    };
    /** Runs a marked block of a page of `docs/operating`, with this run's places in it. */
    const run = async (page, name, env = {}) => {
      const text = documented(`operating/${page}`, name);
      const places = [
        ['@db.example/', `@127.0.0.1:${databasePort}/`],
        ['db.example', '127.0.0.1'],
        ['/etc/countersign', etc],
        ['/var/backups/countersign', join(folder, 'backups')],
        ['/var/lib/countersign', join(folder, 'state')],
        ['--owner=countersign --group=countersign', `--owner=${ACCOUNT} --group=${ACCOUNT}`],
      ].filter(([from]) => text.includes(from));
      return await runShell(translate(text, places), { ...shell, ...env });
    };
    /** The servers' account may read the file; it was written by root as the documentation has it. */
    const hand = (name) => chownSync(join(etc, name), ACCOUNT, ACCOUNT);

    await run('several-machines.md', 'create-database');
    hand('database-url');
    const listed = await run('several-machines.md', 'first-person');
    assert.match(listed, /alice/);
    say(`${postgres.version}: database, tables and first person made as documented`);

    const issuer = `https://localhost:${port}`;
    const common = {
      COUNTERSIGN_ISSUER: issuer,
      COUNTERSIGN_INSECURE_LOOPBACK: 'true',
      COUNTERSIGN_NO_MIGRATE: 'true',
      COUNTERSIGN_TRUSTED_PROXY: '127.0.0.1',
      COUNTERSIGN_LOG: 'json',
      COUNTERSIGN_WITHOUT_LIMITS: Object.keys(DEFAULT_LIMITS).join(' '),
      COUNTERSIGN_KEY_ENCRYPTION_KEY_FILE: keyEncryptionKey,
    };
    const replicaEnv = { ...common, COUNTERSIGN_DATABASE_FILE: join(etc, 'database-url') };
    const home = join(folder, 'state');
    const replica = (number, management, env) =>
      new Replica({ tree: stage, home, port: number, managementPort: management, env });
    const replicas = [
      replica(one, oneManagement, replicaEnv),
      replica(two, twoManagement, replicaEnv),
    ];
    stops.push(async () => replicas.forEach((each) => each.kill()));
    await Promise.all(replicas.map((each) => each.start()));
    const tls = join(folder, 'tls');
    const proxy = await startProxy({ folder, tls, port, plainPort, replicas: [one, two] });
    stops.push(proxy.stop);
    const traffic = await Traffic.start(issuer);
    stops.push(async () => traffic.stop());
    const use = async (flow) => secrets.push(flow.code, flow.refreshToken, flow.authToken);
    /** Stops and starts one replica after another. */
    const restart = async (env) => {
      for (const each of replicas) {
        await each.stop();
        await each.start(env);
      }
    };
    const kids = async () => {
      const { keys } = await (await fetch(`${issuer}/jwks.json`)).json();
      return keys.map(({ kid }) => kid).sort();
    };

    for (let count = 0; count < 5; count++) await use(await traffic.flow());
    assert.ok(traffic.sharedSessions > 0, 'no session met both replicas');
    assert.ok(traffic.redeemedElsewhere > 0, 'no code was redeemed at the other replica');
    say(
      `${traffic.flows} flows: ${traffic.sharedSessions} sessions met both replicas, ` +
        `${traffic.redeemedElsewhere} codes were redeemed at the one that had not issued them`,
    );

    await checkAuthority(traffic);
    await checkSizes(traffic);
    for (const each of replicas) await checkForwardedFor(traffic, each);
    await checkForwardedByProxy(traffic, replicas);
    say(
      "strangers' Host, Forwarded and X-Forwarded-* change nothing; 9 KiB of Signature-Key get through",
    );

    const plain = await fetch(`http://localhost:${plainPort}/agent/auth?x=1`, {
      redirect: 'manual',
    });
    assert.equal(plain.status, 308);
    assert.equal(plain.headers.get('location'), `${issuer}/agent/auth?x=1`);

    const report = async (title, work) => {
      const before = { flows: traffic.flows, requests: traffic.requests, retried: traffic.retried };
      await traffic.during(work);
      const [flows, requests, retried] = ['flows', 'requests', 'retried'].map(
        (name) => traffic[name] - before[name],
      );
      say(
        `${title}: ${flows} flows, ${requests} requests, none failed, ${retried} connections retried`,
      );
    };
    await report('tables checked, each replica stopped and started twice', async () => {
      await run('upgrade.md', 'migrate');
      await restart();
      await restart();
    });
    await report('one replica killed and started', async () => {
      await replicas[0].killed();
      await new Promise((resolve) => setTimeout(resolve, 1_000));
      await replicas[0].start();
    });
    const before = await kids();
    await report('signing key rotated', async () => {
      await run('upgrade.md', 'rotate-key');
      const deadline = Date.now() + 60_000;
      while ((await Promise.all([kids(), kids()])).some((found) => found.length !== 2)) {
        assert.ok(Date.now() < deadline, 'the new key is not published');
        await new Promise((resolve) => setTimeout(resolve, 500));
      }
    });
    const rotated = await kids();
    assert.ok(before.every((kid) => rotated.includes(kid)));

    const serial = async () => (await certificateOf(port)).serialNumber;
    const old = await serial();
    await report('certificate replaced', async () => {
      makeCertificate(folder, tls);
      proxy.reload();
      await new Promise((resolve) => setTimeout(resolve, 1_000));
    });
    assert.notEqual(await serial(), old);

    await report('database password replaced', async () => {
      await run('upgrade.md', 'second-role');
      hand('database-url');
      await restart();
      await run('upgrade.md', 'first-role-off');
    });
    // The commands below are the owner's.
    await runShell(
      `psql --host=127.0.0.1 --username=postgres --command "alter role countersign login"`,
      shell,
    );
    const url = `postgres://countersign:change-me@127.0.0.1:${databasePort}/countersign\n`;
    writeFileSync(join(etc, 'database-url'), url);

    await report('backup made', async () => {
      await run('backup.md', 'postgres-backup');
    });
    const kept = await traffic.flow();
    await Promise.all(replicas.map((each) => each.stop()));
    const away = await fetch(`${issuer}/.well-known/aauth-issuer`);
    assert.equal(away.status, 503);
    assert.ok(Number(away.headers.get('retry-after')) > 0);
    assert.equal((await away.json()).error, 'temporarily_unavailable');
    await run('backup.md', 'postgres-restore');
    hand('restored-url');
    const restoredEnv = { ...replicaEnv, COUNTERSIGN_DATABASE_FILE: join(etc, 'restored-url') };
    await Promise.all(replicas.map((each) => each.start(restoredEnv)));
    assert.deepEqual(await kids(), rotated);
    const form = { request_type: 'refresh', refresh_token: kept.refreshToken };
    assert.equal((await traffic.token(form)).status, 400, 'a grant younger than the backup');
    await use(await traffic.flow());
    say(
      'PostgreSQL: restored as documented, with its keys and people, and without what came later',
    );

    await checkSqlite({
      replica: replica(sqlitePort, sqliteManagement, {
        ...common,
        COUNTERSIGN_ISSUER: `http://127.0.0.1:${sqlitePort}`,
        COUNTERSIGN_NO_MIGRATE: 'false',
        COUNTERSIGN_DATABASE: `sqlite:${join(home, 'auth.db')}`,
      }),
      run,
      addPerson: (database) =>
        runShell(`countersign user add ${PERSON.username} --database ${database}`, shell),
    });
    say('SQLite: saved while it ran and restored as documented');

    const logs = proxy.logs() + replicas.map(({ output }) => output).join('\n');
    for (const secret of secrets) assert.ok(!logs.includes(secret), 'a secret is in a log');
    assert.ok(!/request_token=|code=/.test(logs), 'a query is in a log');
    assert.ok(logs.includes('"GET /agent/auth"'), 'the log of nginx has no requests');
    assert.ok(!existsSync(join(stage, 'node_modules/typescript')));
    say(
      `In all ${traffic.requests} requests and ${traffic.flows} flows through nginx, none failed.`,
    );
  } catch (error) {
    for (const name of ['countersign.log', 'main-error.log']) {
      const file = join(folder, 'nginx', name);
      if (existsSync(file)) say(readFileSync(file, 'utf8').split('\n').slice(-15).join('\n'));
    }
    throw error;
  } finally {
    for (const stop of stops.reverse()) await stop();
  }
}

/** The certificate that nginx shows to a new connection. */
async function certificateOf(port) {
  return await new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', servername: 'localhost' }, () => {
      resolve(socket.getPeerCertificate());
      socket.end();
    });
    socket.once('error', reject);
  });
}

async function checkSqlite({ replica, run, addPerson }) {
  const { COUNTERSIGN_DATABASE: database, COUNTERSIGN_ISSUER: issuer } = replica.env;
  await replica.start();
  const traffic = await Traffic.start(issuer);
  try {
    // Run as root here: the files must stay the account's.
    await addPerson(database);
    await traffic.during(() => run('backup.md', 'sqlite-backup'));
    const published = async () => await (await fetch(`${issuer}/jwks.json`)).text();
    const keys = await published();
    const kept = await traffic.flow();
    await replica.stop();
    await run('backup.md', 'sqlite-restore');
    await replica.start();
    assert.equal(await published(), keys);
    const form = { request_type: 'refresh', refresh_token: kept.refreshToken };
    assert.equal((await traffic.token(form)).status, 400, 'a grant younger than the backup');
    await traffic.flow();
  } finally {
    traffic.stop();
    replica.kill();
  }
}
