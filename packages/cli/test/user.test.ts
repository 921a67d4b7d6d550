import { writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { Browser, decide } from './support/person.js';
import { type HereOptions, runHere } from './support/here.js';
import { run, start, urlToApprove } from './support/program.js';
import { newFile, serveAuthServer, serveResource } from './support/servers.js';

const database = newFile('people.db');
let issuer = '';
const words = (args: string) => `user ${args} --database sqlite:${database}`.split(' ');
const user = (args: string, options: HereOptions = {}) => runHere(words(args), options);

describe('user', () => {
  it('adds people with a password from standard input or a file, and lists them', async () => {
    const file = newFile('password');
    writeFileSync(file, 'a password in a file\n');
    const added = await run(words('add ann --name Ann --email ann@people.example'), {
      input: 'a long password\nnot this\n',
    });
    expect(added).toMatchObject({ code: 0, stdout: 'ann can sign in now.\n', stderr: '' });
    const [bob, taken] = await Promise.all([
      user('add bob', { env: { COUNTERSIGN_PASSWORD_FILE: file } }),
      user('add ANN', { env: { COUNTERSIGN_PASSWORD: 'a long password' } }),
    ]);
    expect(bob.code, bob.stderr).toBe(0);
    expect(taken).toMatchObject({ code: 1, stderr: 'error: That user name is taken.\n' });
    const people = JSON.parse((await user('list --json')).stdout);
    const subject: unknown = expect.stringMatching(/^[\w-]{22}$/);
    expect(people).toEqual([
      { username: 'ann', subject, disabled: false },
      { username: 'bob', subject, disabled: false },
    ]);
  });

  it('disables and enables people, if there are any of that name', async () => {
    const unasked = await user('disable bob');
    expect({ code: unasked.code, stdout: unasked.stdout }).toEqual({ code: 2, stdout: '' });
    expect(unasked.stderr).toMatch(
      /^error: All sessions.* of bob end.* Say --yes when that is what you want\.$/m,
    );
    for (const answer of ['no', '', 'y']) {
      const refused = await user('disable bob', { terminal: true, input: `${answer}\n` });
      expect(refused).toMatchObject({ code: 1, stdout: '' });
      expect(refused.stderr).toContain('Go on? Type yes: ');
      expect(refused.stderr).toContain('error: Nothing has been changed.\n');
    }
    expect((await user('list')).stdout).toBe('ann\nbob\n');
    const agreed = await user('disable bob', { terminal: true, input: 'yes\n' });
    expect(agreed).toMatchObject({ code: 0, stdout: 'bob is disabled.\n' });
    await user('enable bob');
    expect(await user('disable bob --yes')).toMatchObject({
      code: 0,
      stdout: 'bob is disabled.\n',
    });
    expect((await user('list')).stdout).toBe('ann\nbob  (disabled)\n');
    expect(await user('disable nobody')).toMatchObject({
      code: 1,
      stderr: 'error: There is nobody called nobody.\n',
    });
  });

  it('works while the server runs: a person who was disabled can sign in no more', async () => {
    const authServer = await serveAuthServer([], { database });
    issuer = authServer.url;
    const resource = await serveResource(authServer.url);
    const program = start(['fetch', `${resource.url}/data-auth`, '--no-browser']);
    const url = await urlToApprove(program);
    expect(await run(words('disable testuser --yes'))).toMatchObject({ code: 0 });
    const browser = new Browser();
    const page = await browser.open(url);
    const refused = await browser.submit(page, {
      username: 'testuser',
      password: 'testpass',
      action: 'sign-in',
    });
    expect(refused.status).toBe(403);
    expect(await user('enable testuser')).toMatchObject({ stdout: 'testuser is enabled.\n' });
    await decide(url, { browser });
    expect((await program.ended).code).toBe(0);
    await Promise.all([authServer.stop(), resource.stop()]);
  });

  it('is not overruled by --user, which renews the passwords of its own accounts alone', async () => {
    const server = await serveAuthServer(['--user', 'ann:from-the-flag'], {
      database,
      port: Number(new URL(issuer).port),
    });
    expect(server.stderr()).toContain('WARNING: --user ann: that account was not made with --user');
    expect(server.stderr()).not.toContain('from-the-flag');
    await server.stop();
  });
});
