import {
  authRequestDocument,
  fetchAuthRequestDocument,
  type JsonObject,
  loadTokenOpener,
  readAuthRequestDocument,
} from '@countersign/protocol';
import { exportJWK, generateKeyPair } from 'jose';
import { describe, expect, it } from 'vitest';
import { FakeDiscovery, identifier, NOW, refusalOf } from './kit.js';

const RESOURCE = identifier('https://rs.example');
const expected = { resource: RESOURCE, now: NOW };
const pair = await generateKeyPair('ECDH-ES+A256KW', { crv: 'P-256', extractable: true });
const privateJwk = { ...(await exportJWK(pair.privateKey)), kid: 'enc-1' };
const { publicJwk } = await loadTokenOpener({ keys: [privateJwk] });

const payment = { type: 'payment', amount: '20.00', currency: 'EUR', to: 'Ada' };
const good: JsonObject = {
  resource: RESOURCE,
  scope: 'payments.write accounts.read',
  purpose: 'To pay the invoice 2026-117',
  description: 'One payment of 20.00 EUR',
  authorization_details: [payment],
  expires_at: NOW + 900,
  encryption_jwk: publicJwk,
};
const read = {
  resource: RESOURCE,
  scope: ['payments.write', 'accounts.read'],
  purpose: 'To pay the invoice 2026-117',
  description: 'One payment of 20.00 EUR',
  authorizationDetails: [payment],
  expiresAt: NOW + 900,
  encryptionJwk: publicJwk,
};

const without = (...names: string[]): JsonObject =>
  Object.fromEntries(Object.entries(good).filter(([name]) => !names.includes(name)));

describe('an Auth Request Document', () => {
  it('is read in full, and written as it was read', async () => {
    expect(await readAuthRequestDocument(good, expected)).toEqual(read);
    expect(authRequestDocument(read)).toEqual(good);
  });

  it('may leave out everything but who asks, and for what', async () => {
    const least = { resource: RESOURCE, scope: 'payments.write' };
    const content = await readAuthRequestDocument(least, expected);
    expect(content).toEqual({ resource: RESOURCE, scope: ['payments.write'] });
    expect(authRequestDocument(content)).toEqual(least);
    const details = { resource: RESOURCE, authorization_details: [payment] };
    expect(await readAuthRequestDocument(details, expected)).toEqual({
      resource: RESOURCE,
      scope: [],
      authorizationDetails: [payment],
    });
  });

  it('may have members that nobody here knows: they are neither shown nor granted', async () => {
    expect(await readAuthRequestDocument({ ...good, limit: 'none' }, expected)).toEqual(read);
  });

  it.each<[string, JsonObject, string]>([
    ['of another resource', { ...good, resource: 'https://x.example' }, 'document_resource_other'],
    ['of nobody', without('resource'), 'document_resource_other'],
    ['that asks for nothing', without('scope', 'authorization_details'), 'document_asks_nothing'],
    ['with scopes in an array', { ...good, scope: ['a', 'b'] }, 'document_scope_invalid'],
    ['with an empty scope', { ...good, scope: '' }, 'document_scope_invalid'],
    ['with two spaces in its scope', { ...good, scope: 'a  b' }, 'document_scope_invalid'],
    ['with a purpose that is no text', { ...good, purpose: 5 }, 'document_purpose_invalid'],
    ['with a purpose of null', { ...good, purpose: null }, 'document_purpose_invalid'],
    [
      'with a description that is no text',
      { ...good, description: { en: 'x' } },
      'document_description_invalid',
    ],
    [
      'with one detail outside an array',
      { ...good, authorization_details: payment },
      'document_authorization_details_invalid',
    ],
    [
      'with no details in their array',
      { ...good, authorization_details: [] },
      'document_authorization_details_invalid',
    ],
    [
      'with a detail without a type',
      { ...good, authorization_details: [payment, { amount: 1 }] },
      'document_authorization_details_invalid',
    ],
    [
      'with a detail that is a text',
      { ...good, authorization_details: ['payment'] },
      'document_authorization_details_invalid',
    ],
    [
      'with seventeen details',
      { ...good, authorization_details: Array.from({ length: 17 }, () => ({ type: 'a' })) },
      'document_authorization_details_invalid',
    ],
    [
      'with details that no token could carry',
      { ...good, authorization_details: [{ type: 'a', text: 'ü'.repeat(1600) }] },
      'document_authorization_details_invalid',
    ],
    ['that ends now', { ...good, expires_at: NOW }, 'document_expired'],
    ['that ended', { ...good, expires_at: NOW - 1 }, 'document_expired'],
    ['that ends at infinity', { ...good, expires_at: Infinity }, 'document_expires_at_invalid'],
    ['that ends on a date', { ...good, expires_at: '2099-01-01' }, 'document_expires_at_invalid'],
    [
      'that ends within a second',
      { ...good, expires_at: NOW + 0.5 },
      'document_expires_at_invalid',
    ],
    ['with a private key', { ...good, encryption_jwk: privateJwk }, 'encryption_key_private'],
    [
      'with a key of an unknown type',
      { ...good, encryption_jwk: { kty: 'AKP', pub: 'AAAA', kid: 'k' } },
      'encryption_key_unsupported',
    ],
    [
      'with a weak key',
      { ...good, encryption_jwk: { kty: 'OKP', crv: 'X25519', x: 'A'.repeat(43), kid: 'k' } },
      'encryption_key_weak',
    ],
    [
      'with a key off its curve',
      { ...good, encryption_jwk: { ...publicJwk, x: privateJwk.y, y: privateJwk.x } },
      'encryption_key_invalid',
    ],
  ])(
    '%s is refused in the one way for hosts that strangers name',
    async (_title, document, rule) => {
      expect(await refusalOf(readAuthRequestDocument(document, expected))).toMatchObject({
        code: 'invalid_signature',
        message:
          'The signing key or document could not be had from where the request says it is published.',
        rule,
      });
    },
  );
});

