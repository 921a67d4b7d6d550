import { importVerificationKey } from '@countersign/httpsig';
import {
  issueResourceToken,
  type JsonObject,
  readResourceToken,
  verifyResourceToken,
} from '@countersign/protocol';
import { describe, expect, it } from 'vitest';
import {
  compact,
  decoded,
  identifier,
  makeAgent,
  makeWorld,
  NOW,
  refusalOf,
  resourceTokenFor,
} from './kit.js';

const { agent, resource, authServer } = await makeWorld();
const token = await resourceTokenFor(resource, authServer, agent, {
  scope: ['data.read', 'data.write'],
});
const expectations = {
  now: NOW,
  audience: authServer.id,
  agent: agent.id,
  agentThumbprint: agent.key.thumbprint,
};
const key = await importVerificationKey(resource.keys.current.publicJwk);

async function check(text: string, expecting: Partial<typeof expectations> = {}) {
  let lookups = 0;
  const work = verifyResourceToken(text, {
    ...expectations,
    ...expecting,
    findKey: async () => {
      lookups += 1;
      return key;
    },
  });
  const result = await work.catch((error: unknown) => error);
  return { work, result, lookups };
}

const changed = (change: JsonObject): Promise<string> => {
  const { header, payload } = decoded(token);
  const members = Object.entries({ ...payload, ...change }).filter(([, one]) => one !== undefined);
  return compact(header, Object.fromEntries(members), resource.keys.current);
};

describe('a resource token', () => {
  it('says which resource asks which auth server for what, for which key of which agent', async () => {
    const { result } = await check(token);
    expect(result).toEqual({
      resource: resource.id,
      authServer: authServer.id,
      agent: agent.id,
      agentThumbprint: agent.key.thumbprint,
      scope: ['data.read', 'data.write'],
      authRequestUrl: undefined,
      expiresAt: NOW + 600,
      tokenId: `resource-token-${NOW}`,
    });
  });

  it('is issued for ten minutes, its members in the order of the transcript', () => {
    expect(JSON.stringify(decoded(token))).toBe(
      JSON.stringify({
        header: { alg: 'EdDSA', kid: 'resource-key-1', typ: 'resource+jwt' },
        payload: {
          iss: resource.id,
          aud: authServer.id,
          agent: agent.id,
          agent_jkt: agent.key.thumbprint,
          scope: 'data.read data.write',
          exp: NOW + 600,
          iat: NOW,
          jti: `resource-token-${NOW}`,
        },
      }),
    );
  });

  it('may name an Auth Request Document instead of scopes', async () => {
    const authRequestUrl = 'https://rs.example/requests/1';
    const text = await issueResourceToken(resource.keys.current, {
      resource: resource.id,
      authServer: authServer.id,
      agent: agent.id,
      agentThumbprint: agent.key.thumbprint,
      authRequestUrl,
      now: NOW,
      tokenId: 'x',
    });
    expect((await check(text)).result).toMatchObject({ scope: [], authRequestUrl });
  });

  it.each<[string, JsonObject, string]>([
    ['another auth server', { aud: 'https://other.example' }, 'aud_other'],
    ['itself as audience', { aud: 'https://rs.example' }, 'aud_other'],
    ['another agent', { agent: 'https://other.example' }, 'agent_other'],
    ['another key', { agent_jkt: resource.keys.current.thumbprint }, 'agent_jkt_other'],
    ['a thumbprint with padding', { agent_jkt: `${agent.key.thumbprint}=` }, 'agent_jkt_other'],
    ['neither scope nor document', { scope: undefined }, 'scope_missing'],
    ['an empty scope', { scope: '' }, 'scope_invalid'],
    ['a null scope', { scope: null }, 'scope_invalid'],
    ['a list of scopes', { scope: ['data.read'] }, 'scope_invalid'],
    ['two spaces between scopes', { scope: 'a  b' }, 'scope_invalid'],
    ['65 scopes', { scope: Array.from({ length: 65 }, (_, at) => at).join(' ') }, 'scope_invalid'],
    ['a document that is no text', { auth_request_url: 1 }, 'auth_request_url_invalid'],
    ['a jti that is no text', { jti: 1 }, 'jti_invalid'],
  ])('that names %s is refused before any look-up', async (_what, change, rule) => {
    const { work, lookups } = await check(await changed(change));
    expect(await refusalOf(work)).toMatchObject({ code: 'invalid_resource_token', rule });
    expect(lookups).toBe(0);
  });

  it('is refused for a request that another key of the agent signed', async () => {
    const other = await makeAgent();
    const { work } = await check(token, { agentThumbprint: other.key.thumbprint });
    expect(await refusalOf(work)).toMatchObject({ rule: 'agent_jkt_other' });
  });

  it('is refused for a request that another agent signed', async () => {
    const { work } = await check(token, { agent: identifier('https://other.example') });
    expect(await refusalOf(work)).toMatchObject({ rule: 'agent_other' });
  });

  it('is refused by another auth server', async () => {
    const { work } = await check(token, { audience: identifier('https://other.example') });
    expect(await refusalOf(work)).toMatchObject({ rule: 'aud_other' });
  });
});

describe('reading a resource token', () => {
  it('gives its claims, whoever signed it and however old it is', async () => {
    const { header, payload } = decoded(token);
    const forged = await compact(header, { ...payload, exp: 1 }, agent.key);
    expect(readResourceToken(forged, {})).toMatchObject({ resource: resource.id, expiresAt: 1 });
  });

  it.each<[string, JsonObject, string]>([
    ['no exp', { exp: undefined }, 'exp_missing'],
    ['an exp that is a text', { exp: '1' }, 'exp_invalid'],
    ['no agent', { agent: undefined }, 'agent_missing'],
    ['no scope', { scope: undefined }, 'scope_missing'],
    ['an iss that is no identifier', { iss: 'https://rs.example/' }, 'iss_invalid'],
  ])('is refused for %s', async (_what, change, rule) => {
    const text = await changed(change);
    const error = await refusalOf((async () => readResourceToken(text, {}))());
    expect(error).toMatchObject({ code: 'invalid_resource_token', rule });
  });
});
