import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { decodeBase64Url, utf8 } from '@countersign/httpsig';
import { hashSecret } from '@countersign/protocol';
import { decoded, makeDelegate } from '../../../protocol/test/kit.js';
import { type AccessRequest, alwaysAskPerson, neverAskPerson } from '../../src/index.js';
import { Bench, ISSUER } from './kit.js';

let bench: Bench;
beforeAll(async () => {
  bench = await Bench.open();
});
afterAll(() => bench.close());
afterEach(() => {
  bench.policy = alwaysAskPerson;
});

const STORED = ['pending_decisions', 'grants', 'codes', 'refresh_tokens', 'issued_tokens'];
const rows = () => STORED.map((table) => bench.count(table));

describe('request_type=auth when a person must decide', () => {
  it('answers with a request token of 256 bits and ten minutes, not to be stored', async () => {
    const answer = await bench.token(await bench.accessRequest());
    expect(answer.status).toBe(200);
    expect(Object.keys(answer.json)).toEqual(['request_token', 'expires_in']);
    expect(answer.json['expires_in']).toBe(600);
    expect(decodeBase64Url(String(answer.json['request_token']))).toHaveLength(32);
    expect(answer.headers.get('cache-control')).toBe('no-store');
    expect(answer.headers.get('content-type')).toBe('application/json');
  });

  it('stores the question under the hash of the request token, and issues nothing', async () => {
    const [, ...issued] = rows();
    const { state, ...parameters } = { ...(await bench.accessRequest()), state: 'xyzzy' };
    const { json } = await bench.token({ ...parameters, state });
    const stored = bench.contents()['pending_decisions']?.at(-1);
    expect(stored).toMatchObject({
      id_hash: await hashSecret(String(json['request_token'])),
      agent: bench.agent.id,
      delegate: null,
      audience: bench.resource.id,
      redirect_uri: bench.redirectUri,
      state: 'xyzzy',
      created_at: bench.clock(),
      expires_at: bench.clock() + 600,
      claimed_by: null,
      outcome: null,
    });
    expect(rows().slice(1)).toEqual(issued);
    expect(JSON.stringify(bench.contents())).not.toContain(String(json['request_token']));
  });

  it('makes another request token for the same request', async () => {
    const parameters = await bench.accessRequest();
    const [one, other] = [await bench.token(parameters), await bench.token(parameters)];
    expect(one.json['request_token']).not.toBe(other.json['request_token']);
  });

  it('remembers which delegate asks', async () => {
    const delegate = await makeDelegate(bench.agent, { sub: 'laptop', now: bench.clock() });
    const answer = await bench.token(await bench.accessRequest({ signer: delegate }), delegate);
    expect(answer.status).toBe(200);
    expect(bench.contents()['pending_decisions']?.at(-1)).toMatchObject({
      agent: bench.agent.id,
      delegate: 'laptop',
    });
  });

  it('lets an agent have so many undecided requests and answers the next with 429', async () => {
    const server = await bench.serverWith({ maxPendingPerAgent: bench.count('pending_decisions') });
    const before = bench.contents();
    const answer = await bench.token(await bench.accessRequest(), bench.agent, server);
    expect(answer.status).toBe(429);
    expect(answer.headers.get('retry-after')).toBe('600');
    expect(answer.json['error']).toBe('temporarily_unavailable');
    expect(bench.contents()).toEqual(before);
    // Through a delegate it is still the same agent.
    const delegate = await makeDelegate(bench.agent, { now: bench.clock() });
    const again = await bench.accessRequest({ signer: delegate });
    expect((await bench.token(again, delegate, server)).status).toBe(429);
    const roomier = await bench.serverWith({
      maxPendingPerAgent: bench.count('pending_decisions') + 1,
    });
    expect((await bench.token(await bench.accessRequest(), bench.agent, roomier)).status).toBe(200);
  });
});

