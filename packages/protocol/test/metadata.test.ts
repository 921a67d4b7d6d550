import {
  agentDocument,
  agentMetadata,
  authServerDocument,
  authServerMetadata,
  type JsonObject,
  resourceDocument,
  resourceMetadata,
} from '@countersign/protocol';
import { describe, expect, it } from 'vitest';
import { identifier } from './kit.js';

const id = identifier('https://party.example');
const kinds = { agent: agentMetadata, resource: resourceMetadata, issuer: authServerMetadata };

/** Documents with the required members only, as minimal peers publish them. */
const minimal: Record<keyof typeof kinds, JsonObject> = {
  agent: { agent: id, jwks_uri: `${id}/jwks.json` },
  resource: { resource: id, jwks_uri: `${id}/jwks.json` },
  issuer: {
    issuer: id,
    jwks_uri: `${id}/jwks.json`,
    agent_token_endpoint: `${id}/agent/token`,
    agent_auth_endpoint: `${id}/agent/auth`,
  },
};

const names = ['agent', 'resource', 'issuer'] as const;

it.each([
  ['agent', 'aauth-agent'],
  ['resource', 'aauth-resource'],
  ['issuer', 'aauth-issuer'],
] as const)('the document of the %s is found as %s', (name, wellKnown) => {
  expect(kinds[name].wellKnown).toBe(wellKnown);
});

describe.each(names)('the metadata of the %s', (name) => {
  const read = (change: JsonObject = {}) =>
    kinds[name].read({ ...minimal[name], ...change }, id, {});

  it('is read from a document with the required members only', () => {
    expect(read()).toMatchObject({ [name]: id, jwksUri: `${id}/jwks.json` });
  });

  it('is read from a document with members nobody knows', () => {
    expect(read({ other: { a: 1 }, mtls: null })).toEqual(read());
  });

  it.each<[string, unknown]>([
    ['missing', undefined],
    ['null', null],
    ['somebody else', 'https://other.example'],
    ['followed by a slash', `${id}/`],
    ['in upper case', 'https://PARTY.example'],
    ['with its default port', `${id}:443`],
    ['in a list', [id]],
    ['a number', 1],
  ])('is refused when its own identifier is %s', (_what, value) => {
    expect(read({ [name]: value })).toBe(undefined);
  });

  it.each(names.filter((one) => one !== name))('is refused when it is named as %s', (other) => {
    expect(read({ [name]: undefined, [other]: id })).toBe(undefined);
  });

  it.each<[string, unknown]>([
    ['missing', undefined],
    ['null', null],
    ['empty', ''],
    ['a list', [`${id}/jwks.json`]],
    ['an object', { keys: [] }],
    ['over 2,048 characters', `${id}/${'a'.repeat(2048)}`],
  ])('is refused when jwks_uri is %s', (_what, value) => {
    expect(read({ jwks_uri: value })).toBe(undefined);
  });

  it('may have its keys elsewhere', () => {
    const elsewhere = 'https://keys.example/party/jwks.json';
    expect(read({ jwks_uri: elsewhere })).toMatchObject({ jwksUri: elsewhere });
  });
});

const elsewhere: readonly (readonly [string, unknown])[] = [
  ['missing', undefined],
  ['null', null],
  ['a list', [`${id}/agent/token`]],
  ['on another host', 'https://other.example/agent/token'],
  ['on a subdomain', 'https://a.party.example/agent/token'],
  ['on a host that begins alike', 'https://party.example.evil.example/agent/token'],
  ['on another port', 'https://party.example:8443/agent/token'],
  ['plain http', 'http://party.example/agent/token'],
  ['a path only', '/agent/token'],
  ['with user info', 'https://a@party.example/agent/token'],
  ['with a fragment', `${id}/agent/token#a`],
  ['with a line break', `${id}/agent/\ntoken`],
  ['javascript', 'javascript:alert(1)'],
];

describe.each(['agent_token_endpoint', 'agent_auth_endpoint'])(
  'the %s of an auth server',
  (member) => {
    it.each(elsewhere)('makes the document useless when it is %s', (_what, value) => {
      const document = { ...minimal.issuer, [member]: value };
      expect(authServerMetadata.read(document, id, {})).toBe(undefined);
    });
  },
);

describe('the resource token endpoint', () => {
  const read = (value: unknown) =>
    resourceMetadata.read({ ...minimal.resource, resource_token_endpoint: value }, id, {});

  it('is on the origin of the resource', () => {
    expect(read(`${id}/tokens`)?.resourceTokenEndpoint).toBe(`${id}/tokens`);
  });

  it.each(elsewhere)('is none when it is %s', (_what, value) => {
    expect(read(value)).toMatchObject({ resource: id });
    expect(read(value)).not.toHaveProperty('resourceTokenEndpoint');
  });
});

