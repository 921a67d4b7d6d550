import { exportJWK, generateKeyPair } from 'jose';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type JsonObject, loadTokenOpener, type TokenOpener } from '@countersign/protocol';
import { decoded, jwksOf, makeAgent, makeDelegate } from '../../../protocol/test/kit.js';
import { type AccessRequest, alwaysAskPerson } from '../../src/index.js';
import { textOf } from '../pages/html-forms.js';
import { Bench } from './kit.js';

let bench: Bench;
let opener: TokenOpener;
beforeAll(async () => {
  const pair = await generateKeyPair('ECDH-ES+A256KW', { crv: 'X25519', extractable: true });
  opener = await loadTokenOpener({
    keys: [{ ...(await exportJWK(pair.privateKey)), kid: 'enc-1' }],
  });
});
beforeEach(async () => {
  bench = await Bench.open();
});
afterEach(async () => {
  await bench.close();
});

const FORTY = Object.fromEntries(Array.from({ length: 40 }, (_, at) => [`member-${at}`, at]));
const DOCUMENT_URL = 'https://rs.example/aauth/auth-request/payment';
const payment = { type: 'payment', amount: '20.00', currency: 'EUR', to: 'Ada & Sons' };

function documentOf(more: JsonObject = {}): JsonObject {
  return {
    resource: 'https://rs.example',
    scope: 'data.write',
    purpose: 'To pay the invoice 2026-117',
    description: 'One payment, now',
    authorization_details: [payment],
    expires_at: bench.clock() + 900,
    ...more,
  };
}

const publish = (more: JsonObject = {}, url = DOCUMENT_URL) =>
  bench.discovery.publishAt(url, documentOf(more));

const withToken = async (url = DOCUMENT_URL, scope?: string[]) => ({
  request_type: 'auth',
  resource_token: await bench.documentToken(url, scope),
  redirect_uri: bench.redirectUri,
});

async function ask(url = DOCUMENT_URL, scope?: string[]): Promise<string> {
  const answer = await bench.token(await withToken(url, scope));
  if (answer.status !== 200) throw new Error(`${answer.status} ${answer.text}`);
  return String(answer.json['request_token']);
}

async function approve(requestToken: string, username = 'ada'): Promise<JsonObject> {
  const browser = await bench.signedIn(username);
  await browser.open(bench.pageUrl(requestToken));
  const code = (await browser.press('approve')).location?.searchParams.get('code') ?? '';
  const answer = await bench.token({ request_type: 'code', code });
  if (answer.status !== 200) throw new Error(`${answer.status} ${answer.text}`);
  return answer.json;
}

const headingOf = async (requestToken: string, username = 'ada') =>
  (await (await bench.signedIn(username)).open(bench.pageUrl(requestToken))).heading;

const STORED = ['pending_decisions', 'grants', 'codes', 'refresh_tokens', 'issued_tokens'];
const rows = () => STORED.map((table) => bench.count(table));

