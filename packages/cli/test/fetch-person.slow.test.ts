import { readFileSync, statSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { Browser, decide, unescapeHtml } from './support/person.js';
import { run, start, urlToApprove } from './support/program.js';
import {
  freePort,
  newFile,
  type Served,
  serveAgent,
  serveAuthServer,
  serveResource,
} from './support/servers.js';

/** Signs in once. */
const browser = new Browser();
let resource: Served;
let url: string;
beforeAll(async () => {
  const authServer = await serveAuthServer();
  resource = await serveResource(authServer.url);
  url = `${resource.url}/data-auth`;
});

const GRANTED = /^\{"message":"Access granted".+"scope":"data.read data.write"\}$/;
const ask = (...args: string[]) => start(['fetch', url, '--no-browser', ...args], { open: true });

describe('fetch, where a person must approve', () => {
  it('prints the URL alone on a line, waits, and goes on by itself', async () => {
    const program = ask();
    const page = await decide(await urlToApprove(program), { browser });
    expect(page.status).toBe(200);
    expect(page.html).toContain('Approved');
    const { code, stdout, stderr } = await program.ended;
    expect(code, stderr).toBe(0);
    expect(stdout).toMatch(GRANTED);
    expect(stderr).toContain('paste the address it ends on');
  });

  it('says that access was denied, with exit code 1', async () => {
    const port = await freePort();
    const program = ask('--listen', `${port}`);
    const page = await decide(await urlToApprove(program), { browser, deny: true });
    expect(page.url).toContain(`http://127.0.0.1:${port}/callback?error=access_denied&`);
    expect(page.html).toContain('Not approved');
    const { code, stdout, stderr } = await program.ended;
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toContain('error: Access was denied at the auth server http://127.0.0.1:');
  });

  it('gives up after --timeout', async () => {
    const { code, stdout, stderr } = await run(['fetch', url, '--no-browser', '--timeout', '1']);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toContain('error: No answer came from the person in time.');
  });

  it('takes the address that a browser elsewhere ended on, and no other', async () => {
    const program = ask();
    const consent = await urlToApprove(program);
    const redirectUri = new URL(consent).searchParams.get('redirect_uri')!;
    program.type('https://elsewhere.example/callback?code=1');
    await program.see(
      /not accepted\. That is not the address the browser ended on.+ Still waiting\./,
    );
    program.type(`${redirectUri}?code=guessed&state=guessed`);
    await program.see(/not accepted\. It is not the answer to this request \(state_unknown\)/);
    const { url: address } = await decide(consent, { browser, stopAt: redirectUri });
    program.type(address.replace(/iss=[^&]*/, 'iss=https%3A%2F%2Fother.example'));
    await program.see(/\(iss_other\)/);
    expect(program.stdout()).toBe('');
    program.type(`  ${address}  `);
    const { code, stdout } = await program.ended;
    expect(code).toBe(0);
    expect(stdout).toMatch(GRANTED);
  });

  it('with --tokens asks once: the next run has the token, and its file is private', async () => {
    const tokens = newFile('tokens.json');
    const program = ask('--tokens', tokens);
    await decide(await urlToApprove(program), { browser });
    expect((await program.ended).code).toBe(0);
    for (const file of [tokens, `${tokens}.keys`]) expect(statSync(file).mode & 0o777).toBe(0o600);
    const again = await run(['fetch', url, '--tokens', tokens]);
    expect(again).toMatchObject({ code: 0, stderr: '' });
    expect(again.stdout).toMatch(GRANTED);
  });

  it('with --keys keeps its identity from run to run', async () => {
    const keys = newFile('keys.json');
    const first = ask('--keys', keys);
    const consent = await urlToApprove(first);
    await decide(consent, { browser });
    expect((await first.ended).code).toBe(0);
    const second = ask('--keys', keys);
    const later = await urlToApprove(second);
    const redirectUri = (address: string) => new URL(address).searchParams.get('redirect_uri');
    expect(redirectUri(later)).toBe(redirectUri(consent));
    second.kill('SIGTERM');
    await second.ended;
  });

  it('never asks a person with the bare key: the answer is shown as it is', async () => {
    const { code, stdout, stderr } = await run(['fetch', url, '--scheme', 'hwk']);
    expect({ code, stdout }).toEqual({ code: 1, stdout: 'Identity required' });
    expect(stderr).toBe(`error: ${resource.url} answered 401 Unauthorized\n`);
    const open = await run(['fetch', `${resource.url}/data-hwk`, '--scheme', 'hwk']);
    expect(open.code).toBe(0);
  });
});

describe('fetch with the identity of an agent server', () => {
  it('completes with the address that the callback page of `serve agent` shows', async () => {
    const keys = newFile('shared-keys.json');
    const agentServer = await serveAgent(keys, ['--name', 'Mail helper']);
    const program = ask('--id', agentServer.url, '--keys', keys);
    const page = await decide(await urlToApprove(program), { browser });
    expect(page.url).toMatch(new RegExp(`^${agentServer.url}/callback\\?code=`));
    const shown = /<textarea[^>]*>\n([^<]+)<\/textarea>/.exec(page.html)?.[1] ?? page.html;
    program.type(unescapeHtml(shown));
    const { code, stdout, stderr } = await program.ended;
    expect(code, stderr).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ agent: agentServer.url });
    const { code: ended, stderr: log } = await agentServer.stop();
    expect(ended).toBe(0);
    expect(log).toContain('"GET /callback HTTP/1.1" 400 Bad Request');
    const [kept] = JSON.parse(readFileSync(keys, 'utf8')).keys;
    expect(log).not.toContain(kept.d);
  });
});
