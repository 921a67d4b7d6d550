import {
  createRequestVerifier,
  isAAuthError,
  loadTokenOpener,
  type TokenOpener,
} from '@countersign/protocol';
import { CompactEncrypt, exportJWK, generateKeyPair, type GenerateKeyPairResult } from 'jose';
import { describe, expect, it } from 'vitest';
import {
  authTokenFor,
  FakeDiscovery,
  holder,
  makeAgent,
  makeAuthServer,
  makeDelegate,
  makeResource,
  refusalOf,
  signedMessage,
  testClock,
} from './kit.js';

const [agent, resource, authServer] = await Promise.all([
  makeAgent(),
  makeResource(),
  makeAuthServer(),
]);

const pairs = {
  'EC P-256': await generateKeyPair('ECDH-ES+A256KW', { crv: 'P-256', extractable: true }),
  'EC P-384': await generateKeyPair('ECDH-ES+A256KW', { crv: 'P-384', extractable: true }),
  X25519: await generateKeyPair('ECDH-ES+A256KW', { crv: 'X25519', extractable: true }),
  RSA: await generateKeyPair('RSA-OAEP-256', { extractable: true }),
} as const;
type KeyName = keyof typeof pairs;

const privateJwk = async (pair: GenerateKeyPairResult, kid = 'enc-1') => ({
  ...(await exportJWK(pair.privateKey)),
  kid,
});

const openers = Object.fromEntries(
  await Promise.all(
    Object.entries(pairs).map(
      async ([name, pair]) =>
        [name, await loadTokenOpener({ keys: [await privateJwk(pair)] })] as const,
    ),
  ),
) as Record<KeyName, TokenOpener>;

interface Encryption {
  readonly to?: KeyName;
  readonly header?: Record<string, unknown>;
}

async function encrypt(
  token: string,
  { to = 'EC P-256', header = {} }: Encryption = {},
): Promise<string> {
  const alg = to === 'RSA' ? 'RSA-OAEP-256' : 'ECDH-ES+A256KW';
  return await new CompactEncrypt(new TextEncoder().encode(token))
    .setProtectedHeader({ alg, enc: 'A256GCM', typ: 'auth+jwt', kid: 'enc-1', ...header })
    .encrypt(pairs[to].publicKey);
}

function receiver(tokenOpener?: TokenOpener) {
  const discovery = new FakeDiscovery().publishAgent(agent).publishAuthServer(authServer);
  const verify = createRequestVerifier({
    id: resource.id,
    discovery,
    clock: testClock(),
    trustedIssuers: [authServer.id],
    ...(tokenOpener === undefined ? {} : { tokenOpener }),
  });
  const request = async (jwt: string) =>
    await verify(await signedMessage(holder(agent.key, jwt), { url: `${resource.id}/data` }));
  return { discovery, request };
}

const token = await authTokenFor(authServer, resource, agent);

describe('an encrypted auth token', () => {
  it.each(Object.keys(pairs) as KeyName[])('is opened with a key of type %s', async (to) => {
    const { request } = receiver(openers[to]);
    const { caller } = await request(await encrypt(token, { to }));
    expect(caller).toMatchObject({ kind: 'token-holder', token: { subject: 'testuser' } });
  });

  it('is remembered as it was sent', async () => {
    const opener = openers['EC P-256'];
    let opened = 0;
    const { request } = receiver({
      ...opener,
      open: async (jwe) => {
        opened += 1;
        return await opener.open(jwe);
      },
    });
    const jwe = await encrypt(token);
    await request(jwe);
    await request(jwe);
    expect(opened).toBe(1);
  });

  it('is refused where no encryption keys are configured, and nothing is looked up', async () => {
    const { discovery, request } = receiver();
    expect(await refusalOf(request(await encrypt(token)))).toMatchObject({
      code: 'invalid_token',
      rule: 'token_encrypted',
    });
    expect(discovery.count).toBe(0);
  });

  it('is verified like any other once it is open', async () => {
    const { request } = receiver(openers['EC P-256']);
    const forged = `${token.slice(0, -8)}AAAAAAAA`;
    expect(await refusalOf(request(await encrypt(forged)))).toMatchObject({
      rule: 'token_signature',
    });
  });

  it('opens nothing when an agent token is inside', async () => {
    const { request } = receiver(openers['EC P-256']);
    const { jwt } = await makeDelegate(agent);
    expect(await refusalOf(request(await encrypt(jwt)))).toMatchObject({ rule: 'token_type' });
  });

  it.each<[string, Encryption, string]>([
    ['another type', { header: { typ: 'agent+jwt' } }, 'token_type'],
    ['no type', { header: { typ: undefined } }, 'token_type'],
    ['a kid that is not ours', { header: { kid: 'enc-2' } }, 'encryption_kid_unknown'],
    ['no kid', { header: { kid: undefined } }, 'encryption_kid_unknown'],
    ['a weaker content encryption', { header: { enc: 'A128GCM' } }, 'encryption_algorithm'],
    ['another key agreement', { header: { alg: 'ECDH-ES' } }, 'encryption_algorithm'],
    [
      'a key of its own named in the header',
      { header: { jku: 'https://x.example' } },
      'token_header_forbidden',
    ],
    ['another key than it names', { to: 'EC P-384' }, 'token_decryption'],
  ])('is refused with %s', async (_title, encryption, rule) => {
    const { discovery, request } = receiver(openers['EC P-256']);
    expect(await refusalOf(request(await encrypt(token, encryption)))).toMatchObject({
      code: 'invalid_token',
      rule,
    });
    expect(discovery.count).toBe(0);
  });

  it.each([1, 2, 3, 4])('is refused when part %i is changed', async (at) => {
    const { request } = receiver(openers['EC P-256']);
    const parts = (await encrypt(token)).split('.');
    const part = parts[at] ?? '';
    parts[at] = `${part.startsWith('A') ? 'B' : 'A'}${part.slice(1)}`;
    expect(await refusalOf(request(parts.join('.')))).toMatchObject({ code: 'invalid_token' });
  });
});

const good = await privateJwk(pairs['EC P-256']);

describe('encryption keys', () => {
  it.each<[string, unknown]>([
    ['no keys', { keys: [] }],
    ['no JWKS', []],
    ['a key without kid', { keys: [{ ...good, kid: undefined }] }],
    ['two keys of one kid', { keys: [good, good] }],
    ['a public key', { keys: [{ ...good, d: undefined }] }],
    ['a signing key', { keys: [{ kty: 'OKP', crv: 'Ed25519', x: 'A', d: 'A', kid: 'k' }] }],
    [
      'a short RSA key',
      { keys: [{ kty: 'RSA', n: 'A'.repeat(170), e: 'AQAB', d: 'A', kid: 'k' }] },
    ],
    ['a point that is not on the curve', { keys: [{ ...good, x: good.y, y: good.x }] }],
  ])('are refused at start with %s', async (_title, value) => {
    const error: unknown = await loadTokenOpener(value).catch((reason: unknown) => reason);
    expect(isAAuthError(error, 'configuration_invalid')).toBe(true);
  });
});
