import { exportJWK, generateKeyPair } from 'jose';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  type AuthorizationDetail,
  encryptToken,
  isAAuthError,
  type JsonObject,
  loadTokenOpener,
  readAuthRequestDocument,
  signJws,
  type TokenOpener,
} from '@countersign/protocol';
import {
  approvedDetails,
  coversDetails,
  createResource,
  memoryRateLimitStore,
  memoryReplayStore,
  type RequestDocument,
  type ResourceOptions,
  type RouteRequirement,
} from '../src/index.js';
import {
  authTokenFor,
  decoded,
  type Grant,
  holder,
  makeBareKey,
  makeKeys,
  NOW,
  type Shape,
  type Signer,
  signedRequest,
} from '../../protocol/test/kit.js';
import {
  type Api,
  doors,
  IDENTITY,
  makeApi,
  SCOPES,
  sign,
  tokenChallenge,
  tokenHolder,
} from './support.js';

const payment = { type: 'payment', amount: '20.00', currency: 'EUR', to: 'Ada' };
const document: RequestDocument = {
  purpose: 'To pay the invoice 2026-117',
  description: 'One payment of 20.00 EUR',
  details: [payment],
  expiresIn: 900,
};
const requirement = { scopes: ['data.write'], document };

let opener: TokenOpener;
let other: TokenOpener;
beforeAll(async () => {
  const make = async () => {
    const pair = await generateKeyPair('ECDH-ES+A256KW', { crv: 'P-256', extractable: true });
    return await loadTokenOpener({
      keys: [{ ...(await exportJWK(pair.privateKey)), kid: 'enc-1' }],
    });
  };
  [opener, other] = [await make(), await make()];
});

const paying = { scope: ['data.write'], claims: { authorization_details: [payment] } };

async function holderOf(made: Api, grant: Grant, encryptTo?: TokenOpener): Promise<Signer> {
  const token = await authTokenFor(made.authServer, made.resource, made.agent, grant);
  const shown = encryptTo === undefined ? token : await encryptToken(token, encryptTo.publicJwk);
  return holder(made.agent.key, shown);
}

/** The address in the challenge's resource token. */
function urlOf(response: Response): string {
  const { payload } = tokenChallenge(response);
  expect(payload).not.toHaveProperty('scope');
  return String(payload['auth_request_url']);
}

async function fetched(made: Api, url: string): Promise<Response> {
  return (await made.api.handle(new Request(url))) ?? expect.fail('not an address of the resource');
}

async function challengeOf(made: Api, asked: RouteRequirement, shape: Partial<Shape> = {}) {
  const send = made.api.guard(asked, () => new Response('done'));
  return await send(await sign(made.agent, shape));
}

describe.each(Object.entries(doors))('%s that asks with a document', (_door, door) => {
  it('challenges with the address of a document that says all of it', async () => {
    const made = await makeApi();
    const response = await door(made, requirement)(await sign(made.agent));
    expect(response.status).toBe(401);
    const served = await fetched(made, urlOf(response));
    expect(served.status).toBe(200);
    expect(served.headers.get('content-type')).toBe('application/json');
    expect(served.headers.get('cache-control')).toBe('no-store');
    const content = await readAuthRequestDocument((await served.json()) as JsonObject, {
      resource: made.resource.id,
      now: NOW,
    });
    expect(content).toEqual({
      resource: made.resource.id,
      scope: ['data.write'],
      purpose: document.purpose,
      description: document.description,
      authorizationDetails: [payment],
      expiresAt: NOW + 900,
    });
    expect(made.ran).toEqual([]);
  });

  it('is open to a token that was approved for these details', async () => {
    const made = await makeApi();
    const response = await door(made, requirement)(await sign(await holderOf(made, paying)));
    expect(response.status).toBe(200);
    const [ran] = made.ran;
    const access = ran?.access ?? expect.fail('did not run');
    expect(approvedDetails(access)).toEqual([payment]);
    expect(approvedDetails(access, 'payment')).toEqual([payment]);
    expect(approvedDetails(access, 'refund')).toEqual([]);
    expect(coversDetails(access, [{ ...payment }])).toBe(true);
    expect(coversDetails(access, [{ ...payment, amount: '21.00' }])).toBe(false);
  });

  const claims = (authorization_details: unknown) => ({
    scope: ['data.write'],
    claims: { authorization_details },
  });
  it.each<[string, Grant, string]>([
    ['no details', { scope: ['data.write'] }, 'insufficient_details'],
    ['another amount', claims([{ ...payment, amount: '2000.00' }]), 'insufficient_details'],
    ['one detail less said', claims([{ type: 'payment' }]), 'insufficient_details'],
    ['details that cannot be read', claims(payment), 'insufficient_details'],
    ['another scope', { ...paying, scope: ['data.read'] }, 'insufficient_scope'],
  ])('is closed to a token with %s: 403 and the same document', async (_title, grant, rule) => {
    const made = await makeApi();
    const send = door(made, requirement);
    const response = await send(await sign(await holderOf(made, grant)));
    expect(response.status).toBe(403);
    expect(await response.clone().json()).toMatchObject({ error: 'insufficient_scope' });
    expect(made.refused.at(-1)?.rule).toBe(rule);
    expect(made.ran).toEqual([]);
    expect(urlOf(response)).toBe(urlOf(await send(await sign(made.agent))));
  });

  it('asks a bare key for an identity first, and makes no document', async () => {
    const made = await makeApi();
    let calls = 0;
    const send = door(made, {
      scopes: ['data.write'],
      document: () => {
        calls += 1;
        return document;
      },
    });
    const response = await send(await sign(await makeBareKey()));
    expect(response.headers.get('agent-auth')).toBe(IDENTITY);
    expect((await send(new Request('https://rs.example/data'))).status).toBe(401);
    expect(calls).toBe(0);
  });
});