describe('request_type=auth when policy grants', () => {
  it('answers with an auth token without sub, bound to the key of the request, and a refresh token', async () => {
    bench.policy = () => ({ decision: 'grant' });
    const [waiting] = rows();
    const answer = await bench.token(await bench.accessRequest({ scope: ['data.read'] }));
    expect(answer.status).toBe(200);
    expect(answer.headers.get('cache-control')).toBe('no-store');
    expect(Object.keys(answer.json)).toEqual([
      'auth_token',
      'expires_in',
      'token_type',
      'refresh_token',
    ]);
    expect(answer.json).toMatchObject({ expires_in: 3600, token_type: 'Bearer' });
    const { header, payload } = decoded(String(answer.json['auth_token']));
    expect(header).toMatchObject({ alg: 'EdDSA', typ: 'auth+jwt' });
    expect(payload).toEqual({
      iss: ISSUER,
      aud: bench.resource.id,
      cnf: { jwk: bench.agent.keys.current.publicJwk },
      scope: 'data.read',
      exp: bench.clock() + 3600,
      agent: bench.agent.id,
      iat: bench.clock(),
      jti: expect.stringMatching(/^[\w-]{22}$/u),
    });
    expect(bench.contents()['issued_tokens']?.at(-1)).toMatchObject({
      jti: payload['jti'],
      subject: null,
      agent: bench.agent.id,
      audience: bench.resource.id,
    });
    expect(rows()).toEqual([waiting, 1, 0, 1, 1]);
  });

  it('names the delegate in the token', async () => {
    bench.policy = () => ({ decision: 'grant' });
    const delegate = await makeDelegate(bench.agent, { sub: 'laptop', now: bench.clock() });
    const answer = await bench.token(await bench.accessRequest({ signer: delegate }), delegate);
    expect(decoded(String(answer.json['auth_token'])).payload).toMatchObject({
      agent: bench.agent.id,
      agent_delegate: 'laptop',
      cnf: { jwk: delegate.key.publicJwk },
    });
  });

  it('asks nobody where the agent may be redirected to, since it never is', async () => {
    bench.policy = neverAskPerson;
    const parameters = await bench.accessRequest();
    const redirect_uri = 'https://unpublished.example/callback';
    expect((await bench.token({ ...parameters, redirect_uri })).status).toBe(200);
    const { redirect_uri: _left, ...without } = parameters;
    const before = bench.contents();
    const answer = await bench.token(without);
    expect([answer.status, answer.json['error']]).toEqual([400, 'invalid_request']);
    expect(bench.contents()).toEqual(before);
  });

  it('does not sign a person in: a sign-in needs one', async () => {
    bench.policy = () => ({ decision: 'grant' });
    const before = bench.contents();
    const answer = await bench.token({
      request_type: 'auth',
      scope: 'openid',
      redirect_uri: bench.redirectUri,
    });
    expect([answer.status, answer.json['error']]).toEqual([403, 'access_denied']);
    expect(bench.contents()).toEqual(before);
  });
});