describe('A request with an Auth Request Document of the resource', () => {
  it('is shown with scope, purpose, description, details and end', async () => {
    publish();
    const browser = await bench.signedIn('ada');
    const text = textOf((await browser.open(bench.pageUrl(await ask()))).text);
    expect(text).toContain('Change your data');
    expect(text).toContain('To pay the invoice 2026-117');
    expect(text).toContain('One payment, now');
    for (const value of ['20.00', 'EUR', 'Ada & Sons']) expect(text).toContain(value);
    expect(text).toContain('Your approval lasts until 19 January 2026');
  });

  it('is granted with its scope and details, and ends when the document says', async () => {
    publish();
    const answer = await approve(await ask());
    expect(answer['expires_in']).toBe(900);
    expect(decoded(String(answer['auth_token'])).payload).toMatchObject({
      aud: 'https://rs.example',
      agent: bench.agent.id,
      scope: 'data.write',
      authorization_details: [payment],
      exp: bench.clock() + 900,
      sub: 'sub-ada',
    });
  });

  it('is granted as it was shown: what the document says by then changes nothing', async () => {
    publish();
    const requestToken = await ask();
    publish({ authorization_details: [{ ...payment, amount: '9000.00' }], scope: 'data.read' });
    const browser = await bench.signedIn('ada');
    const page = await browser.open(bench.pageUrl(requestToken));
    expect(textOf(page.text)).toContain('20.00');
    const asked = bench.discovery.count;
    const { auth_token } = await approve(requestToken);
    expect(decoded(String(auth_token)).payload).toMatchObject({
      scope: 'data.write',
      authorization_details: [payment],
    });
    expect(
      bench.discovery.lookups.slice(asked).filter((one) => one.asked === 'documentAt'),
    ).toEqual([]);
  });

  it('adds up with the scope of a resource token that has both', async () => {
    publish();
    const { auth_token } = await approve(await ask(DOCUMENT_URL, ['data.read']));
    expect(decoded(String(auth_token)).payload['scope']).toBe('data.read data.write');
  });

  it('is refreshed with the same details until the end, and not from then on', async () => {
    publish();
    const refresh_token = String((await approve(await ask()))['refresh_token']);
    bench.clock.advance(600);
    const answer = await bench.token({ request_type: 'refresh', refresh_token });
    expect(answer.json['expires_in']).toBe(300);
    const { payload } = decoded(String(answer.json['auth_token']));
    expect(payload).toMatchObject({
      authorization_details: [payment],
      scope: 'data.write',
      exp: bench.clock() + 300,
    });
    bench.clock.advance(300);
    const issued = bench.count('issued_tokens');
    const late = await bench.token({ request_type: 'refresh', refresh_token });
    expect([late.status, late.json['error']]).toEqual([400, 'invalid_grant']);
    expect(bench.count('issued_tokens')).toBe(issued);
  });

  it('cannot be approved any more when the document has ended', async () => {
    publish({ expires_at: bench.clock() + 120 });
    const answer = await bench.token(await withToken());
    expect(answer.json['expires_in']).toBe(120);
    const browser = await bench.signedIn('ada');
    await browser.open(bench.pageUrl(String(answer.json['request_token'])));
    bench.clock.advance(120);
    const page = await browser.press('approve');
    expect(page.location).toBeUndefined();
    expect(bench.count('grants')).toBe(0);
  });

  it('of a delegate carries both', async () => {
    publish();
    const signer = await makeDelegate(bench.agent, { sub: 'laptop', now: bench.clock() });
    const parameters = {
      request_type: 'auth',
      resource_token: await bench.documentToken(DOCUMENT_URL, undefined, signer),
      redirect_uri: bench.redirectUri,
    };
    expect((await bench.token(parameters, signer)).status).toBe(200);
  });
});

describe('A remembered approval of a document', () => {
  it('shortens the page for the very same document only', async () => {
    publish();
    expect(await headingOf(await ask())).toBe('Allow access to rs.example?');
    await approve(await ask());
    expect(await headingOf(await ask())).toBe('Continue to agent.example?');
    const other = await bench.signedIn('ben');
    expect((await other.open(bench.pageUrl(await ask()))).heading).toBe(
      'Allow access to rs.example?',
    );
  });

  it.each<[string, JsonObject]>([
    ['purpose', { purpose: 'To pay another invoice' }],
    ['description', { description: 'Two payments' }],
    ['amount', { authorization_details: [{ ...payment, amount: '20.01' }] }],
    ['further detail', { authorization_details: [payment, payment] }],
    ['scope', { scope: 'data.write data.read' }],
    ['later end', { expires_at: 1_768_786_030 + 901 }],
    ['missing end', { expires_at: undefined }],
  ])('does not hide another %s', async (_title, change) => {
    publish();
    await approve(await ask());
    publish(change);
    expect(await headingOf(await ask())).toBe('Allow access to rs.example?');
  });

  it('does not make scopes known to requests without a document, nor the reverse', async () => {
    publish();
    await approve(await ask());
    const plain = await bench.requestToken({ scope: ['data.write'] });
    expect(await headingOf(plain)).toBe('Allow access to rs.example?');
    await bench.granted({ scope: ['data.write'] });
    publish({ purpose: 'Another' });
    const browser = await bench.signedIn('ada');
    const page = await browser.open(bench.pageUrl(await ask()));
    expect(page.heading).toBe('Allow access to rs.example?');
    expect(textOf(page.text)).not.toContain('approved before');
  });

  it('stays when only the encryption key has changed', async () => {
    publish();
    await approve(await ask());
    publish({ encryption_jwk: opener.publicJwk });
    expect(await headingOf(await ask())).toBe('Continue to agent.example?');
  });
});