describe('A document that is made of the request', () => {
  const maker: RouteRequirement = {
    scopes: ['data.write'],
    document: async (request, { agent, delegate, subject }) => {
      const { amount, to } = (await request.json()) as { amount: string; to: string };
      if (typeof amount !== 'string' || typeof to !== 'string') throw new TypeError('incomplete');
      expect([agent, delegate]).toEqual(['https://agent.example', undefined]);
      expect([undefined, 'testuser']).toContain(subject);
      return {
        purpose: `To pay ${amount} EUR to ${to}`,
        details: [{ type: 'payment', amount, currency: 'EUR', to }],
        expiresIn: 300,
      };
    },
  };
  const body = (value: unknown): Partial<Shape> => ({
    method: 'POST',
    headers: [
      ['Content-Type', 'application/json'],
      ['Nonce', Buffer.from(crypto.getRandomValues(new Uint8Array(12))).toString('base64url')],
    ],
    body: JSON.stringify(value),
  });

  it('asks for what the request is about; the same request has the same address', async () => {
    const made = await makeApi();
    const ask = async (value: unknown) => urlOf(await challengeOf(made, maker, body(value)));
    const url = await ask({ amount: '20.00', to: 'Ada' });
    expect(await (await fetched(made, url)).json()).toMatchObject({
      purpose: 'To pay 20.00 EUR to Ada',
      authorization_details: [payment],
      expires_at: NOW + 300,
    });
    expect(await ask({ amount: '20.00', to: 'Ada' })).toBe(url);
    expect(await ask({ amount: '20.01', to: 'Ada' })).not.toBe(url);
  });

  it('is made for a person by the name that one auth server has for them', async () => {
    const made = await makeApi();
    const people: unknown[] = [];
    const send = doors['a plain handler']?.(made, {
      scopes: ['data.write'],
      document: (_request, { subject, subjectIssuer }) => {
        people.push([subject, subjectIssuer]);
        return { details: [payment] };
      },
    });
    const act = { agent: 'https://a.example', sub: 'ann', iss: 'https://home.example' };
    for (const signer of [
      made.agent,
      await tokenHolder(made, { subject: 'ann' }),
      await tokenHolder(made, { subject: 'ann', claims: { act } }),
    ]) {
      await send?.(await sign(signer));
    }
    expect(people).toEqual([
      [undefined, undefined],
      ['ann', made.authServer.id],
      ['ann', 'https://home.example'],
    ]);
  });

  it('lets the handler run for that request only, and it still has its body', async () => {
    const made = await makeApi();
    const send = doors['a plain handler']?.(made, maker) ?? expect.fail('no door');
    const signer = await holderOf(made, paying);
    const approved = { amount: '20.00', to: 'Ada' };
    expect((await send(await sign(signer, body(approved)))).status).toBe(200);
    expect(made.ran.map((ran) => ran.body)).toEqual([JSON.stringify(approved)]);
    const more = await send(await sign(signer, body({ amount: '2000.00', to: 'Ada' })));
    expect(more.status).toBe(403);
    expect(made.ran).toHaveLength(1);
  });

  it('is made in a second guard too, of the body that the first has verified', async () => {
    const made = await makeApi();
    const inner = made.api.guard(maker, async (request) => new Response(await request.text()));
    const send = made.api.guard('identity', (request) => inner(request));
    const signer = await holderOf(made, paying);
    const approved = { amount: '20.00', to: 'Ada' };
    const response = await send(await sign(signer, body(approved)));
    expect([response.status, await response.json()]).toEqual([200, approved]);
    expect((await send(await sign(signer, body({ ...approved, to: 'Eve' })))).status).toBe(403);
  });

  it.each<[string, unknown]>([
    ['lacks what it is about', { amount: '20.00' }],
    ['is no JSON object', 5],
    ['says too much for an address', { amount: '1', to: 'x'.repeat(1500) }],
  ])('is answered with 400 where the request %s', async (_title, value) => {
    const made = await makeApi();
    const response = await challengeOf(made, maker, body(value));
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ error: 'invalid_request' });
    expect(made.refused.at(-1)?.rule).toBe('document_not_made');
  });

  it('is served by another process with the same keys, also when they sign differently each time', async () => {
    const keys = await makeKeys('resource-key-1', 'ecdsa-p256-sha256');
    const [one, two] = [await makeApi({ keys }), await makeApi({ keys })];
    const value = body({ amount: '20.00', to: 'Ada' });
    const url = urlOf(await challengeOf(one, maker, value));
    expect(urlOf(await challengeOf(one, maker, body({ amount: '20.00', to: 'Ada' })))).toBe(url);
    expect((await fetched(two, url)).status).toBe(200);
  });
});

