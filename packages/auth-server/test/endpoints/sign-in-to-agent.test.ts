import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decoded, makeDelegate } from '../../../protocol/test/kit.js';
import { textOf } from '../pages/html-forms.js';
import { Bench, ISSUER } from './kit.js';

let bench: Bench;
beforeAll(async () => {
  bench = await Bench.open();
});
afterAll(() => bench.close());

const payloadOf = async (more: Parameters<Bench['granted']>[0]) =>
  decoded(String((await bench.granted(more))['auth_token'])).payload;

describe('When the agent asks a person to sign in to the agent itself', () => {
  it('the page says what it will learn, in the person’s own data', async () => {
    const browser = await bench.signedIn('ada');
    const requestToken = await bench.requestToken({ signIn: 'openid profile email data.read' });
    const page = await browser.open(bench.pageUrl(requestToken));
    expect(page.heading).toBe('Sign in to agent.example?');
    const text = textOf(page.text);
    expect(text).toContain('Your name: ada of Example');
    expect(text).toContain('Your email address: ada@mail.example');
    expect(text).toContain('data.read');
    expect(text).not.toContain('rs.example');
  });

  it('the token is for the agent, names no agent, and has sub and the claims asked for', async () => {
    const payload = await payloadOf({ signIn: 'openid profile email' });
    expect(payload).toEqual({
      iss: ISSUER,
      aud: bench.agent.id,
      cnf: { jwk: bench.agent.keys.current.publicJwk },
      exp: bench.clock() + 3600,
      sub: 'sub-ada',
      iat: bench.clock(),
      jti: expect.any(String),
      name: 'ada of Example',
      email: 'ada@mail.example',
      email_verified: true,
    });
  });

  it('identity scopes ask for claims and do not appear in the token’s scope; others do', async () => {
    expect(await payloadOf({ signIn: 'openid data.read email' })).toMatchObject({
      scope: 'data.read',
      email: 'ada@mail.example',
    });
    const onlyOpenid = await payloadOf({ signIn: 'openid' });
    for (const claim of ['scope', 'name', 'email', 'email_verified', 'agent']) {
      expect(onlyOpenid).not.toHaveProperty(claim);
    }
    const onlyProfile = await payloadOf({ signIn: 'openid profile' });
    expect(onlyProfile).toHaveProperty('name');
    expect(onlyProfile).not.toHaveProperty('email');
  });

  it('a person of whom nothing is known has no claims', async () => {
    await bench.storage.users.create({
      id: 'user-bare',
      subject: 'sub-bare',
      username: 'bare',
      name: null,
      email: null,
      emailVerified: false,
      passwordHash: 'x',
      createdAt: bench.clock(),
    });
    const payload = await payloadOf({ signIn: 'openid profile email', username: 'bare' });
    expect(payload['sub']).toBe('sub-bare');
    for (const claim of ['name', 'email', 'email_verified']) {
      expect(payload).not.toHaveProperty(claim);
    }
  });

  it('refreshing gives the same claims again', async () => {
    const first = await bench.granted({ signIn: 'openid email' });
    const refresh_token = String(first['refresh_token']);
    const { json } = await bench.token({ request_type: 'refresh', refresh_token });
    const { payload } = decoded(String(json['auth_token']));
    expect(payload).toMatchObject({
      aud: bench.agent.id,
      sub: 'sub-ada',
      email: 'ada@mail.example',
    });
    expect(payload).not.toHaveProperty('agent');
  });

  it('a delegate is named', async () => {
    const signer = await makeDelegate(bench.agent, { sub: 'laptop', now: bench.clock() });
    const payload = await payloadOf({ signIn: 'openid', signer });
    expect(payload).toMatchObject({
      aud: bench.agent.id,
      agent_delegate: 'laptop',
      sub: 'sub-ada',
    });
    expect(payload).not.toHaveProperty('agent');
  });

  it('a remembered sign-in is one button, and asking for more is not', async () => {
    const heading = async (signIn: string) => {
      const browser = await bench.signedIn('ben');
      return (await browser.open(bench.pageUrl(await bench.requestToken({ signIn })))).heading;
    };
    expect(await heading('openid')).toBe('Sign in to agent.example?');
    await bench.granted({ signIn: 'openid', username: 'ben' });
    expect(await heading('openid')).toBe('Continue to agent.example?');
    expect(await heading('openid email')).toBe('Sign in to agent.example?');
  });
});
