import { importVerificationKey } from '@countersign/httpsig';
import {
  type AuthTokenVerification,
  issueAuthToken,
  type JsonObject,
  type ServerIdentifier,
  type TrustedIssuers,
  verifyAuthToken,
} from '@countersign/protocol';
import { describe, expect, it } from 'vitest';
import {
  authTokenFor,
  compact,
  decoded,
  identifier,
  makeAuthServer,
  makeWorld,
  NOW,
  refusalOf,
} from './kit.js';

const { agent, resource, authServer } = await makeWorld();
const scope = ['data.read', 'data.write'];
const token = await authTokenFor(authServer, resource, agent, { scope });
const key = await importVerificationKey(authServer.keys.current.publicJwk);

async function check(
  text: string,
  trustedIssuers: TrustedIssuers = [authServer.id],
  audience: ServerIdentifier = resource.id,
) {
  const lookups: string[] = [];
  const work = verifyAuthToken(text, {
    now: NOW,
    audience,
    trustedIssuers,
    findKey: async (issuer) => {
      lookups.push(issuer);
      return key;
    },
  });
  const result = await work.catch((error: unknown) => error);
  return { work, result: result as AuthTokenVerification, lookups };
}

const changed = (change: JsonObject, signer = authServer.keys.current): Promise<string> => {
  const { header, payload } = decoded(token);
  const members = Object.entries({ ...payload, ...change }).filter(([, one]) => one !== undefined);
  return compact(header, Object.fromEntries(members), signer);
};

describe('an auth token', () => {
  it('says who may do what, for whom, with which key and until when', async () => {
    const { result } = await check(token);
    expect(result).toMatchObject({
      state: 'valid',
      token: {
        issuer: authServer.id,
        audience: resource.id,
        agent: agent.id,
        delegate: undefined,
        subject: 'testuser',
        scope,
        expiresAt: NOW + 3600,
        tokenId: `auth-token-${NOW}`,
        confirmation: { thumbprint: agent.key.thumbprint },
      },
    });
  });

  it('is issued for an hour, its members in the order of the transcript', () => {
    expect(JSON.stringify(decoded(token))).toBe(
      JSON.stringify({
        header: { alg: 'EdDSA', kid: 'auth-key-1', typ: 'auth+jwt' },
        payload: {
          iss: authServer.id,
          aud: resource.id,
          cnf: { jwk: agent.key.publicJwk },
          scope: 'data.read data.write',
          exp: NOW + 3600,
          agent: agent.id,
          sub: 'testuser',
          iat: NOW,
          jti: `auth-token-${NOW}`,
        },
      }),
    );
  });

  it('that has only expired is handed back as that, and not as valid', async () => {
    const { result, lookups } = await check(await changed({ exp: NOW - 10 }));
    expect(result).toMatchObject({ state: 'expired', token: { agent: agent.id } });
    expect(lookups).toHaveLength(1);
  });

  it.each<[string, JsonObject]>([
    ['the issuer', { iss: 'https://other.example' }],
    ['the audience', { aud: 'https://other.example' }],
    ['the key', { cnf: {} }],
    ['the scope', { scope: 'a  b' }],
    ['nbf', { nbf: NOW + 100 }],
  ])('that has expired is refused when %s is wrong too', async (_what, change) => {
    const { work, lookups } = await check(await changed({ exp: NOW - 600, ...change }));
    expect(await refusalOf(work)).toMatchObject({ code: 'invalid_token' });
    expect(lookups).toEqual([]);
  });

  it('that has expired is refused when somebody else signed it', async () => {
    const { work } = await check(await changed({ exp: NOW - 600 }, agent.keys.current));
    expect(await refusalOf(work)).toMatchObject({ rule: 'token_signature' });
  });

  it.each<[string, JsonObject, string]>([
    ['an audience that is somebody else', { aud: 'https://other.example' }, 'aud_other'],
    ['an audience that is the agent', { aud: 'https://agent.example' }, 'aud_other'],
    ['a list of audiences', { aud: ['https://rs.example'] }, 'aud_invalid'],
    ['an agent that is no identifier', { agent: 'https://agent.example/' }, 'agent_invalid'],
    ['an agent that is null', { agent: null }, 'agent_missing'],
    ['an agent that is a number', { agent: 1 }, 'agent_invalid'],
    ['an agent that is empty', { agent: '' }, 'agent_invalid'],
    ['a scope that is null', { scope: null }, 'scope_invalid'],
    ['a list of scopes', { scope: ['data.read'] }, 'scope_invalid'],
    ['a scope parted by tabs', { scope: 'data.read\tdata.write' }, 'scope_invalid'],
    ['a sub that is a number', { sub: 1 }, 'sub_invalid'],
    ['an agent_delegate that is a list', { agent_delegate: ['d'] }, 'agent_delegate_invalid'],
    ['a jti that is an object', { jti: {} }, 'jti_invalid'],
    ['an act that is a text', { act: 'https://agent.example' }, 'act_invalid'],
    ['an act that is null', { act: null }, 'act_invalid'],
    ['an act that is a list', { act: [] }, 'act_invalid'],
  ])('with %s is refused before any look-up', async (_what, change, rule) => {
    const { work, lookups } = await check(await changed(change));
    expect(await refusalOf(work)).toMatchObject({ code: 'invalid_token', rule });
    expect(lookups).toEqual([]);
  });

  it.each<[string, JsonObject, JsonObject]>([
    ['agent', { agent: undefined }, { agent: undefined }],
    ['sub', { sub: undefined }, { subject: undefined }],
    ['scope', { scope: undefined }, { scope: [] }],
    ['any name in its scope', { scope: '' }, { scope: [] }],
    ['jti and iat', { jti: undefined, iat: undefined }, { tokenId: undefined }],
  ])('may come without %s', async (_what, change, expected) => {
    const { result } = await check(await changed(change));
    expect(result).toMatchObject({ state: 'valid', token: expected });
  });

  it('may name a delegate, a chain of actors and claims about the person', async () => {
    const act = { agent: 'https://first.example', sub: 'testuser' };
    const { result } = await check(
      await changed({ agent_delegate: 'delegate-1', act, email: 'a@b.example' }),
    );
    expect(result.token).toMatchObject({
      delegate: 'delegate-1',
      claims: { act, email: 'a@b.example' },
    });
  });

  it('for one resource is refused by another', async () => {
    const { work } = await check(token, [authServer.id], identifier('https://other.example'));
    expect(await refusalOf(work)).toMatchObject({ rule: 'aud_other' });
  });
});

