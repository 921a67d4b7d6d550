import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runHere } from './support/here.js';
import { folder, run } from './support/program.js';
import { freePort, newFile, serveAuthServer } from './support/servers.js';

const LOOPBACK = '--insecure-loopback';
const NOT_A_DATABASE = join(folder, 'notes.txt');
writeFileSync(
  NOT_A_DATABASE,
  'This is a text about something else, longer than a page.\n'.repeat(99),
);
const POLICY = join(folder, 'policy.json');
writeFileSync(
  POLICY,
  JSON.stringify({
    otherwise: 'ask-person',
    exchange: [
      {
        caller: 'https://api.example',
        audience: 'https://down.example',
        scopes: ['items.read'],
        trustedIssuer: 'https://home.example',
      },
    ],
  }),
);
const BROKEN_POLICY = join(folder, 'broken-policy.json');
writeFileSync(
  BROKEN_POLICY,
  JSON.stringify({
    otherwise: 'deny',
    access: [{ agent: '*', audience: '*', decision: 'allow' }],
  }),
);
const kept = readdirSync(folder);

let taken: number;
const server = createServer();
beforeAll(async () => {
  taken = await freePort();
  await new Promise<void>((resolve) => server.listen(taken, '127.0.0.1', resolve));
});
afterAll(() => server.close());

describe('a server with a setting that cannot work', () => {
  const ORIGIN = 'it must be an https origin such as';
  it.each([
    ['auth-server', '--issuer is "http://127.0.0.1:8003": plain http is for development only'],
    [
      'auth-server --issuer https://auth.example/',
      `--issuer is "https://auth.example/": ${ORIGIN}`,
    ],
    ['auth-server --port http', '--port is "http": it takes a number from 1 to 65535.'],
    [`auth-server ${LOOPBACK} --host 192.0.2.1`, '--host is "192.0.2.1", which is not an address'],
    [`auth-server ${LOOPBACK} --user testuser`, '--user takes NAME:PASSWORD'],
    [`auth-server ${LOOPBACK} --database sqlite:/none/x.db`, 'does not exist: /none'],
    [`auth-server ${LOOPBACK} --database sqlite:${NOT_A_DATABASE}`, 'The file is not a database'],
    [
      `auth-server ${LOOPBACK} --policy /none/policy.json`,
      '--policy is "/none/policy.json": it cannot be read',
    ],
    [`auth-server ${LOOPBACK} --policy ${NOT_A_DATABASE}`, 'it must be JSON'],
    [
      `auth-server ${LOOPBACK} --policy ${POLICY} --consent never`,
      '--policy and --consent exclude each other',
    ],
    [
      `auth-server ${LOOPBACK} --policy ${POLICY}`,
      'exchange[0].trustedIssuer is https://home.example, which is not trusted. Add --trust https://home.example',
    ],
    [
      `auth-server ${LOOPBACK} --policy ${BROKEN_POLICY}`,
      'Policy: access[0].decision must be "grant", "deny" or "ask-person"',
    ],
    [`auth-server ${LOOPBACK} --trust home.example`, `--trust is "home.example": ${ORIGIN}`],
    [`resource ${LOOPBACK}`, '--auth-server is missing'],
    [`resource ${LOOPBACK} --auth-server auth`, `--auth-server is "auth": ${ORIGIN}`],
    ['agent --id agent.example', `--id is "agent.example": ${ORIGIN}`],
    [
      `auth-server ${LOOPBACK} --issuer http://127.0.0.1:6000`,
      '--issuer is "http://127.0.0.1:6000": browsers and other clients ask nobody at port 6000',
    ],
    [`auth-server ${LOOPBACK} --port 10080`, '--port is "10080": browsers and other clients ask'],
    ['agent --id https://agent.example:5060', '--id is "https://agent.example:5060": browsers'],
  ])('%s: exit code 2, which setting, what it was and what is allowed', async (args, why) => {
    const port = await freePort();
    const own = args.includes('--port') || args.endsWith('.1') ? [] : ['--port', `${port}`];
    const words = ['serve', ...args.split(' ')];
    // The default identifier follows the port, so the port is given only where it is not what is tested.
    const { code, stdout, stderr } = await runHere(args.includes(' ') ? [...words, ...own] : words);
    expect({ code, stdout }, stderr).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain(why);
    expect(stderr).not.toMatch(/^ +at /m);
  });

  it('shows no password of a database', async () => {
    const { code, stderr } = await runHere([
      ...`serve auth-server ${LOOPBACK} --port ${await freePort()}`.split(' '),
      '--database',
      'mysql://me:secret@db.example/x',
    ]);
    expect(code).toBe(2);
    expect(stderr).toContain('mysql://me:…@db.example/x');
    expect(stderr).not.toContain('secret');
  });

  it.each(['auth-server', 'resource --auth-server http://127.0.0.1:1'])(
    'finds its port in use before anything is written: %s',
    async (args) => {
      const words = `serve ${args} ${LOOPBACK} --port ${taken}`.split(' ');
      const { code, stderr } = await run(words);
      expect(code).toBe(1);
      expect(stderr).toBe(
        `error: Port ${taken} on 127.0.0.1 is in use: stop what is using it, or choose another with --port.\n`,
      );
    },
  );

  it('prints its settings and starts nothing when it is asked to', async () => {
    const args = `serve auth-server ${LOOPBACK} --print-config --host ::1`.split(' ');
    const { code, stdout, stderr } = await run(args, { env: { COUNTERSIGN_USER: 'ann:hunter2' } });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toContain('issuer: http://127.0.0.1:8003  # default\n');
    expect(stdout).toContain('host: ::1  # --host\n');
    expect(stdout).toContain('# user: <secret>  # COUNTERSIGN_USER\n');
    expect(stdout).not.toContain('hunter2');
  });

  it('tells everything that is wrong at once, and what production does without', async () => {
    const args = 'serve auth-server --preset production --trace --consent never'.split(' ');
    const { code, stdout, stderr } = await runHere([...args, '--issuer', 'https://auth.example']);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain('error: 2 things are wrong with the settings:\n');
    expect(stderr).toContain(
      '  - --trace writes tokens and codes to standard error. For production',
    );
    expect(stderr).toContain('  - --consent never grants every agent');
  });

  it('leaves nothing half started behind', () => {
    expect(readdirSync(folder)).toEqual(kept);
  });
});