describe('The address of a document', () => {
  it('cannot be made up or changed', async () => {
    const made = await makeApi();
    const url = urlOf(await challengeOf(made, requirement));
    expect((await fetched(made, url)).status).toBe(200);
    const [path = '', token = ''] = url.split('=');
    const [header = '', payload = '', signature = ''] = token.split('.');
    const richer = Buffer.from(
      JSON.stringify({ ...decoded(token).payload, purpose: 'Nothing at all' }),
    ).toString('base64url');
    const foreign = await makeKeys('resource-key-1');
    const forged = await signJws(
      'auth-request+jwt',
      decoded(token).payload,
      foreign.current,
      'resource-key-1',
    );
    const otherType = await signJws(
      'resource+jwt',
      decoded(token).payload,
      made.resource.keys.current,
      'resource-key-1',
    );
    for (const wrong of [
      `${path}=${header}.${richer}.${signature}`,
      `${path}=${header}.${payload}.${signature.slice(0, -4)}AAAA`,
      `${path}=${forged}`,
      `${path}=${otherType}`,
      `${path}=`,
      path,
      `${url}&more=1`,
      url.replace('?request', '/?request'),
    ]) {
      const response = await fetched(made, wrong);
      expect([wrong, response.status]).toEqual([wrong, 404]);
      expect(await response.json()).toEqual({
        error: 'invalid_request',
        error_description: 'There is no such document here.',
      });
    }
  });

  it('takes GET and HEAD', async () => {
    const made = await makeApi();
    const url = urlOf(await challengeOf(made, requirement));
    const head = await made.api.handle(new Request(url, { method: 'HEAD' }));
    expect([head?.status, await head?.text()]).toEqual([200, '']);
    const post = await made.api.handle(new Request(url, { method: 'POST' }));
    expect([post?.status, post?.headers.get('allow')]).toEqual([405, 'GET, HEAD']);
  });

  it('counts its end from when it is read', async () => {
    const made = await makeApi();
    const url = urlOf(await challengeOf(made, requirement));
    made.clock.advance(60);
    expect(await (await fetched(made, url)).json()).toMatchObject({ expires_at: NOW + 960 });
    const fixed = { scopes: ['data.read'], document: { purpose: 'x', expiresAt: NOW + 5000 } };
    const at = urlOf(await challengeOf(made, fixed, { created: made.clock() }));
    expect(await (await fetched(made, at)).json()).toMatchObject({ expires_at: NOW + 5000 });
  });
});

const monthly = {
  scopes: ['data.read', 'data.write'],
  purpose: 'To prepare the monthly report',
};