describe('optional members of a hostile document', () => {
  const hostile: unknown[] = [null, 1, true, [], {}, '', 'a'.repeat(2049), { toString: 'x' }];

  it.each(['name', 'logo_uri', 'policy_uri', 'tos_uri', 'homepage'])(
    'leave no trace when %s is not a text',
    (member) => {
      for (const value of hostile) {
        const read = agentMetadata.read({ ...minimal.agent, [member]: value }, id, {});
        expect(read).toEqual(agentMetadata.read(minimal.agent, id, {}));
      }
    },
  );

  it('leave no redirect URIs but the texts', () => {
    const uris = [`${id}/callback`, 1, null, ['a'], {}, `${id}/second`];
    const read = agentMetadata.read({ ...minimal.agent, redirect_uris: uris }, id, {});
    expect(read?.redirectUris).toEqual([`${id}/callback`, `${id}/second`]);
  });

  it.each([null, 1, 'https://party.example/callback', {}, { 0: 'a', length: 1 }])(
    'leave no redirect URIs when they are %j',
    (value) => {
      const read = agentMetadata.read({ ...minimal.agent, redirect_uris: value }, id, {});
      expect(read).not.toHaveProperty('redirectUris');
    },
  );

  it('leave a hundred redirect URIs at most', () => {
    const uris = Array.from({ length: 1000 }, (_, at) => `${id}/${at}`);
    const read = agentMetadata.read({ ...minimal.agent, redirect_uris: uris }, id, {});
    expect(read?.redirectUris).toHaveLength(100);
  });

  it('leave only those scope descriptions that are texts', () => {
    const descriptions = { 'data.read': 'Read', a: 1, b: null, c: { d: 'e' } };
    const document = { ...minimal.resource, scope_descriptions: descriptions };
    expect(resourceMetadata.read(document, id, {})?.scopeDescriptions).toEqual({
      'data.read': 'Read',
    });
  });

  it('cannot change what a description inherits', () => {
    const text = '{"scope_descriptions":{"__proto__":"x","constructor":"y"}}';
    const document = { ...minimal.resource, ...(JSON.parse(text) as JsonObject) };
    const read = resourceMetadata.read(document, id, {})?.scopeDescriptions ?? {};
    expect(Object.keys(read)).toEqual(['__proto__', 'constructor']);
    expect(Object.getPrototypeOf(read)).toBe(Object.prototype);
  });

  it.each([null, 1, 'text', true])('leave no scope descriptions when they are %j', (value) => {
    const read = resourceMetadata.read({ ...minimal.resource, scope_descriptions: value }, id, {});
    expect(read?.scopeDescriptions).toEqual({});
  });
});

describe('a document that we publish', () => {
  it('of an agent is read back as it was', () => {
    const metadata = {
      agent: id,
      jwksUri: `${id}/jwks.json`,
      redirectUris: [`${id}/callback`],
      name: 'Agent',
      logoUri: `${id}/logo.svg`,
      policyUri: `${id}/policy`,
      tosUri: `${id}/terms`,
      homepage: id,
    };
    expect(agentMetadata.read(agentDocument(metadata), id, {})).toEqual(metadata);
    expect(Object.keys(agentDocument(metadata)).slice(0, 3)).toEqual([
      'agent',
      'jwks_uri',
      'redirect_uris',
    ]);
  });

  it('of a resource is read back as it was', () => {
    const metadata = {
      resource: id,
      jwksUri: `${id}/jwks.json`,
      resourceTokenEndpoint: `${id}/tokens`,
      supportedScopes: ['data.read'],
      scopeDescriptions: { 'data.read': 'Read your data' },
      name: 'API',
    };
    expect(resourceMetadata.read(resourceDocument(metadata), id, {})).toEqual(metadata);
  });

  it('of an auth server is read back as it was', () => {
    const metadata = {
      issuer: id,
      jwksUri: `${id}/jwks.json`,
      tokenEndpoint: `${id}/agent/token`,
      authEndpoint: `${id}/agent/auth`,
      requestTypes: ['auth'],
      signingAlgorithms: ['ed25519'],
      scopes: ['openid'],
    };
    expect(authServerMetadata.read(authServerDocument(metadata), id, {})).toEqual(metadata);
  });

  it('has no member for what is absent', () => {
    expect(agentDocument({ agent: id, jwksUri: 'x' })).toEqual({ agent: id, jwks_uri: 'x' });
  });
});