describe('where it is fetched from', () => {
  const URL_OF = `${RESOURCE}/documents/1`;
  const fetched = (discovery: FakeDiscovery, url = URL_OF) =>
    fetchAuthRequestDocument(discovery, url, { ...expected, urlFault: 'invalid_request' });

  it('is the address named, on the origin of the resource', async () => {
    const discovery = new FakeDiscovery().publishAt(URL_OF, good);
    expect(await fetched(discovery)).toEqual(read);
    expect(discovery.lookups).toEqual([{ asked: 'documentAt', of: URL_OF }]);
  });

  it.each<[string, string]>([
    ['another host', 'https://x.example/documents/1'],
    ['a host that begins alike', 'https://rs.example.x.example/documents/1'],
    ['another port', 'https://rs.example:8443/documents/1'],
    ['plain http', 'http://rs.example/documents/1'],
    ['user info', 'https://rs.example@x.example/documents/1'],
    ['a fragment', `${URL_OF}#a`],
    ['no URL', 'documents/1'],
    ['nothing', ''],
    ['a backslash', 'https://rs.example\\@x.example/'],
    ['an endless address', `${URL_OF}?${'a'.repeat(2048)}`],
  ])('is not %s: that is the caller’s mistake, and nothing is fetched', async (_title, url) => {
    const discovery = new FakeDiscovery().publishAt(url, good);
    expect(await refusalOf(fetched(discovery, url))).toMatchObject({
      code: 'invalid_request',
      rule: 'auth_request_url_origin',
    });
    expect(discovery.count).toBe(0);
  });

  it('answers alike whether the host is away, the document wrong, or somebody else’s', async () => {
    const away = await refusalOf(fetched(new FakeDiscovery().fail(RESOURCE)));
    const other = { ...good, resource: 'https://x.example' };
    const wrong = await refusalOf(fetched(new FakeDiscovery().publishAt(URL_OF, other)));
    expect([away.code, away.message]).toEqual([wrong.code, wrong.message]);
    expect(away.code).toBe('invalid_signature');
  });
});