describe('a database', () => {
  it('belongs to the issuer that used it first', async () => {
    const database = newFile('bound.db');
    const first = await serveAuthServer([], { database });
    await first.stop();
    const port = await freePort();
    const { code, stderr } = await runHere(
      `serve auth-server ${LOOPBACK} --port ${port} --database sqlite:${database}`.split(' '),
    );
    expect(code).toBe(2);
    expect(stderr).toContain(`The database belongs to the issuer ${first.url}, not to`);
    expect(stderr).not.toContain('is listening');
  });

  it('is taken from the configuration file by the commands of administration', async () => {
    const database = newFile('configured.db');
    const config = newFile('auth-server.yaml');
    writeFileSync(config, `issuer: https://auth.example\ndatabase: sqlite:${database}\n`);
    expect((await runHere(['migrate', '--config', config])).code).toBe(0);
    expect(existsSync(database)).toBe(true);
    const env = { COUNTERSIGN_CONFIG: config };
    expect(await run(['user', 'list', '--json'], { env })).toMatchObject({
      code: 0,
      stdout: '[]\n',
    });
    const other = newFile('other.db');
    const { code, stderr } = await runHere(['user', 'list', '--database', `sqlite:${other}`], {
      env,
    });
    expect({ code, stderr }).toEqual({
      code: 2,
      stderr: `error: --database is "sqlite:${other}": there is no such file.\n`,
    });
    writeFileSync(config, 'databse: sqlite:x\n');
    const wrong = await runHere(['user', 'list'], { env });
    expect(wrong.code).toBe(2);
    expect(wrong.stderr).toContain('line 1: "databse" is not a setting. Did you mean database?');
  });

  it('that does not exist is not made by looking into it', async () => {
    const file = newFile('absent.db');
    const { code, stderr } = await runHere(`user list --database sqlite:${file}`.split(' '));
    expect(code).toBe(2);
    expect(stderr).toContain(`--database is "sqlite:${file}": there is no such file.`);
    expect(existsSync(file)).toBe(false);
  });
});