describe('A document with an encryption key', () => {
  it('makes tokens that only the resource can open, refreshed ones too', async () => {
    publish({ encryption_jwk: opener.publicJwk });
    const answer = await approve(await ask());
    const jwe = String(answer['auth_token']);
    expect(jwe.split('.')).toHaveLength(5);
    expect(decoded(await opener.open(jwe)).payload).toMatchObject({
      sub: 'sub-ada',
      authorization_details: [payment],
    });
    const refresh_token = String(answer['refresh_token']);
    const { json } = await bench.token({ request_type: 'refresh', refresh_token });
    const renewed = String(json['auth_token']);
    expect(decoded(await opener.open(renewed)).payload['sub']).toBe('sub-ada');
    for (const text of ['sub-ada', 'Ada & Sons']) {
      expect(Buffer.from(jwe.split('.')[3] ?? '', 'base64url').toString('latin1')).not.toContain(
        text,
      );
    }
  });

  it('is encrypted to the key that was there when the person was asked', async () => {
    publish({ encryption_jwk: opener.publicJwk });
    const requestToken = await ask();
    publish();
    const jwe = String((await approve(requestToken))['auth_token']);
    expect(decoded(await opener.open(jwe)).payload['scope']).toBe('data.write');
  });

  it('granted by policy is encrypted as well', async () => {
    publish({ encryption_jwk: opener.publicJwk });
    bench.policy = () => ({ decision: 'grant' });
    const { json } = await bench.token(await withToken());
    expect(json['expires_in']).toBe(900);
    const { payload } = decoded(await opener.open(String(json['auth_token'])));
    expect(payload).toMatchObject({ authorization_details: [payment] });
    expect(payload).not.toHaveProperty('sub');
  });
});

describe('Policy', () => {
  it('sees details and end, and what it denies is neither asked nor stored', async () => {
    publish();
    const seen: AccessRequest[] = [];
    bench.policy = (request) => {
      seen.push(request);
      return { decision: 'deny' };
    };
    const before = rows();
    const answer = await bench.token(await withToken());
    expect([answer.status, answer.json['error']]).toEqual([403, 'access_denied']);
    expect(seen).toEqual([
      {
        kind: 'access',
        agent: bench.agent.id,
        delegate: undefined,
        audience: 'https://rs.example',
        scopes: ['data.write'],
        authorizationDetails: [payment],
        endsAt: bench.clock() + 900,
      },
    ]);
    expect(rows()).toEqual(before);
  });
});

describe('A document that cannot be used', () => {
  it.each<[string, JsonObject, string]>([
    ['names another resource', { resource: 'https://x.example' }, 'document_resource_other'],
    ['has ended', { expires_at: 1_768_786_030 }, 'document_expired'],
    ['has scopes in an array', { scope: ['data.write'] }, 'document_scope_invalid'],
    ['has a private key', { encryption_jwk: { kty: 'OKP', d: 'x' } }, 'encryption_key_private'],
    [
      'has a detail no page could show in full',
      { authorization_details: [{ type: 'payment', reference: 'x'.repeat(121) }] },
      'document_authorization_details_unshowable',
    ],
    [
      'has more details than a page shows',
      { authorization_details: [{ type: 'payment', ...FORTY }] },
      'document_authorization_details_unshowable',
    ],
  ])('is refused where it %s, and nothing is stored', async (_title, change, rule) => {
    publish();
    expect((await bench.token(await withToken())).status).toBe(200);
    publish(change);
    const before = rows();
    const answer = await bench.token(await withToken());
    expect([answer.status, answer.json['error']]).toEqual([401, 'invalid_signature']);
    expect(bench.refused.at(-1)?.rule).toBe(rule);
    expect(rows()).toEqual(before);
    const missing = await bench.token(await withToken(`${DOCUMENT_URL}/none`));
    // One and the same answer, whatever is wrong with a host that somebody named.
    expect(missing.text).toBe(answer.text);
  });

  it('is refused while it is asked for, where its token would be longer than 8 KiB', async () => {
    const details = Array.from({ length: 15 }, (_, index) => ({
      type: `payment-${index}`,
      note: 'n'.repeat(119),
    }));
    const scope = Array.from({ length: 20 }, (_, index) => `s${index}${'x'.repeat(90)}`).join(' ');
    publish({ authorization_details: details, scope: 'data.write' });
    expect((await bench.token(await withToken())).status).toBe(200);
    publish({ authorization_details: details, scope, encryption_jwk: opener.publicJwk });
    const answer = await bench.token(await withToken());
    expect(answer.status).toBe(401);
    expect(bench.refused.at(-1)?.rule).toBe('document_too_large_for_token');
  });

  it.each([
    ['another origin', 'https://x.example/document'],
    ['plain http', 'http://rs.example/document'],
  ])('is refused at %s as a fault of the resource token, and not fetched', async (_title, url) => {
    publish({}, url);
    const before = rows();
    const answer = await bench.token(await withToken(url));
    expect([answer.status, answer.json['error']]).toEqual([400, 'invalid_resource_token']);
    expect(bench.discovery.lookups.filter(({ asked }) => asked === 'documentAt')).toEqual([]);
    expect(rows()).toEqual(before);
  });

  it('is not fetched for a resource token that is not valid', async () => {
    publish();
    const parameters = await withToken();
    const broken = `${parameters.resource_token.slice(0, -8)}AAAAAAAA`;
    const answer = await bench.token({ ...parameters, resource_token: broken });
    expect(answer.json['error']).toBe('invalid_resource_token');
    expect(bench.discovery.lookups.filter(({ asked }) => asked === 'documentAt')).toEqual([]);
  });

  it('does not go into a token that turns out too long for its key', async () => {
    publish({ encryption_jwk: opener.publicJwk });
    const requestToken = await ask();
    await bench.storage.users.create({
      id: 'user-long',
      subject: 's'.repeat(9000),
      username: 'long',
      name: null,
      email: null,
      emailVerified: false,
      passwordHash: 'x',
      createdAt: bench.clock(),
    });
    const browser = await bench.signedIn('long');
    await browser.open(bench.pageUrl(requestToken));
    const code = (await browser.press('approve')).location?.searchParams.get('code') ?? '';
    const answer = await bench.token({ request_type: 'code', code });
    expect([answer.status, answer.json['error']]).toEqual([400, 'invalid_request']);
    expect(bench.refused.at(-1)?.rule).toBe('token_too_large');
  });
});

