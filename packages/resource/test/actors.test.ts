import { describe, expect, expectTypeOf, it } from 'vitest';
import { upstreamTokenText } from '@countersign/protocol';
import type { Access, AuthorizedAccess } from '../src/index.js';
import { doors, makeApi, sign, tokenHolder } from './support.js';

const READ = { scopes: ['data.read'] };
const ACT = {
  agent: 'https://b.example',
  sub: 'testuser',
  act: { agent: 'https://a.example', agent_delegate: 'phone', iss: 'https://home.example' },
};

describe.each(Object.entries(doors))('%s', (_door, open) => {
  it('tells its handler who acted before, the most recent first', async () => {
    const made = await makeApi();
    const signer = await tokenHolder(made, { claims: { act: ACT } });
    expect((await open(made, READ)(await sign(signer))).status).toBe(200);
    const [ran] = made.ran;
    const issuer = made.authServer.id;
    expect(ran?.access).toMatchObject({
      level: 'authorization',
      actors: [
        { agent: 'https://b.example', subject: 'testuser', issuer },
        { agent: 'https://a.example', delegate: 'phone', issuer: 'https://home.example' },
      ],
    });
  });

  it('tells it that nobody did', async () => {
    const made = await makeApi();
    await open(made, READ)(await sign(await tokenHolder(made)));
    expect(made.ran[0]?.access).toMatchObject({ actors: [] });
  });

  it.each<[string, object]>([
    ['names no agent', { ...ACT, agent: undefined }],
    ['has a broken link', { ...ACT, act: { sub: 'x' } }],
  ])('refuses a chain that %s, and its handler does not run', async (_, act) => {
    const made = await makeApi();
    const signer = await tokenHolder(made, { claims: { act } });
    const response = await open(made, READ)(await sign(signer));
    expect(response.status).toBe(401);
    expect(made.refused.at(-1)?.rule).toBe('act_invalid');
    expect(made.ran).toEqual([]);
  });
});

describe('What a handler is given', () => {
  it('can be exchanged, the first time and when the token is remembered', async () => {
    const made = await makeApi();
    const signer = await tokenHolder(made);
    const texts: (string | undefined)[] = [];
    const guarded = made.api.guard(READ, (_request, { token }) => {
      texts.push(upstreamTokenText(token));
      return new Response('done');
    });
    await guarded(await sign(signer));
    await guarded(await sign(signer));
    const { signatureKey } = signer;
    const jwt = signatureKey.scheme === 'jwt' ? signatureKey.jwt : '';
    expect(texts).toEqual([jwt, jwt]);
  });

  it('is authorized access where the route asks for scopes, and any access elsewhere', async () => {
    const { api } = await makeApi();
    api.guard(READ, (_request, access) => {
      expectTypeOf(access).toEqualTypeOf<AuthorizedAccess>();
      return new Response();
    });
    api.guard('identity', (_request, access) => {
      expectTypeOf(access).toEqualTypeOf<Access>();
      return new Response();
    });
    expect(api.scopes).toHaveProperty(['data.read']);
  });
});
