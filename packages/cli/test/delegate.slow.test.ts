import { addDelegate, type DelegateRecord } from '@countersign/agent';
import { sqliteAgentServerStore } from '@countersign/agent/sqlite';
import { createHash } from 'node:crypto';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { Browser, decide, unescapeHtml } from './support/person.js';
import { run, type Running, start, urlToApprove } from './support/program.js';
import {
  freePort,
  newFile,
  type Served,
  serveAgent,
  serveAuthServer,
  serveResource,
} from './support/servers.js';

/** Adds a delegate, as the command does and quicker, and returns its secret, also as a file. */
async function enrol(database: string, sub: string): Promise<{ secret: string; file: string }> {
  const store = sqliteAgentServerStore(database.replace('sqlite:', ''));
  try {
    const { enrolmentSecret: secret } = await addDelegate(store.delegates, sub);
    const file = newFile(`${sub}.secret`);
    writeFileSync(file, `${secret}\n`, { mode: 0o600 });
    return { secret, file };
  } finally {
    store.close();
  }
}

async function listed(database: string): Promise<readonly DelegateRecord[]> {
  const store = sqliteAgentServerStore(database.replace('sqlite:', ''));
  try {
    return await store.delegates.list();
  } finally {
    store.close();
  }
}

// Many of these tests start several processes, hence the time.
describe('countersign delegate', { timeout: 60_000 }, () => {
  it('prints a secret of 256 bits once, alone on standard output, and keeps its SHA-256', async () => {
    const file = newFile('agent.db');
    const added = await run(['delegate', 'add', 'laptop', '--database', `sqlite:${file}`]);
    expect(added.code).toBe(0);
    expect(added.stdout).toMatch(/^[\w-]{43}\n$/);
    expect(added.stderr).toContain('laptop');
    expect(added.stderr).not.toContain(added.stdout.trim());
    expect(statSync(file).mode & 0o777).toBe(0o600);
    const secret = added.stdout.trim();
    const stored = readFileSync(file, 'latin1') + readFileSyncIfAny(`${file}-wal`);
    expect(stored).not.toContain(secret);
    expect(stored).toContain(createHash('sha256').update(secret).digest('base64url'));
    const list = await run(['delegate', 'list', '--database', `sqlite:${file}`]);
    expect(list.stdout).toMatch(/^laptop {2}added \d{4}-\d\d-\d\dT[\d:.]+Z\n$/);
  });

  it('speaks JSON, and takes the database from COUNTERSIGN_DATABASE', async () => {
    const env = { COUNTERSIGN_DATABASE: `sqlite:${newFile('agent.db')}` };
    const added = await run(['delegate', 'add', 'phone', '--json'], { env });
    expect(JSON.parse(added.stdout)).toEqual({
      delegate: 'phone',
      enrolment_secret: expect.stringMatching(/^[\w-]{43}$/),
    });
    expect(added.stderr).toBe('');
    const revoked = await run(['delegate', 'revoke', 'phone', '--json', '--yes'], { env });
    expect(JSON.parse(revoked.stdout)).toEqual({ delegate: 'phone', revoked: expect.any(String) });
    const list = await run(['delegate', 'list', '--json'], { env });
    expect(JSON.parse(list.stdout)).toEqual([
      { delegate: 'phone', added: expect.any(String), revoked: expect.any(String) },
    ]);
  });

  it.each([
    ['a name that is taken', ['add', 'laptop'], 1, 'There is a delegate of that name already'],
    ['a name with a space', ['add', 'lap top'], 2, 'without spaces'],
    ['nobody to revoke', ['revoke', 'nobody'], 1, 'There is no delegate nobody'],
    ['no name', ['add'], 2, 'missing required argument'],
  ])('says what is wrong with %s', async (_, args, code, text) => {
    const database = `sqlite:${newFile('agent.db')}`;
    await enrol(database, 'laptop');
    const result = await run(['delegate', ...args, '--database', database]);
    expect(result).toMatchObject({ code, stdout: '' });
    expect(result.stderr).toContain(text);
    expect(await listed(database)).toMatchObject([{ delegate: 'laptop' }]);
    expect(await listed(database)).not.toHaveProperty('0.revokedAt');
  });

  it.each([
    ['that is not there', ['list'], `sqlite:${newFile('none.db')}`, 'there is no such file'],
    [
      'that is not there, to revoke',
      ['revoke', 'x'],
      `sqlite:${newFile('none.db')}`,
      'no such file',
    ],
    ['on PostgreSQL', ['add', 'x'], 'postgres://me:hunter2@db/x', 'begins with "postgres:"'],
    ['without a scheme', ['add', 'x'], 'agent.db', 'sqlite:FILE'],
    ['in a folder that is not there', ['add', 'x'], 'sqlite:./none/agent.db', 'cannot be used'],
  ])('refuses a database %s', async (_, args, database, text) => {
    const result = await run(['delegate', ...args, '--database', database]);
    expect(result).toMatchObject({ code: 2, stdout: '' });
    expect(result.stderr).toContain(text);
    expect(result.stderr).not.toContain('hunter2');
  });
});

