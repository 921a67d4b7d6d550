import { writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { Browser, decide } from './support/person.js';
import { run, type RunOptions, start, urlToApprove } from './support/program.js';
import { newFile, serveAuthServer, serveResource } from './support/servers.js';

const database = newFile('people.db');
const user = (args: string, options: RunOptions = {}) =>
  run(`user ${args} --database sqlite:${database}`.split(' '), options);

describe('user', () => {
  it('adds people with a password from standard input, a variable or a file', async () => {
    const file = newFile('password');
    writeFileSync(file, 'a password in a file\n');
    const added = await user('add ann --name Ann --email ann@people.example', {
      input: 'a long password\nnot this\n',
    });
    expect(added).toMatchObject({ code: 0, stdout: 'ann can sign in now.\n', stderr: '' });
    const [bob, cem] = await Promise.all([
      user('add bob', { env: { COUNTERSIGN_PASSWORD: 'a longer password' } }),
      user('add cem', { env: { COUNTERSIGN_PASSWORD_FILE: file } }),
    ]);
    expect([bob.code, cem.code]).toEqual([0, 0]);
    expect(await user('list')).toMatchObject({ code: 0, stdout: 'ann\nbob\ncem\n' });
  });

  it('refuses a name that is taken, a short password and none at all', async () => {
    const [taken, short, none] = await Promise.all([
      user('add ANN', { input: 'a long password\n' }),
      user('add eve', { input: 'short\n' }),
      user('add eve', { input: '' }),
    ]);
    expect(taken).toMatchObject({ code: 1, stderr: 'error: That user name is taken.\n' });
    expect(short.stderr).toContain('at least 8 characters');
    expect(none.stderr).toContain('No password came on standard input');
    expect([short.code, none.code]).toEqual([1, 1]);
  });

  it('disables and enables people, and lists them for machines', async () => {
    expect(await user('disable bob')).toMatchObject({ code: 0, stdout: 'bob is disabled.\n' });
    expect((await user('list')).stdout).toBe('ann\nbob  (disabled)\ncem\n');
    const people = JSON.parse((await user('list --json')).stdout);
    expect(people).toContainEqual({
      username: 'bob',
      subject: expect.stringMatching(/^[\w-]{22}$/),
      disabled: true,
    });
    expect(await user('enable bob')).toMatchObject({ code: 0, stdout: 'bob is enabled.\n' });
    expect(await user('disable nobody')).toMatchObject({
      code: 1,
      stderr: 'error: There is nobody called nobody.\n',
    });
  });

  it('works while the server runs: a person who was disabled can sign in no more', async () => {
    const authServer = await serveAuthServer([], { database });
    const resource = await serveResource(authServer.url);
    const program = start(['fetch', `${resource.url}/data-auth`, '--no-browser']);
    const url = await urlToApprove(program);
    expect(await user('disable testuser')).toMatchObject({ code: 0 });
    const browser = new Browser();
    const page = await browser.open(url);
    const refused = await browser.submit(page, {
      username: 'testuser',
      password: 'testpass',
      action: 'sign-in',
    });
    expect(refused.status).toBe(403);
    await user('enable testuser');
    await decide(url, { browser });
    expect((await program.ended).code).toBe(0);
  });

  it('--user renews the password of its own accounts and leaves others alone', async () => {
    const server = await serveAuthServer(['--user', 'ann:stolen-by-flag'], {
      database: newFile('other.db'),
    });
    await server.stop();
    const port = Number(new URL(server.url).port);
    const other = newFile('third.db');
    await run(['user', 'add', 'ann', '--database', `sqlite:${other}`], { input: 'hers alone\n' });
    const again = await serveAuthServer(['--user', 'ann:stolen-by-flag'], {
      database: other,
      port,
    });
    expect(again.stderr()).toContain('WARNING: --user ann: that account was not made with --user');
    expect(again.stderr()).not.toContain('stolen');
  });
});