describe('the issuer of an auth token', () => {
  it('that is not trusted is never asked for a key', async () => {
    const other = await makeAuthServer('https://other.example');
    const { work, lookups } = await check(await authTokenFor(other, resource, agent));
    expect(await refusalOf(work)).toMatchObject({ rule: 'issuer_untrusted' });
    expect(lookups).toEqual([]);
  });

  it('is nobody when nobody is trusted', async () => {
    const { work, lookups } = await check(token, []);
    expect(await refusalOf(work)).toMatchObject({ rule: 'issuer_untrusted' });
    expect(lookups).toEqual([]);
  });

  it('is one of several that are trusted', async () => {
    const { result } = await check(token, [identifier('https://other.example'), authServer.id]);
    expect(result.state).toBe('valid');
  });

  it.each<[string, TrustedIssuers]>([
    ['at once', (issuer) => issuer === authServer.id],
    ['after a while', async (issuer) => issuer === authServer.id],
  ])('may be judged by a function that answers %s', async (_what, trusted) => {
    expect((await check(token, trusted)).result.state).toBe('valid');
    const { work, lookups } = await check(await changed({ iss: 'https://other.example' }), trusted);
    expect(await refusalOf(work)).toMatchObject({ rule: 'issuer_untrusted' });
    expect(lookups).toEqual([]);
  });

  it('is not asked about when the token is of another type or has no proper issuer', async () => {
    const asked: string[] = [];
    const trusted = (issuer: string): boolean => asked.push(issuer) > 0;
    const { header, payload } = decoded(token);
    const other = await compact({ ...header, typ: 'JWT' }, payload, authServer.keys.current);
    await refusalOf((await check(other, trusted)).work);
    await refusalOf((await check(await changed({ iss: 'https://as.example/' }), trusted)).work);
    expect(asked).toEqual([]);
    expect((await check(token, trusted)).result.state).toBe('valid');
    expect(asked).toEqual([authServer.id]);
  });

  it('is not trusted when the function that judges it fails', async () => {
    const trusted = (): boolean => {
      throw new TypeError('no answer');
    };
    await expect((await check(token, trusted)).work).rejects.toThrow(TypeError);
  });
});

describe('issuing an auth token', () => {
  const issue = (claims: JsonObject, more: { agent?: ServerIdentifier } = {}) =>
    issueAuthToken(authServer.keys.current, {
      issuer: authServer.id,
      audience: agent.id,
      confirmation: agent.key.publicJwk,
      claims,
      now: NOW,
      tokenId: 'id',
      ...more,
    });

  it('takes further claims', async () => {
    const claims = { name: 'Test User', email: 'a@b.example', email_verified: true };
    expect(decoded(await issue(claims)).payload).toMatchObject(claims);
  });

  it('never lets further claims set what the token grants, there or not', async () => {
    const plain = decoded(await issue({})).payload;
    const grants = {
      iss: 'x',
      aud: 'x',
      cnf: 'x',
      scope: 'admin',
      exp: 1,
      nbf: NOW + 99,
      iat: 1,
      jti: 'x',
      agent: 'https://evil.example',
      agent_delegate: 'x',
      sub: 'admin',
    };
    expect(decoded(await issue(grants)).payload).toEqual(plain);
    const named = decoded(await issue({ agent: 'https://evil.example' }, { agent: agent.id }));
    expect(named.payload['agent']).toBe(agent.id);
  });

  it('leaves out what was not granted', async () => {
    expect(Object.keys(decoded(await issue({})).payload)).toEqual([
      'iss',
      'aud',
      'cnf',
      'exp',
      'iat',
      'jti',
    ]);
  });
});
