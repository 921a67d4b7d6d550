import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { identifier, makeAgent, type TestAgent } from '../../../protocol/test/kit.js';
import type { AuthServer } from '../../src/index.js';
import { Bench } from './kit.js';

let bench: Bench;
beforeAll(async () => {
  bench = await Bench.open();
});
afterAll(() => bench.close());

function publish(agent: TestAgent, redirectUris: readonly string[]): void {
  bench.discovery.publishAgent(agent, { redirectUris });
}

async function asks(
  redirectUri: string | undefined,
  { agent = bench.agent, server = bench.server }: { agent?: TestAgent; server?: AuthServer } = {},
) {
  const before = bench.contents();
  const scope = 'openid';
  const parameters = { request_type: 'auth', scope, redirect_uri: redirectUri ?? '' };
  const { redirect_uri: _left, ...without } = parameters;
  const answer = await bench.token(redirectUri === undefined ? without : parameters, agent, server);
  if (answer.status !== 200) expect(bench.contents()).toEqual(before);
  return answer.status === 200 ? 200 : [answer.status, answer.json['error']];
}

const REFUSED = [400, 'invalid_request'];

describe('A redirect URI', () => {
  beforeEach(() => {
    bench.discovery.lookups.length = 0;
  });

  it('must be there', async () => {
    expect(await asks(undefined)).toEqual(REFUSED);
    expect(await asks('')).toEqual(REFUSED);
  });

  it.each([
    'https://agent.example/callback',
    'https://agent.example/callback?tenant=7&decode=1',
    'https://agent.example',
    'https://agent.example:8443/callback',
    'https://app.elsewhere.example/back',
    'https://xn--bcher-kva.example/callback',
    'https://192.0.2.7/callback',
  ])('may be %s when the agent publishes it', async (redirectUri) => {
    publish(bench.agent, ['https://agent.example/other', redirectUri]);
    expect(await asks(redirectUri)).toBe(200);
  });

  it.each([
    ['relative', '/callback'],
    ['relative to a scheme', '//agent.example/callback'],
    ['without slashes', 'https:agent.example/callback'],
    ['with one slash', 'https:/agent.example/callback'],
    ['with three slashes', 'https:///agent.example/callback'],
    ['with backslashes', 'https:\\\\agent.example\\callback'],
    ['with an upper-case host', 'https://Agent.example/callback'],
    ['with a fragment', 'https://agent.example/callback#x'],
    ['with an empty fragment', 'https://agent.example/callback#'],
    ['with a user name', 'https://user@agent.example/callback'],
    ['with an empty user name', 'https://@agent.example/callback'],
    ['with a password', 'https://user:secret@agent.example/callback'],
    ['plain http', 'http://agent.example/callback'],
    ['plain http on loopback', 'http://127.0.0.1:8001/callback'],
    ['of another scheme', 'com.example.app:/callback'],
    ['script', 'javascript:alert(1)'],
    ['data', 'data:text/html,x'],
    ['carrying code', 'https://agent.example/callback?code=1'],
    ['carrying state', 'https://agent.example/callback?a=1&state='],
    ['carrying error', 'https://agent.example/callback?error'],
    ['carrying iss', 'https://agent.example/callback?iss=x'],
    ['carrying an encoded code', 'https://agent.example/callback?%63ode=1'],
    ['with a semicolon in the host', 'https://agent.example;x/callback'],
    ['with a wildcard host', 'https://*.example/callback'],
    ['with a comma in the host', 'https://a,b.example/callback'],
    ['with a dot at the end of the host', 'https://agent.example./callback'],
    ['with a global IPv6 host', 'https://[2001:db8::1]/callback'],
    ['with a space', 'https://agent.example/call back'],
    ['with a line break', 'https://agent.example/call\nback'],
    ['with a control character', 'https://agent.example/call\u0001back'],
    ['with a letter outside ASCII in the path', 'https://agent.example/rückruf'],
    ['with a letter outside ASCII in the host', 'https://bücher.example/callback'],
    ['with text from right to left', 'https://agent.example/\u202ekcab'],
    ['too long', `https://agent.example/${'x'.repeat(2048)}`],
  ])('may not be %s, published or not', async (_, redirectUri) => {
    publish(bench.agent, [redirectUri]);
    expect(await asks(redirectUri)).toEqual(REFUSED);
  });

  it.each([
    'https://agent.example/callback/',
    'https://agent.example/Callback',
    'https://agent.example/callback?',
    'https://agent.example/callback?x=1',
    'https://agent.example/%63allback',
    'https://agent.example:443/callback',
    'https://agent.example/a/../callback',
    'https://agent.example.evil.example/callback',
    'https://evil.example/callback',
  ])('must equal a published one exactly: %s does not', async (redirectUri) => {
    publish(bench.agent, ['https://agent.example/callback']);
    expect(await asks('https://agent.example/callback')).toBe(200);
    expect(await asks(redirectUri)).toEqual(REFUSED);
  });

  it('belongs to the agent: another agent’s does not count', async () => {
    const other = await makeAgent('https://other.example');
    publish(other, ['https://other.example/callback']);
    publish(bench.agent, ['https://agent.example/callback']);
    expect(await asks('https://other.example/callback', { agent: other })).toBe(200);
    expect(await asks('https://agent.example/callback', { agent: other })).toEqual(REFUSED);
  });

  it('is refused for an agent that publishes none, unless same-origin redirects are switched on', async () => {
    const quiet = await makeAgent('https://quiet.example');
    bench.discovery.publishAgent(quiet);
    const server = await bench.serverWith({ sameOriginRedirects: true });
    const own = 'https://quiet.example/anywhere';
    expect(await asks(own, { agent: quiet })).toEqual(REFUSED);
    expect(await asks(own, { agent: quiet, server })).toBe(200);
    for (const foreign of [
      'https://other.example/callback',
      'https://quiet.example:8443/callback',
      'https://sub.quiet.example/callback',
      'https://quiet.example.evil.example/callback',
    ]) {
      expect(await asks(foreign, { agent: quiet, server })).toEqual(REFUSED);
    }
    // One that publishes some is held to them all the same.
    publish(bench.agent, ['https://agent.example/callback']);
    expect(await asks('https://agent.example/anywhere', { server })).toEqual(REFUSED);
  });

  it('may be plain http on loopback, and only there, when insecure loopback is switched on', async () => {
    const server = await bench.serverWith({ insecureLoopback: true });
    const agent = await makeAgent('http://127.0.0.1:8001');
    for (const [redirectUri, expected] of [
      ['http://127.0.0.1:8001/callback', 200],
      ['http://localhost:8001/callback', 200],
      ['http://[::1]:8001/callback', 200],
      ['http://agent.example/callback', REFUSED],
      ['http://127.0.0.1.evil.example/callback', REFUSED],
      ['http://localhost.evil.example/callback', REFUSED],
    ] as const) {
      publish(agent, [redirectUri]);
      expect([redirectUri, await asks(redirectUri, { agent, server })]).toEqual([
        redirectUri,
        expected,
      ]);
    }
    expect(identifier(agent.id)).toBe(agent.id);
  });

  it('is looked at before anything about it is asked of the network', async () => {
    const askedOfAgent = () =>
      bench.discovery.lookups.filter(({ asked }) => asked === 'metadata').length;
    await asks('http://agent.example/callback');
    expect(askedOfAgent()).toBe(0);
    publish(bench.agent, ['https://agent.example/callback']);
    await asks('https://agent.example/callback');
    expect(askedOfAgent()).toBeGreaterThan(0);
  });
});
