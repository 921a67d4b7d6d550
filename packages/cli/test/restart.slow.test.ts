import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type PeerAgent, startPeerAgent } from './peers/agent.js';
import { getJson } from './peers/http.js';
import { Browser, decide } from './support/person.js';
import { start, urlToApprove } from './support/program.js';
import {
  freePort,
  newFile,
  type Served,
  serveAuthServer,
  serveResource,
} from './support/servers.js';

// The older wire, because its honest repeats are identical: what refuses a second use is the code, not the nonce.
const ARGS = ['--accept-wire', '2026-01', '--same-origin-redirects'];

describe('an auth server that is killed and started again', () => {
  let authServer: Served;
  let resource: Served;
  let agent: PeerAgent;
  const database = newFile('restart.db');

  async function restart(): Promise<void> {
    authServer.kill('SIGKILL');
    await authServer.ended;
    const port = Number(new URL(authServer.url).port);
    authServer = await serveAuthServer(ARGS, { database, port });
  }

  beforeAll(async () => {
    authServer = await serveAuthServer(ARGS, { database, port: await freePort() });
    resource = await serveResource(authServer.url, ARGS.slice(0, 2));
    agent = await startPeerAgent('2026-01');
  });
  afterAll(() => agent.close());

  const redeem = (code: string) =>
    agent.request(
      'POST',
      `${authServer.url}/agent/token`,
      `request_type=code&code=${code}&redirect_uri=${agent.url}/callback`,
    );

  it('knows a request that nobody has answered yet, its keys and who was signed in', async () => {
    const keys = await getJson(`${authServer.url}/jwks.json`);
    const program = start(['fetch', `${resource.url}/data-auth`, '--no-browser']);
    const url = await urlToApprove(program);
    const browser = new Browser();
    const page = await browser.open(url);
    await browser.submit(page, { username: 'testuser', password: 'testpass', action: 'sign-in' });
    await restart();
    expect(await getJson(`${authServer.url}/jwks.json`)).toEqual(keys);
    const consent = await browser.open(url);
    expect(consent.html).not.toContain('type="password"');
    await browser.submit(consent, { action: 'approve' });
    const { code, stderr } = await program.ended;
    expect(code, stderr).toBe(0);
  });

  it('knows an approval whose code nobody has redeemed yet, and redeems it once', async () => {
    let code = '';
    const answer = await agent.get(`${resource.url}/data-auth`, async (url) => {
      const browser = new Browser();
      const callback = await decide(url, { browser, stopAt: `${agent.url}/callback` });
      code = new URL(callback.url).searchParams.get('code')!;
      await restart();
      await browser.open(callback.url);
    });
    expect(answer.status).toBe(200);
    await restart();
    const again = await redeem(code);
    expect(again.status).toBe(400);
    expect(JSON.parse(again.text)).toMatchObject({ error: 'invalid_grant' });
  });

  it('never redeems a code twice, whenever it is killed', async () => {
    let code = '';
    const stopped = agent.get(`${resource.url}/data-auth`, async (url) => {
      const callback = await decide(url, { stopAt: `${agent.url}/callback` });
      code = new URL(callback.url).searchParams.get('code')!;
      throw new Error('the browser never arrives');
    });
    await expect(stopped).rejects.toThrow('the browser never arrives');
    const attempts = () =>
      Array.from({ length: 10 }, () => redeem(code).catch(() => ({ status: 0 })));
    const before = attempts();
    await Promise.race(before);
    await restart();
    const all = await Promise.all([...before, ...attempts()]);
    expect(all.filter(({ status }) => status === 200).length).toBeLessThanOrEqual(1);
    expect(all.every(({ status }) => [0, 200, 400].includes(status))).toBe(true);
  });
});

describe('a resource that is killed and started again', () => {
  let authServer: Served;
  let resource: Served;
  const settings = { keys: newFile('resource-keys.json'), replay: newFile('replay.db'), port: 0 };

  async function restart(): Promise<void> {
    resource.kill('SIGKILL');
    await resource.ended;
    resource = await serveResource(authServer.url, [], settings);
  }

  beforeAll(async () => {
    authServer = await serveAuthServer();
    settings.port = await freePort();
    resource = await serveResource(authServer.url, [], settings);
  });

  it('takes the token of a flow that it had begun, and later the same token without asking', async () => {
    const args = [
      'fetch',
      `${resource.url}/data-auth`,
      '--no-browser',
      '--tokens',
      newFile('tokens'),
    ];
    const program = start(args);
    const url = await urlToApprove(program);
    await restart();
    await decide(url);
    const first = await program.ended;
    expect(first.code, first.stderr).toBe(0);
    await restart();
    const again = await start(args).ended;
    expect(again.code, again.stderr).toBe(0);
    expect(again.stderr).not.toContain('Open this URL to approve');
    expect(again.stdout).toBe(first.stdout);
  });
});

describe('an agent that is killed while a person decides, and started again', () => {
  it('asks anew, and the approval that nobody took is worth nothing', async () => {
    const authServer = await serveAuthServer();
    const resource = await serveResource(authServer.url);
    const args = [
      'fetch',
      `${resource.url}/data-auth`,
      '--no-browser',
      '--tokens',
      newFile('tokens'),
    ];
    const killed = start(args);
    const url = await urlToApprove(killed);
    const browser = new Browser();
    const redirectUri = new URL(url).searchParams.get('redirect_uri')!;
    const callback = await decide(url, { browser, stopAt: redirectUri });
    killed.kill('SIGKILL');
    await killed.ended;

    const again = start(args);
    const anew = await urlToApprove(again);
    expect(anew).not.toBe(url);
    // The answer to the flow of before belongs to no flow of this process.
    expect((await browser.open(callback.url)).status).toBe(400);
    await decide(anew, { browser });
    const { code, stderr } = await again.ended;
    expect(code, stderr).toBe(0);

    const third = await start(args).ended;
    expect(third.code, third.stderr).toBe(0);
    expect(third.stderr).not.toContain('Open this URL to approve');
  });
});
