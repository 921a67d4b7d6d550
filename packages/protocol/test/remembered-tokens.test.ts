import { createRequestVerifier, type RequestVerifierOptions } from '@countersign/protocol';
import { describe, expect, it, vi } from 'vitest';
import {
  authTokenFor,
  FakeDiscovery,
  holder,
  makeAgent,
  makeAuthServer,
  makeDelegate,
  makeKeys,
  makeResource,
  NOW,
  refusalOf,
  signedMessage,
  type Signer,
  testClock,
} from './kit.js';

const [agent, resource, authServer] = await Promise.all([
  makeAgent(),
  makeResource(),
  makeAuthServer(),
]);

/** A receiver, and a count of how often the issuer's key has checked a token's signature. */
function receiver(options: Partial<RequestVerifierOptions> = {}) {
  const discovery = new FakeDiscovery().publishAgent(agent).publishAuthServer(authServer);
  const clock = testClock();
  let checks = 0;
  const counting: typeof discovery.publishedKey = async (kind, id, kid) => {
    const key = await FakeDiscovery.prototype.publishedKey.call(discovery, kind, id, kid);
    if (key === undefined) return undefined;
    return {
      ...key,
      thumbprint: key.thumbprint,
      verify: async (signature, data) => {
        checks += 1;
        return await key.verify(signature, data);
      },
    };
  };
  vi.spyOn(discovery, 'publishedKey').mockImplementation(counting);
  const verify = createRequestVerifier({
    id: resource.id,
    discovery,
    clock,
    trustedIssuers: [authServer.id],
    ...options,
  });
  const request = async (signer: Signer) =>
    await verify(await signedMessage(signer, { url: `${resource.id}/data`, created: clock() }));
  return { discovery, clock, request, checks: () => checks };
}

const token = await authTokenFor(authServer, resource, agent);
const tokenHolder = holder(agent.key, token);

describe('a token that has been verified', () => {
  it('is not verified again', async () => {
    const { request, checks } = receiver();
    const first = await request(tokenHolder);
    const second = await request(tokenHolder);
    expect(checks()).toBe(1);
    expect(second.caller).toEqual(first.caller);
    expect(second.caller).toMatchObject({ kind: 'token-holder', token: { subject: 'testuser' } });
  });

  it('is not verified again when it is an agent token', async () => {
    const { request, checks } = receiver();
    const delegate = await makeDelegate(agent);
    await request(delegate);
    const { caller } = await request(delegate);
    expect(checks()).toBe(1);
    expect(caller).toMatchObject({ kind: 'agent', agent: agent.id, delegate: 'delegate-1' });
  });

  it('still needs a signature by the key it is bound to', async () => {
    const { request } = receiver();
    await request(tokenHolder);
    const thief = await makeAgent('https://thief.example');
    expect(await refusalOf(request(holder(thief.key, token)))).toMatchObject({
      rule: 'signature_invalid',
    });
  });

  it('is forgotten when it expires', async () => {
    const { clock, request } = receiver();
    await request(tokenHolder);
    clock.advance(3609);
    await expect(request(tokenHolder)).resolves.toMatchObject({ caller: { kind: 'token-holder' } });
    clock.advance(1);
    const { caller } = await request(tokenHolder);
    expect(caller.kind).toBe('expired-token-holder');
  });

  it('is refused once its key has gone from the JWKS of its issuer', async () => {
    const { clock, discovery, request } = receiver();
    await request(tokenHolder);
    clock.advance(1);
    discovery.publishKeys(`${authServer.id}/jwks.json`, []);
    expect(await refusalOf(request(tokenHolder))).toMatchObject({ rule: 'kid_unknown' });
  });

  it('is refused once another key has taken the kid of its own', async () => {
    const { clock, discovery, request } = receiver();
    await request(tokenHolder);
    clock.advance(1);
    const others = await makeKeys('auth-key-1');
    discovery.publishKeys(`${authServer.id}/jwks.json`, others.jwks.keys);
    expect(await refusalOf(request(tokenHolder))).toMatchObject({ rule: 'token_signature' });
  });

  it('is refused once its issuer is not trusted any more', async () => {
    let trusted = true;
    const { clock, request } = receiver({ trustedIssuers: () => trusted });
    await request(tokenHolder);
    clock.advance(1);
    trusted = false;
    expect(await refusalOf(request(tokenHolder))).toMatchObject({ rule: 'issuer_untrusted' });
  });

  it('means nothing to a receiver with other expectations', async () => {
    const { request } = receiver();
    await request(tokenHolder);
    const other = receiver({ id: (await makeResource('https://other.example')).id });
    const message = signedMessage(tokenHolder, { url: 'https://other.example/data' });
    const verify = createRequestVerifier({
      id: (await makeResource('https://other.example')).id,
      discovery: other.discovery,
      clock: other.clock,
      trustedIssuers: [authServer.id],
    });
    expect(await refusalOf(verify(await message))).toMatchObject({ rule: 'aud_other' });
  });
});

describe('the memory of tokens', () => {
  it('is bounded, and keeps the token that is in use', async () => {
    const { request, checks } = receiver({ maxRememberedTokens: 10 });
    await request(tokenHolder);
    await request(tokenHolder);
    for (let at = 0; at < 40; at++) {
      const one = await authTokenFor(authServer, resource, agent, {
        subject: `person-${at}`,
        now: NOW,
      });
      await request(holder(agent.key, one));
    }
    const before = checks();
    await request(tokenHolder);
    expect(checks()).toBe(before);
  });

  it('keeps no token that was refused', async () => {
    const { request, checks } = receiver();
    const forged = `${token.slice(0, -8)}AAAAAAAA`;
    for (let at = 0; at < 2; at++) {
      await refusalOf(request(holder(agent.key, forged)));
    }
    expect(checks()).toBe(2);
  });
});
