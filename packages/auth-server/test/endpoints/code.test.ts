import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decodeBase64Url, importVerificationKey } from '@countersign/httpsig';
import { decodeJws, hashSecret, verifyJws } from '@countersign/protocol';
import { decoded, makeAgent, makeDelegate, type Signer } from '../../../protocol/test/kit.js';
import { type Answer, Bench, ISSUER, headersButId } from './kit.js';

let bench: Bench;
beforeAll(async () => {
  bench = await Bench.open();
});
afterAll(() => bench.close());

const redeem = (code: string, signer?: Signer, more: Record<string, string> = {}) =>
  bench.token({ request_type: 'code', code, redirect_uri: bench.redirectUri, ...more }, signer);

const everything = ({ status, text, headers }: Answer) => [status, text, headersButId(headers)];

async function expectInvalid(answer: Answer, rule: string): Promise<void> {
  expect([answer.status, answer.json['error']]).toEqual([400, 'invalid_grant']);
  expect(bench.refused.at(-1)?.rule).toBe(rule);
}

describe('request_type=code', () => {
  it('answers an approval with exactly these members and claims', async () => {
    const code = await bench.approvedCode({ scope: ['data.read', 'data.write'] });
    bench.clock.advance(7);
    const answer = await redeem(code);
    expect(answer.status).toBe(200);
    expect(answer.headers.get('cache-control')).toBe('no-store');
    expect(Object.keys(answer.json)).toEqual([
      'auth_token',
      'expires_in',
      'token_type',
      'refresh_token',
    ]);
    expect(answer.json).toMatchObject({ expires_in: 3600, token_type: 'Bearer' });
    expect(decodeBase64Url(String(answer.json['refresh_token']))).toHaveLength(32);
    const token = String(answer.json['auth_token']);
    const { header, payload } = decoded(token);
    expect(Object.entries(payload)).toEqual(
      Object.entries({
        iss: ISSUER,
        aud: bench.resource.id,
        cnf: { jwk: bench.agent.keys.current.publicJwk },
        scope: 'data.read data.write',
        exp: bench.clock() + 3600,
        agent: bench.agent.id,
        sub: 'sub-ada',
        iat: bench.clock(),
        jti: payload['jti'],
      }),
    );
    expect(decodeBase64Url(String(payload['jti']))).toHaveLength(16);
    const published = await (await bench.server.handle(new Request(`${ISSUER}/jwks.json`))).json();
    const [jwk] = (published as { keys: { kid: string }[] }).keys;
    expect(header).toEqual({ alg: 'EdDSA', kid: jwk?.kid, typ: 'auth+jwt' });
    const jws = decodeJws(token);
    if (typeof jws === 'string') throw new Error(jws);
    expect(await verifyJws(jws, await importVerificationKey(jwk))).toBe(true);
  });

  it('stores the hash of the refresh token and a ledger row, and none of the secrets', async () => {
    const code = await bench.approvedCode();
    const { json } = await redeem(code);
    const stored = bench.contents();
    const refreshToken = String(json['refresh_token']);
    const { payload } = decoded(String(json['auth_token']));
    expect(stored['refresh_tokens']?.at(-1)).toMatchObject({
      hash: await hashSecret(refreshToken),
      agent: bench.agent.id,
      delegate: null,
      subject: 'sub-ada',
    });
    expect(stored['issued_tokens']?.at(-1)).toMatchObject({
      jti: payload['jti'],
      subject: 'sub-ada',
      audience: bench.resource.id,
      expires_at: bench.clock() + 3600,
    });
    const text = JSON.stringify(stored);
    for (const secret of [code, refreshToken, String(json['auth_token'])]) {
      expect(text).not.toContain(secret);
    }
  });

  it('binds the token to the key that signed this request, in its public members only', async () => {
    const { keys } = bench.agent.keys.jwks;
    const rotated = { ...bench.rotated.key.publicJwk, kid: 'key-2' };
    bench.discovery.publishKeys(`${bench.agent.id}/jwks.json`, [
      ...keys,
      { ...rotated, use: 'sig', alg: 'EdDSA', d: 'c2VjcmV0', x5c: ['x'], note: 'mine' },
    ]);
    const { json } = await redeem(await bench.approvedCode(), bench.rotated);
    const { payload } = decoded(String(json['auth_token']));
    expect(payload['cnf']).toEqual({ jwk: rotated });
  });

  it('takes a code without redirect_uri, since the code is bound already', async () => {
    const code = await bench.approvedCode();
    expect((await bench.token({ request_type: 'code', code })).status).toBe(200);
  });

  it('must carry a code', async () => {
    for (const parameters of [{}, { code: '' }]) {
      const answer = await bench.token({ request_type: 'code', ...parameters });
      expect([answer.status, answer.json['error']]).toEqual([400, 'invalid_request']);
    }
  });

  it('answers a wrong, used, expired, foreign or misdirected code in the same bytes', async () => {
    const other = await makeAgent('https://other.example');
    bench.discovery.publishAgent(other);
    const delegate = await makeDelegate(bench.agent, { now: bench.clock() });

    const wrong = await redeem('A'.repeat(43));
    await expectInvalid(wrong, 'code_unknown');
    expect(wrong.text).not.toContain('AAAA');

    const used = await bench.approvedCode();
    expect((await redeem(used)).status).toBe(200);
    const again = await redeem(used);
    await expectInvalid(again, 'code_reused');

    const code = await bench.approvedCode();
    const before = bench.contents();
    const foreign = await redeem(code, other);
    await expectInvalid(foreign, 'code_foreign');
    const delegates = await redeem(code, delegate);
    await expectInvalid(delegates, 'code_foreign');
    const elsewhere = await redeem(code, bench.agent, { redirect_uri: `${bench.redirectUri}/` });
    await expectInvalid(elsewhere, 'code_redirect_uri_mismatch');
    const nowhere = await redeem(code, bench.agent, { redirect_uri: '' });
    await expectInvalid(nowhere, 'code_redirect_uri_mismatch');
    // None of these spent it, and none of them left anything behind.
    expect(bench.contents()).toEqual(before);
    expect((await redeem(code)).status).toBe(200);

    const late = await bench.approvedCode();
    bench.clock.advance(60);
    const expired = await redeem(late);
    await expectInvalid(expired, 'code_expired');

    for (const answer of [again, foreign, delegates, elsewhere, nowhere, expired]) {
      expect(everything(answer)).toEqual(everything(wrong));
    }
  });

  it('takes a code in its last second', async () => {
    const code = await bench.approvedCode();
    bench.clock.advance(59);
    expect((await redeem(code)).status).toBe(200);
  });

  it('looks at the code only after the signature has been verified', async () => {
    const code = await bench.approvedCode();
    const request = await bench.tokenRequest({ request_type: 'code', code });
    const headers = new Headers(request.headers);
    headers.set('signature', `sig1=:${Buffer.alloc(64, 1).toString('base64')}:`);
    const forged = new Request(request, { headers });
    const before = bench.contents();
    expect((await bench.send(forged)).status).toBe(401);
    expect(bench.contents()).toEqual(before);
    expect((await redeem(code)).status).toBe(200);
  });

  it('used a second time revokes the refresh token of the first, and only that', async () => {
    const untouched = String((await bench.granted())['refresh_token']);
    const code = await bench.approvedCode();
    const refresh = String((await redeem(code)).json['refresh_token']);
    const use = (refresh_token: string) => bench.token({ request_type: 'refresh', refresh_token });
    expect((await use(refresh)).status).toBe(200);
    await expectInvalid(await redeem(code), 'code_reused');
    expect((await use(refresh)).status).toBe(400);
    expect((await use(untouched)).status).toBe(200);
  });

  it('used a second time by somebody else revokes nothing', async () => {
    const other = await makeAgent('https://other.example');
    bench.discovery.publishAgent(other);
    const code = await bench.approvedCode();
    const refresh_token = String((await redeem(code)).json['refresh_token']);
    await expectInvalid(await redeem(code, other), 'code_foreign');
    expect((await bench.token({ request_type: 'refresh', refresh_token })).status).toBe(200);
  });

  it('has one winner among a hundred at once', async () => {
    const code = await bench.approvedCode();
    const tokens = bench.count('issued_tokens');
    const requests = await Promise.all(
      Array.from({ length: 100 }, () => bench.tokenRequest({ request_type: 'code', code })),
    );
    const answers = await Promise.all(requests.map((request) => bench.send(request)));
    const winners = answers.filter(({ status }) => status === 200);
    expect(winners).toHaveLength(1);
    expect(answers.filter(({ status }) => status === 400)).toHaveLength(99);
    expect(bench.count('issued_tokens')).toBe(tokens + 1);
    // Ninety-nine second uses: what the first one made is revoked.
    const refresh_token = String(winners[0]?.json['refresh_token']);
    expect((await bench.token({ request_type: 'refresh', refresh_token })).status).toBe(400);
  });

  it('belongs to the delegate that asked: neither its agent nor another delegate may use it', async () => {
    const laptop = await makeDelegate(bench.agent, { sub: 'laptop', now: bench.clock() });
    const phone = await makeDelegate(bench.agent, { sub: 'phone', now: bench.clock() });
    const code = await bench.approvedCode({ signer: laptop });
    await expectInvalid(await redeem(code), 'code_foreign');
    await expectInvalid(await redeem(code, phone), 'code_foreign');
    // The same delegate with a new key is the same delegate.
    const renewed = await makeDelegate(bench.agent, { sub: 'laptop', now: bench.clock() });
    const answer = await redeem(code, renewed);
    expect(answer.status).toBe(200);
    const { payload } = decoded(String(answer.json['auth_token']));
    expect(payload).toMatchObject({
      agent: bench.agent.id,
      agent_delegate: 'laptop',
      sub: 'sub-ada',
      cnf: { jwk: renewed.key.publicJwk },
    });
  });

  it('is refused once the approval has been withdrawn or the person disabled', async () => {
    const withdrawn = await bench.approvedCode();
    await bench.withdraw('ada');
    await expectInvalid(await redeem(withdrawn), 'code_revoked');

    await bench.addPerson('zoe');
    const code = await bench.approvedCode({ username: 'zoe' });
    await bench.storage.users.disable('user-zoe', bench.clock());
    await expectInvalid(await redeem(code), 'code_unknown');
  });
});
