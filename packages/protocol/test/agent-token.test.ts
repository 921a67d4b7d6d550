import { importVerificationKey } from '@countersign/httpsig';
import { type JsonObject, verifyAgentToken } from '@countersign/protocol';
import { describe, expect, it } from 'vitest';
import { compact, decoded, identifier, makeDelegate, makeWorld, NOW, refusalOf } from './kit.js';

const { agent, resource } = await makeWorld();
const delegate = await makeDelegate(agent, { sub: 'delegate-1' });
const key = await importVerificationKey(agent.key.publicJwk);

async function check(token: string, audience = resource.id) {
  let lookups = 0;
  const work = verifyAgentToken(token, {
    now: NOW,
    audience,
    findKey: async () => {
      lookups += 1;
      return key;
    },
  });
  const result = await work.catch((error: unknown) => error);
  return { work, result, lookups };
}

const changed = (change: JsonObject): Promise<string> => {
  const { header, payload } = decoded(delegate.jwt);
  return compact(header, { ...payload, ...change }, agent.key);
};

describe('an agent token', () => {
  it('says who acts for whom, with which key and until when', async () => {
    const { result } = await check(delegate.jwt);
    expect(result).toMatchObject({
      agent: agent.id,
      delegate: 'delegate-1',
      expiresAt: NOW + 3600,
      confirmation: { thumbprint: delegate.key.thumbprint },
    });
  });

  it('is issued for an hour, with iat and jti, and the public members of the key', async () => {
    expect(decoded(delegate.jwt)).toEqual({
      header: { alg: 'EdDSA', kid: 'key-1', typ: 'agent+jwt' },
      payload: {
        iss: agent.id,
        sub: 'delegate-1',
        cnf: { jwk: delegate.key.publicJwk },
        exp: NOW + 3600,
        iat: NOW,
        jti: `agent-token-${NOW}`,
      },
    });
  });

  it('may name its receiver', async () => {
    const { jwt } = await makeDelegate(agent, { audience: resource.id });
    expect(decoded(jwt).payload['aud']).toBe(resource.id);
    expect((await check(jwt)).result).toHaveProperty('delegate');
  });

  it('may name its receiver among others', async () => {
    const token = await changed({ aud: ['https://other.example', resource.id] });
    expect((await check(token)).result).toHaveProperty('delegate');
  });

  it.each<[string, unknown]>([
    ['someone else', 'https://other.example'],
    ['others only', ['https://other.example', 'https://third.example']],
    ['nobody', []],
    ['the empty text', ''],
    ['null', null],
    ['another spelling of the receiver', 'https://rs.example/'],
    ['the receiver inside a list in a list', [['https://rs.example']]],
    ['the receiver as a member', { 'https://rs.example': true }],
    ['several in one text', 'https://rs.example https://other.example'],
  ])('that names %s is refused before any look-up', async (_what, aud) => {
    const { work, lookups } = await check(await changed({ aud }));
    expect(await refusalOf(work)).toMatchObject({ code: 'invalid_token', rule: 'aud_other' });
    expect(lookups).toBe(0);
  });

  it('for one receiver is refused by another', async () => {
    const { jwt } = await makeDelegate(agent, { audience: resource.id });
    const { work } = await check(jwt, identifier('https://other.example'));
    expect(await refusalOf(work)).toMatchObject({ rule: 'aud_other' });
  });
});