describe('A document with a name', () => {
  const options = { documents: { monthly } };

  it('has an address of its own, which its routes challenge with', async () => {
    const made = await makeApi(options);
    const url = urlOf(await challengeOf(made, { scopes: ['data.read'], document: 'monthly' }));
    expect(url).toBe('https://rs.example/aauth/auth-request/monthly');
    expect(await (await fetched(made, url)).json()).toEqual({
      resource: 'https://rs.example',
      scope: 'data.read data.write',
      purpose: monthly.purpose,
    });
    expect((await fetched(made, `${url}x`)).status).toBe(404);
    expect((await fetched(made, 'https://rs.example/aauth/auth-request/toString')).status).toBe(
      404,
    );
  });

  it.each<[string, Partial<ResourceOptions>]>([
    ['of a name that cannot stand in an address', { documents: { 'a b': monthly } }],
    ['that asks for nothing', { documents: { a: { ...monthly, scopes: [] } } }],
    ['of unknown scopes', { documents: { a: { ...monthly, scopes: ['x'] } } }],
    ['with an empty purpose', { documents: { a: { ...monthly, purpose: '' } } }],
    [
      'with a purpose nobody would see the end of',
      { documents: { a: { ...monthly, purpose: 'p'.repeat(301) } } },
    ],
    [
      'with details without a type',
      { documents: { a: { ...monthly, details: [{} as AuthorizationDetail] } } },
    ],
    ['that ends in fractions', { documents: { a: { ...monthly, expiresIn: 0.5 } } }],
    ['that ends twice', { documents: { a: { ...monthly, expiresIn: 1, expiresAt: NOW } } }],
    [
      'that wants encryption nobody could undo',
      { documents: { a: { ...monthly, encrypted: true } } },
    ],
  ])('%s is refused at start', async (_title, changed) => {
    await makeApi(options);
    await expect(makeApi(changed)).rejects.toMatchObject({ code: 'configuration_invalid' });
  });

  it.each<[string, RouteRequirement]>([
    ['is unknown', { scopes: ['data.read'], document: 'weekly' }],
    ['asks for less', { scopes: ['data.delete'], document: 'monthly' }],
    [
      'is too long for an address',
      { scopes: ['data.read'], document: { details: [{ type: 'a', text: 'x'.repeat(1500) }] } },
    ],
    ['ends never and soon', { scopes: ['data.read'], document: { expiresIn: 0 } }],
  ])('that %s makes a route fail at start', async (_title, asked) => {
    const made = await makeApi(options);
    made.api.accepts({ scopes: ['data.read'], document: 'monthly' });
    try {
      made.api.accepts(asked);
      expect.fail('accepted');
    } catch (error) {
      expect(isAAuthError(error, 'configuration_invalid')).toBe(true);
    }
  });
});

describe('What was approved in particular', () => {
  it('does not open a route that asks for its scope alone, unless the route says so', async () => {
    const made = await makeApi();
    const signer = await holderOf(made, paying);
    const send = doors['a plain handler'] ?? expect.fail('no door');
    const response = await send(made, { scopes: ['data.write'] })(await sign(signer));
    expect(response.status).toBe(403);
    expect(made.refused.at(-1)?.rule).toBe('details_not_asked');
    expect(tokenChallenge(response).payload).toMatchObject({ scope: 'data.write' });
    expect(made.ran).toEqual([]);
    const open = { scopes: ['data.write'], acceptDetails: true };
    expect((await send(made, open)(await sign(signer, { created: NOW + 1 }))).status).toBe(200);
  });

  it('counts as an identity at a route with levels, and is challenged for more', async () => {
    const made = await makeApi();
    const { resource, authServer, clock, discovery } = made;
    const api = createResource({
      id: resource.id,
      keys: resource.keys,
      authServers: [authServer.id],
      scopes: SCOPES,
      discovery,
      clock,
      replay: memoryReplayStore({ clock, nothingBeforeStart: true }),
      rateLimits: memoryRateLimitStore(),
    });
    const levels = { authorization: { perMinute: 5, scopes: ['data.write'] } };
    const send = api.guard({ levels }, () => new Response('done'));
    const particular = await send(await sign(await holderOf(made, paying)), {
      remoteAddress: '::1',
    });
    expect(particular.headers.get('agent-auth')).toContain('auth-token');
    const all = await holderOf(made, { scope: ['data.write'] });
    expect((await send(await sign(all), { remoteAddress: '::1' })).status).toBe(200);
  });

  it('is none for access that is less than authorization', () => {
    expect(approvedDetails({ level: 'signature', scheme: 'hwk', thumbprint: 'x' })).toEqual([]);
  });
});