describe('The policy', () => {
  it('denies with 403 access_denied, and nothing is stored', async () => {
    bench.policy = () => ({ decision: 'deny' });
    const before = bench.contents();
    const answer = await bench.token(await bench.accessRequest());
    expect([answer.status, answer.json['error']]).toEqual([403, 'access_denied']);
    expect(answer.headers.get('agent-auth')).toBeNull();
    expect(bench.contents()).toEqual(before);
  });

  it('is given what has been verified, and nothing of what the form claims beside it', async () => {
    const asked: AccessRequest[] = [];
    bench.policy = (request) => {
      asked.push(request);
      return { decision: 'deny' };
    };
    const delegate = await makeDelegate(bench.agent, { sub: 'laptop', now: bench.clock() });
    const lies = { agent: 'https://liar.example', audience: 'https://liar.example', sub: 'root' };
    await bench.token({ ...(await bench.accessRequest()), ...lies });
    await bench.token(await bench.accessRequest({ signer: delegate }), delegate);
    await bench.token({
      request_type: 'auth',
      scope: 'openid email openid',
      redirect_uri: bench.redirectUri,
      ...lies,
    });
    const { id } = bench.agent;
    const access = { kind: 'access', agent: id, audience: bench.resource.id };
    expect(asked).toEqual([
      { ...access, delegate: undefined, scopes: ['data.read', 'data.write'] },
      { ...access, delegate: 'laptop', scopes: ['data.read', 'data.write'] },
      {
        kind: 'sign-in',
        agent: id,
        delegate: undefined,
        audience: id,
        scopes: ['openid', 'email'],
      },
    ]);
  });

  it('is not asked about a request that is refused anyway', async () => {
    let asked = 0;
    bench.policy = () => {
      asked += 1;
      return { decision: 'grant' };
    };
    const valid = await bench.accessRequest();
    await bench.token({ ...valid, resource_token: `${valid['resource_token']}x` });
    await bench.token({ ...valid, redirect_uri: 'nowhere' });
    await bench.token({ ...valid, state: '' });
    expect(asked).toBe(0);
    await bench.token(valid);
    expect(asked).toBe(1);
  });

  it.each([
    ['throws', () => Promise.reject(new Error('/etc/policy.yaml: rule for s3cret is broken'))],
    ['returns nothing', () => undefined as never],
    ['returns something unheard of', () => ({ decision: 'perhaps' }) as never],
  ])('that %s is a fault of the server, with nothing of it in the answer', async (_, policy) => {
    bench.policy = policy;
    const before = bench.contents();
    const answer = await bench.token(await bench.accessRequest());
    expect(answer.status).toBe(500);
    expect(answer.json).toEqual({
      error: 'server_error',
      error_description: 'The server made a mistake; it has been logged.',
    });
    expect(bench.refused.at(-1)?.cause).toBeInstanceOf(Error);
    expect(bench.contents()).toEqual(before);
    bench.policy = alwaysAskPerson;
    expect((await bench.token(await bench.accessRequest())).status).toBe(200);
  });
});

describe('What is asked for', () => {
  const refusal = async (change: Record<string, string | undefined>): Promise<unknown> => {
    const before = bench.contents();
    const all = Object.entries({ ...(await bench.accessRequest()), ...change });
    const sent = all.filter((entry): entry is [string, string] => entry[1] !== undefined);
    const { status, json } = await bench.token(Object.fromEntries(sent));
    if (status !== 200) expect(bench.contents()).toEqual(before);
    return status === 200 ? 200 : [status, json['error']];
  };

  it('is one of resource_token and scope: not both, not neither', async () => {
    expect(await refusal({})).toBe(200);
    expect(await refusal({ scope: 'openid', resource_token: undefined })).toBe(200);
    expect(await refusal({ scope: 'openid' })).toEqual([400, 'invalid_request']);
    expect(await refusal({ scope: '' })).toEqual([400, 'invalid_request']);
    expect(await refusal({ resource_token: undefined })).toEqual([400, 'invalid_request']);
  });

  it('is never an auth_request_url, beside or instead of another', async () => {
    const auth_request_url = `${bench.resource.id}/requests/1`;
    const before = bench.discovery.lookups.filter(({ of }) => of === auth_request_url).length;
    expect(await refusal({ auth_request_url })).toEqual([400, 'invalid_request']);
    expect(await refusal({ auth_request_url, resource_token: undefined })).toEqual([
      400,
      'invalid_request',
    ]);
    expect(bench.discovery.lookups.filter(({ of }) => of === auth_request_url)).toHaveLength(
      before,
    );
  });

  it.each(['', 'openid  email', ' openid', 'openid\temail', 'open"id', 'é', 'x'.repeat(101)])(
    'cannot be the malformed scope "%s"',
    async (scope) => {
      expect(await refusal({ scope, resource_token: undefined })).toEqual([400, 'invalid_scope']);
    },
  );

  it('may carry a state of 1 to 1024 printable characters, kept as it is', async () => {
    const state = ' a+b%20&=#~" <'.padEnd(1024, 'z');
    expect(utf8(state)).toHaveLength(1024);
    expect(await refusal({ state })).toBe(200);
    expect(bench.contents()['pending_decisions']?.at(-1)?.['state']).toBe(state);
  });

  it.each(['', 'a\nb', 'a\u0000', 'é', 'a\u007f', 'z'.repeat(1025)])(
    'may not carry the state %j',
    async (state) => {
      expect(await refusal({ state })).toEqual([400, 'invalid_request']);
    },
  );
});