function readFileSyncIfAny(file: string): string {
  try {
    return readFileSync(file, 'latin1');
  } catch {
    return '';
  }
}

describe('fetch as a delegate', { timeout: 60_000 }, () => {
  const browser = new Browser();
  const database = `sqlite:${newFile('agent-server.db')}`;
  const agentKeys = newFile('agent-server-keys.json');
  let port: number;
  let agentServer: Served;
  let resource: Served;
  let url: string;
  let laptop: { secret: string; file: string };

  beforeAll(async () => {
    port = await freePort();
    const authServer = await serveAuthServer();
    resource = await serveResource(authServer.url);
    url = `${resource.url}/data-auth`;
    agentServer = await serveAgent(agentKeys, [
      '--database',
      database,
      '--redirect-uri',
      `http://127.0.0.1:${port}/callback`,
    ]);
    laptop = await enrol(database, 'laptop');
  });

  const args = (sub: string, file: string, ...more: string[]): string[] => [
    'fetch',
    url,
    ...`--no-browser --scheme jwt --agent-server ${agentServer.url} --delegate ${sub}`.split(' '),
    '--enrolment-secret-file',
    file,
    ...more,
  ];
  const ask = (sub: string, file: string, ...more: string[]): Running =>
    start(args(sub, file, ...more), { open: true });

  it('goes on by itself with a callback of its own that the agent server publishes', async () => {
    const program = ask('laptop', laptop.file, '--listen', `${port}`);
    const page = await decide(await urlToApprove(program), { browser });
    expect(page.url).toMatch(new RegExp(`^http://127.0.0.1:${port}/callback\\?code=`));
    const { code, stdout, stderr } = await program.ended;
    expect(code, stderr).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      token_type: 'auth+jwt',
      agent: agentServer.url,
      agent_delegate: 'laptop',
      scope: 'data.read data.write',
    });
    expect(stderr).not.toContain(laptop.secret);
  });

  it('goes on with the address that the agent server’s callback page shows', async () => {
    const phone = await enrol(database, 'phone');
    const program = ask('phone', phone.file, '-v');
    const consent = await urlToApprove(program);
    const asked = (await browser.open(consent)).html;
    expect(asked).toContain('phone');
    const page = await decide(consent, { browser });
    expect(page.url).toMatch(new RegExp(`^${agentServer.url}/callback\\?code=`));
    const shown = /<textarea[^>]*>\n([^<]+)<\/textarea>/.exec(page.html)?.[1] ?? page.html;
    program.type(unescapeHtml(shown));
    const { code, stdout, stderr } = await program.ended;
    expect(code, stderr).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ agent: agentServer.url, agent_delegate: 'phone' });
    // Not even with -v: the secret is the delegate's alone.
    expect(stderr).not.toContain(phone.secret);
    expect(agentServer.stderr()).toContain('"POST /delegate/token HTTP/1.1" 200 OK');
    expect(agentServer.stderr()).not.toContain(phone.secret);
  });

  it('keeps its identity, keys and tokens in files of its own, and takes the secret from a variable', async () => {
    const tablet = await enrol(database, 'tablet');
    const own = ['--tokens', newFile('tokens.json'), '--listen', `${port}`];
    const command = args('tablet', '', ...own).filter(
      (one) => one !== '' && one !== '--enrolment-secret-file',
    );
    const env = { COUNTERSIGN_ENROLMENT_SECRET: tablet.secret };
    const first = start(command, { env, open: true });
    await decide(await urlToApprove(first), { browser });
    expect((await first.ended).code, first.stderr()).toBe(0);
    // The token that it holds needs nobody.
    const again = await run(command, { env });
    expect(again, again.stderr).toMatchObject({ code: 0, stderr: '' });
    expect(JSON.parse(again.stdout)).toMatchObject({ agent_delegate: 'tablet' });
    const file = { COUNTERSIGN_ENROLMENT_SECRET_FILE: tablet.file };
    expect((await run(command, { env: file })).code).toBe(0);
  });

  it('that is revoked gets no agent token any more, while another still does', async () => {
    const identity = `${resource.url}/data-jwks`;
    const [one, two] = [await enrol(database, 'old-phone'), await enrol(database, 'new-phone')];
    const read = async (sub: string, file: string) =>
      await run(args(sub, file).map((arg) => (arg === url ? identity : arg)));
    expect((await read('old-phone', one.file)).code).toBe(0);
    const revoking = ['delegate', 'revoke', 'old-phone', '--database', database];
    const unasked = await run(revoking);
    expect(unasked).toMatchObject({ code: 2, stdout: '' });
    expect(unasked.stderr).toContain('Say --yes when that is what you want.');
    expect((await read('old-phone', one.file)).code).toBe(0);
    const revoked = await run([...revoking, '--yes']);
    expect(revoked.stdout).toContain('old-phone gets no more agent tokens');
    const refused = await read('old-phone', one.file);
    expect(refused).toMatchObject({ code: 1, stdout: '' });
    expect(refused.stderr).toContain(
      `error: The agent server ${agentServer.url} gives no agent token to the delegate old-phone`,
    );
    expect((await read('new-phone', two.file)).code).toBe(0);
  });

  it('with the secret of another name is refused, and nothing is asked of the resource', async () => {
    // A path that nothing else asks for here.
    const other = `${resource.url}/data-hwk`;
    const result = await run(
      args('desktop', laptop.file).map((arg) => (arg === url ? other : arg)),
    );
    expect(result).toMatchObject({ code: 1, stdout: '' });
    expect(result.stderr).toContain('gives no agent token to the delegate desktop');
    expect(resource.stderr()).not.toContain('/data-hwk');
  });

  it('says which callback the agent server does not publish', async () => {
    const other = await freePort();
    const result = await run(args('laptop', laptop.file, '--listen', `${other}`));
    expect(result).toMatchObject({ code: 2, stdout: '' });
    expect(result.stderr).toContain(`does not publish http://127.0.0.1:${other}/callback`);
  });

  it('says when the agent server cannot be reached', async () => {
    const nobody = `http://127.0.0.1:${await freePort()}`;
    const result = await run(
      args('laptop', laptop.file).map((arg) => (arg === agentServer.url ? nobody : arg)),
    );
    expect(result.code).toBe(1);
    expect(result.stderr).toBe(`error: The agent server ${nobody} cannot be reached.\n`);
  });

  it.each<[string, (whole: string[]) => string[], string]>([
    ['no agent server', (whole) => without(whole, '--agent-server'), '--agent-server is missing'],
    ['no name', (whole) => without(whole, '--delegate'), '--delegate is missing'],
    [
      'no secret',
      (whole) => without(whole, '--enrolment-secret-file'),
      '--enrolment-secret-file is missing',
    ],
    ['another scheme', (whole) => without(whole, '--scheme'), 'are for --scheme jwt'],
    [
      'an identity of its own',
      (whole) => [...whole, '--id', 'https://x.example'],
      '--id is not for',
    ],
    [
      'a secret file that is not there',
      (whole) => whole.map((arg) => (arg === laptop.file ? '/nowhere/secret' : arg)),
      'cannot be read',
    ],
    [
      'a secret file with more than one line',
      (whole) => {
        const file = newFile('two.secret');
        writeFileSync(file, `${laptop.secret}\n${laptop.secret}\n`);
        return whole.map((arg) => (arg === laptop.file ? file : arg));
      },
      'must hold one secret and nothing else',
    ],
    [
      'an agent server that is no origin',
      (whole) => whole.map((arg) => (arg === agentServer.url ? `${arg}/` : arg)),
      '--agent-server is',
    ],
  ])('is wrong usage with %s', async (_, change, text) => {
    const result = await run(change(args('laptop', laptop.file)));
    expect(result).toMatchObject({ code: 2, stdout: '' });
    expect(result.stderr).toContain(text);
    expect(result.stderr).not.toContain(laptop.secret);
  });

  it('is enrolled still after the agent server was killed, on the same database', async () => {
    const file = `sqlite:${newFile('killed.db')}`;
    const { secret, file: secretFile } = await enrol(file, 'laptop');
    expect(secret).toHaveLength(43);
    const keys = newFile('killed-keys.json');
    const first = await serveAgent(keys, ['--database', file]);
    const command = (served: Served) =>
      args('laptop', secretFile).map((arg) =>
        arg === agentServer.url ? served.url : arg === url ? `${resource.url}/data-jwks` : arg,
      );
    expect((await run(command(first))).code).toBe(0);
    first.kill('SIGKILL');
    await first.ended;
    const second = await serveAgent(keys, ['--database', file]);
    const after = await run(command(second));
    expect(after.code, after.stderr).toBe(0);
    expect(JSON.parse(after.stdout)).toMatchObject({ agent_delegate: 'laptop' });
  });
});

function without(whole: readonly string[], option: string): string[] {
  const at = whole.indexOf(option);
  return [...whole.slice(0, at), ...whole.slice(at + 2)];
}