describe('A resource with encryption keys', () => {
  const make = async () => await makeApi({ tokenOpener: opener });

  it('publishes its public key in its documents', async () => {
    const made = await make();
    const served = await (await fetched(made, urlOf(await challengeOf(made, requirement)))).json();
    expect(served).toMatchObject({ encryption_jwk: opener.publicJwk });
    const { encryption_jwk } = served as { encryption_jwk: object };
    expect(encryption_jwk).not.toHaveProperty('d');
  });

  it('opens the route to an encrypted token', async () => {
    const made = await make();
    const send = doors['a plain handler']?.(made, requirement) ?? expect.fail('no door');
    expect((await send(await sign(await holderOf(made, paying, opener)))).status).toBe(200);
    expect(made.ran).toHaveLength(1);
  });

  it('takes no token in the clear where it asked for an encrypted one', async () => {
    const made = await make();
    const send = doors['a plain handler']?.(made, requirement) ?? expect.fail('no door');
    const response = await send(await sign(await holderOf(made, paying)));
    expect(response.status).toBe(403);
    expect(made.refused.at(-1)?.rule).toBe('token_unencrypted');
    expect(urlOf(response)).toContain('/aauth/auth-request?request=');
    expect(made.ran).toEqual([]);
  });

  it('takes both where the document says that it need not be encrypted, and publishes no key', async () => {
    const made = await make();
    const open = { scopes: ['data.write'], document: { ...document, encrypted: false } };
    const send = doors['a plain handler']?.(made, open) ?? expect.fail('no door');
    expect((await send(await sign(await holderOf(made, paying)))).status).toBe(200);
    expect((await send(await sign(await holderOf(made, paying, opener)))).status).toBe(200);
    const url = urlOf(await challengeOf(made, open, { created: NOW + 2 }));
    expect(await (await fetched(made, url)).json()).not.toHaveProperty('encryption_jwk');
  });

  it('takes either at a route without a document', async () => {
    const made = await make();
    const send =
      doors['a plain handler']?.(made, { scopes: ['data.read'] }) ?? expect.fail('no door');
    for (const to of [undefined, opener]) {
      expect((await send(await sign(await holderOf(made, {}, to)))).status).toBe(200);
    }
  });

  it('does not take a token encrypted to another key of the same kid', async () => {
    const made = await make();
    const send = doors['a plain handler']?.(made, requirement) ?? expect.fail('no door');
    const response = await send(await sign(await holderOf(made, paying, other)));
    expect(response.status).toBe(401);
    expect(made.refused.at(-1)).toMatchObject({ code: 'invalid_token', rule: 'token_decryption' });
    expect(made.ran).toEqual([]);
  });
});

describe('The resource token endpoint', () => {
  const endpoint = 'https://rs.example/aauth/resource-token';
  const post = async (made: Api, form: Record<string, string>) =>
    (await made.api.handle(
      await signedRequest(made.agent, {
        url: endpoint,
        method: 'POST',
        headers: [['Content-Type', 'application/x-www-form-urlencoded']],
        body: new URLSearchParams(form).toString(),
      }),
    )) ?? expect.fail('no endpoint');

  it('makes a resource token for a document of this resource, named or not', async () => {
    const made = await makeApi({ documents: { monthly } });
    const addresses = [
      'https://rs.example/aauth/auth-request/monthly',
      urlOf(await challengeOf(made, requirement)),
    ];
    for (const auth_request_url of addresses) {
      const response = await post(made, { auth_request_url });
      expect(response.status).toBe(200);
      const { resource_token } = (await response.json()) as { resource_token: string };
      const { payload } = decoded(resource_token);
      expect(payload).toMatchObject({ auth_request_url, agent: made.agent.id });
      expect(payload).not.toHaveProperty('scope');
    }
  });

  it.each<[string, Record<string, string>]>([
    ['an address elsewhere', { auth_request_url: 'https://x.example/aauth/auth-request/monthly' }],
    ['a name it does not know', { auth_request_url: 'https://rs.example/aauth/auth-request/x' }],
    [
      'content it has not signed',
      { auth_request_url: 'https://rs.example/aauth/auth-request?request=a.b.c' },
    ],
    ['no address', { auth_request_url: 'monthly' }],
    [
      'scope as well',
      { auth_request_url: 'https://rs.example/aauth/auth-request/monthly', scope: 'data.read' },
    ],
    ['neither', {}],
  ])('refuses %s', async (_title, form) => {
    const made = await makeApi({ documents: { monthly } });
    const response = await post(made, form);
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ error: 'invalid_request' });
  });
});