describe('A document of the agent itself (sign-in)', () => {
  const OWN = 'https://agent.example/documents/sign-in';
  const own = (more: JsonObject = {}): JsonObject => ({
    resource: 'https://agent.example',
    scope: 'openid email',
    purpose: 'To greet you by name',
    ...more,
  });
  const asking = (url = OWN) => ({
    request_type: 'auth',
    auth_request_url: url,
    redirect_uri: bench.redirectUri,
  });

  it('is shown and granted as a sign-in', async () => {
    bench.discovery.publishAt(OWN, own({ encryption_jwk: opener.publicJwk }));
    const { json } = await bench.token(asking());
    const requestToken = String(json['request_token']);
    const browser = await bench.signedIn('ada');
    const page = await browser.open(bench.pageUrl(requestToken));
    expect(page.heading).toBe('Sign in to agent.example?');
    expect(textOf(page.text)).toContain('To greet you by name');
    expect(textOf(page.text)).toContain('ada@mail.example');
    const { payload } = decoded(
      await opener.open(String((await approve(requestToken))['auth_token'])),
    );
    expect(payload).toMatchObject({
      aud: bench.agent.id,
      sub: 'sub-ada',
      email: 'ada@mail.example',
    });
    expect(payload).not.toHaveProperty('agent');
  });

  it.each<[string, string, JsonObject, string]>([
    ['on another origin', 'https://rs.example/d', own(), 'invalid_request'],
    ['of somebody else', OWN, own({ resource: 'https://rs.example' }), 'invalid_signature'],
  ])('is refused %s', async (_title, url, document, error) => {
    bench.discovery.publishAt(url, document);
    const before = rows();
    const answer = await bench.token(asking(url));
    expect(answer.json['error']).toBe(error);
    expect(rows()).toEqual(before);
  });

  it.each<[string, Record<string, string>]>([
    ['scope', { scope: 'openid' }],
    ['a resource token', { resource_token: 'a.b.c' }],
  ])('does not go together with %s', async (_title, more) => {
    bench.discovery.publishAt(OWN, own());
    expect((await bench.token(asking())).status).toBe(200);
    const answer = await bench.token({ ...asking(), ...more });
    expect([answer.status, answer.json['error']]).toEqual([400, 'invalid_request']);
  });

  it('of another agent is not this one’s', async () => {
    const other = await makeAgent('https://other.example');
    bench.discovery.publishAgent(other).publishAt(OWN, own());
    const signer = { key: other.key, signatureKey: jwksOf(other) };
    const answer = await bench.token(asking(), signer);
    expect(answer.json['error']).toBe('invalid_request');
  });

  it('is not granted by policy alone', async () => {
    bench.discovery.publishAt(OWN, own());
    bench.policy = () => ({ decision: 'grant' });
    expect((await bench.token(asking())).json['error']).toBe('access_denied');
    bench.policy = alwaysAskPerson;
  });
});
