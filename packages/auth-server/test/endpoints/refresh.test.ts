import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decoded, makeAgent, makeDelegate, type Signer } from '../../../protocol/test/kit.js';
import { Bench } from './kit.js';

const DAY = 86_400;

let bench: Bench;
beforeAll(async () => {
  bench = await Bench.open();
});
afterAll(() => bench.close());

const refresh = (refresh_token: unknown, signer?: Signer) =>
  bench.token({ request_type: 'refresh', refresh_token: String(refresh_token) }, signer);

/** A refresh token that ada's approval made. */
const tokenOf = async (more?: Parameters<Bench['granted']>[0]): Promise<string> =>
  String((await bench.granted(more))['refresh_token']);

async function expectRefused(refreshToken: string, signer?: Signer): Promise<string> {
  const before = bench.contents();
  const answer = await refresh(refreshToken, signer);
  expect([answer.status, answer.json['error']]).toEqual([400, 'invalid_grant']);
  expect(answer.text).not.toContain(refreshToken);
  expect(bench.contents()).toEqual(before);
  return answer.text;
}

describe('request_type=refresh', () => {
  it('answers with a new auth token for the same approval, and no new refresh token', async () => {
    const first = await bench.granted({ scope: ['data.read'] });
    bench.clock.advance(1800);
    const answer = await refresh(first['refresh_token']);
    expect(answer.status).toBe(200);
    expect(answer.headers.get('cache-control')).toBe('no-store');
    expect(Object.keys(answer.json)).toEqual(['auth_token', 'expires_in', 'token_type']);
    const { payload: old } = decoded(String(first['auth_token']));
    const { payload } = decoded(String(answer.json['auth_token']));
    expect(payload).toEqual({
      ...old,
      exp: bench.clock() + 3600,
      iat: bench.clock(),
      jti: payload['jti'],
    });
    expect(payload['jti']).not.toBe(old['jti']);
    expect(bench.contents()['issued_tokens']?.at(-1)).toMatchObject({ jti: payload['jti'] });
    // It may be used again.
    expect((await refresh(first['refresh_token'])).status).toBe(200);
  });

  it('carries what was approved for it, not what was approved since', async () => {
    const token = await tokenOf({ scope: ['data.read'] });
    await bench.granted({ scope: ['data.write'] });
    const { json } = await refresh(token);
    expect(decoded(String(json['auth_token'])).payload['scope']).toBe('data.read');
  });

  it('is bound to the agent and not to its key: the new token has the key of this request', async () => {
    const token = await tokenOf();
    const { json } = await refresh(token, bench.rotated);
    expect(decoded(String(json['auth_token'])).payload['cnf']).toEqual({
      jwk: { ...bench.rotated.key.publicJwk, kid: 'key-2' },
    });
  });

  it('must carry a refresh token', async () => {
    for (const parameters of [{}, { refresh_token: '' }]) {
      const answer = await bench.token({ request_type: 'refresh', ...parameters });
      expect([answer.status, answer.json['error']]).toEqual([400, 'invalid_request']);
    }
  });

  it('is refused for an unknown token and for another agent’s in the same bytes', async () => {
    const token = await tokenOf();
    const other = await makeAgent('https://other.example');
    bench.discovery.publishAgent(other);
    expect(await expectRefused(token, other)).toBe(await expectRefused('A'.repeat(43)));
    expect((await refresh(token)).status).toBe(200);
  });

  it('keeps the agent’s own tokens and those of each delegate apart', async () => {
    const now = bench.clock();
    const laptop = await makeDelegate(bench.agent, { sub: 'laptop', now });
    const phone = await makeDelegate(bench.agent, { sub: 'phone', now });
    const agents = await tokenOf();
    const laptops = await tokenOf({ signer: laptop });
    await expectRefused(laptops);
    await expectRefused(laptops, phone);
    await expectRefused(agents, laptop);
    expect((await refresh(agents)).status).toBe(200);
    const renewed = await makeDelegate(bench.agent, { sub: 'laptop', now });
    const { json } = await refresh(laptops, renewed);
    expect(decoded(String(json['auth_token'])).payload).toMatchObject({
      agent_delegate: 'laptop',
      cnf: { jwk: renewed.key.publicJwk },
    });
  });

  it('works without a person where policy granted without one', async () => {
    bench.policy = () => ({ decision: 'grant' });
    const { json } = await bench.token(await bench.accessRequest());
    bench.policy = () => ({ decision: 'deny' });
    const answer = await refresh(json['refresh_token']);
    expect(answer.status).toBe(200);
    expect(decoded(String(answer.json['auth_token'])).payload).not.toHaveProperty('sub');
    bench.policy = () => ({ decision: 'ask-person' });
  });

  it('ends with the grant', async () => {
    const token = await tokenOf();
    await bench.withdraw('ada');
    await expectRefused(token);
    // A new approval does not bring it back.
    const fresh = await tokenOf();
    await expectRefused(token);
    expect((await refresh(fresh)).status).toBe(200);
  });

  it('ends when the person is disabled and does not come back with them', async () => {
    await bench.addPerson('zoe');
    const token = await tokenOf({ username: 'zoe' });
    const untouched = await tokenOf();
    await bench.storage.users.disable('user-zoe', bench.clock());
    await expectRefused(token);
    await bench.storage.users.enable('user-zoe', bench.clock());
    await expectRefused(token);
    expect((await refresh(untouched)).status).toBe(200);
  });

  it('ends after thirty days without use', async () => {
    const [used, unused] = [await tokenOf(), await tokenOf()];
    bench.clock.advance(30 * DAY - 1);
    expect((await refresh(used)).status).toBe(200);
    bench.clock.advance(1);
    expect((await refresh(used)).status).toBe(200);
    await expectRefused(unused);
  });

  it('ends after ninety days however often it is used', async () => {
    const token = await tokenOf();
    for (const days of [29, 29, 29]) {
      bench.clock.advance(days * DAY);
      expect((await refresh(token)).status).toBe(200);
    }
    bench.clock.advance(3 * DAY - 1);
    expect((await refresh(token)).status).toBe(200);
    bench.clock.advance(1);
    await expectRefused(token);
  });

  it('stays ended when the server has swept', async () => {
    const token = await tokenOf();
    bench.clock.advance(31 * DAY);
    await expectRefused(token);
    await bench.server.sweep();
    await expectRefused(token);
  });
});
