import { createServer } from 'node:http';
import { beforeEach, describe, expect, it } from 'vitest';
import { isAAuthError, type ReplayStore, verifyAgentToken } from '@countersign/protocol';
import {
  changedHeader,
  decoded,
  holder,
  jwksOf,
  makeBareKey,
  makeDelegate,
  privateJwk,
  signedMessage,
  type Signer,
  withBrokenSignature,
  withoutHeader,
} from '../../protocol/test/kit.js';
import { addDelegate, createAgent, type EnrolmentVerdict } from '../src/index.js';
import { listenForCallback } from '../src/node/index.js';
import {
  type Answered,
  type Bench,
  body,
  makeBench,
  message,
  nonce,
  send,
} from './delegate-kit.js';

let bench: Bench;
beforeEach(async () => {
  bench = await makeBench();
});

describe('an agent server', () => {
  it('issues an agent token for one hour, bound to the key that signed', async () => {
    const { status, json, response } = await send(bench, await message(bench));
    expect(status).toBe(200);
    expect(Object.keys(json)).toEqual(['agent_token', 'expires_in']);
    expect(json['expires_in']).toBe(3600);
    expect(response.headers.get('cache-control')).toBe('no-store');
    expect(response.headers.get('content-type')).toBe('application/json');
    const { header, payload } = decoded(json['agent_token'] as string);
    expect(header).toMatchObject({ typ: 'agent+jwt', alg: 'EdDSA', kid: 'key-1' });
    expect(payload).toEqual({
      iss: bench.party.id,
      sub: 'laptop',
      cnf: { jwk: expect.objectContaining({ kty: 'OKP', crv: 'Ed25519' }) },
      exp: bench.clock() + 3600,
      iat: bench.clock(),
      jti: expect.stringMatching(/^[\w-]{22}$/),
    });
    expect(payload['cnf']).not.toHaveProperty('jwk.d');
    expect(bench.refusals).toEqual([]);
  });

  it('issues what receivers accept', async () => {
    const { json } = await send(bench, await message(bench));
    const verified = await verifyAgentToken(json['agent_token'] as string, {
      now: bench.clock(),
      audience: bench.party.id,
      findKey: (agent, kid) =>
        bench.discovery.publishedKey(
          { wellKnown: 'aauth-agent', read: (found) => ({ jwksUri: String(found['jwks_uri']) }) },
          agent,
          kid,
        ),
    });
    expect(verified.delegate).toBe('laptop');
    expect(verified.confirmation.thumbprint).toBe(bench.signer.key.thumbprint);
  });

  it.each([
    ['one receiver', 'https://rs.example'],
    ['several receivers', ['https://rs.example', 'https://as.example']],
  ])('puts %s into the token as asked', async (_, aud) => {
    const { json } = await send(bench, await message(bench, { body: body(bench, { aud }) }));
    expect(decoded(json['agent_token'] as string).payload['aud']).toEqual(aud);
  });

  it('takes the secret again, with another key, since keys rotate', async () => {
    await send(bench, await message(bench));
    const signer = await makeBareKey('ecdsa-p256-sha256');
    const rotated = body(bench, { cnf_jwk: { ...signer.key.publicJwk, kid: 'next' } });
    const { status, json } = await send(bench, await message(bench, { body: rotated }, signer));
    expect(status).toBe(200);
    expect(decoded(json['agent_token'] as string).payload['cnf']).toEqual({
      jwk: { kty: 'EC', crv: 'P-256', x: expect.any(String), y: expect.any(String) },
    });
  });

  it('works without a nonce and remembers such a request too', async () => {
    const sent = await message(bench, { headers: [['Content-Type', 'application/json']] });
    expect((await send(bench, sent)).status).toBe(200);
    expect((await send(bench, sent)).status).toBe(401);
  });

  it('looks nothing up', async () => {
    await send(bench, await message(bench));
    expect(bench.discovery.count).toBe(0);
  });

  it('serves the path only where delegates are configured', async () => {
    const plain = createAgent({
      id: bench.party.id,
      keys: bench.party.keys,
      interaction: { mode: 'redirect' },
      discovery: bench.discovery,
    });
    expect(await plain.handle(new Request(bench.url, { method: 'POST' }))).toBeUndefined();
  });

  it('that does nothing else still has a callback, which shows the address a delegate waits for', async () => {
    const { server, party } = await makeBench({ agent: { interaction: { mode: 'none' } } });
    const published = await server.handle(new Request(`${party.id}/.well-known/aauth-agent`));
    expect(await published?.json()).toMatchObject({ redirect_uris: [`${party.id}/callback`] });
    const page = await server.handle(new Request(`${party.id}/callback?code=c&state=s`));
    expect(page?.status).toBe(400);
    expect(await page?.text()).toContain(`${party.id}/callback?code=c&amp;state=s`);
    // A web application shows none: its flows belong to the browser that started them.
    const { server: application } = await makeBench();
    const other = await application.handle(new Request(`${party.id}/callback?code=c&state=s`));
    expect(await other?.text()).not.toContain('code=c');
  });

  it('cannot be a delegate itself', async () => {
    const work = makeBench({ agent: { agentToken: () => Promise.resolve('') } });
    await expect(work).rejects.toMatchObject({ code: 'configuration_invalid' });
  });

  it('publishes further redirect URIs beside its own', async () => {
    const other = 'https://laptop.example/callback';
    const own = `${bench.party.id}/callback`;
    const { server } = await makeBench({ agent: { otherRedirectUris: [other, own] } });
    const url = `${bench.party.id}/.well-known/aauth-agent`;
    const published = await (await server.handle(new Request(url)))?.json();
    expect(published.redirect_uris).toEqual([own, other]);
    const wrong = makeBench({ agent: { otherRedirectUris: ['http://127.0.0.1:8/callback'] } });
    await expect(wrong).rejects.toMatchObject({ code: 'configuration_invalid' });
  });
});

/** One thing wrong with an otherwise honest request; what it is called in the log, and what the wire says. */
interface Wrong {
  readonly name: string;
  readonly status: number;
  readonly error: string;
  readonly rule: string;
  readonly make: (bench: Bench) => Promise<Answered>;
}

const withBody = (change: (bench: Bench) => string) => async (made: Bench) =>
  send(made, await message(made, { body: change(made) }));
const withMember = (name: string, value: unknown) =>
  withBody((made) => body(made, { [name]: value }));
const signedBy = (signerOf: (made: Bench) => Signer | Promise<Signer>) => async (made: Bench) =>
  send(made, await message(made, {}, await signerOf(made)));

const badForm = (name: string, rule: string, make: (bench: Bench) => Promise<Answered>): Wrong => ({
  name,
  status: 400,
  error: 'invalid_request',
  rule,
  make,
});

const notProved = (
  name: string,
  rule: string,
  make: (bench: Bench) => Promise<Answered>,
): Wrong => ({ name, status: 401, error: 'invalid_signature', rule, make });

const WRONG: readonly Wrong[] = [
  // Plain HTTP.
  {
    name: 'a body over 16 KiB',
    status: 413,
    error: 'invalid_request',
    rule: 'body_too_large',
    make: withMember('enrolment_secret', 'x'.repeat(16 * 1024)),
  },
  {
    name: 'a form',
    status: 415,
    error: 'invalid_request',
    rule: 'unsupported_media_type',
    make: async (made) =>
      send(
        made,
        await message(made, {
          headers: [
            ['Content-Type', 'application/x-www-form-urlencoded'],
            ['Nonce', nonce()],
          ],
        }),
      ),
  },
  {
    name: 'two Content-Type lines',
    status: 415,
    error: 'invalid_request',
    rule: 'unsupported_media_type',
    make: async (made) => {
      const sent = await message(made);
      return send(made, { ...sent, headers: [...sent.headers, ['Content-Type', 'text/plain']] });
    },
  },
  {
    name: 'another authority',
    status: 421,
    error: 'invalid_request',
    rule: 'authority_mismatch',
    make: async (made) =>
      send(made, await message(made, { url: 'https://other.example/delegate/token' })),
  },
  // Proof of the key.
  notProved('no signature at all', 'header_missing', async (made) => {
    let sent = await message(made);
    for (const name of ['signature', 'signature-input', 'signature-key']) {
      sent = withoutHeader(sent, name);
    }
    return send(made, sent);
  }),
  notProved('a signature that is nobody’s', 'signature_invalid', async (made) =>
    send(made, withBrokenSignature(await message(made))),
  ),
  notProved('another body than was signed', 'digest_mismatch', async (made) =>
    send(made, { ...(await message(made)), body: Buffer.from(body(made, { sub: 'laptoq' })) }),
  ),
  notProved('a body that is not covered', 'component_missing', async (made) => {
    const bare = await signedMessage(made.signer, {
      url: made.url,
      method: 'POST',
      headers: [['Nonce', nonce()]],
      created: made.clock(),
    });
    const headers = [...bare.headers, ['Content-Type', 'application/json'] as const];
    return send(made, { ...bare, headers, body: Buffer.from(body(made)) });
  }),
  notProved('a signature 61 s old', 'created_out_of_window', async (made) =>
    send(made, await message(made, { created: made.clock() - 61 })),
  ),
  notProved('a nonce that is too short', 'nonce_invalid', async (made) =>
    send(
      made,
      await message(made, {
        headers: [
          ['Content-Type', 'application/json'],
          ['Nonce', 'c2hvcnQ'],
        ],
      }),
    ),
  ),
  notProved('the wire that leaves the time unsigned', 'signature_invalid', async (made) =>
    send(
      made,
      await message(made, { wire: '2026-01', headers: [['Content-Type', 'application/json']] }),
    ),
  ),
  notProved(
    'the agent server’s own published key',
    'scheme_unsupported',
    signedBy(({ party }) => ({ key: party.key, signatureKey: jwksOf(party) })),
  ),
  notProved(
    'an agent token it issued before',
    'scheme_unsupported',
    signedBy(async ({ party, signer, clock }) => {
      const { jwt } = await makeDelegate(party, { sub: 'laptop', now: clock() });
      return holder(signer.key, jwt);
    }),
  ),
  notProved('a key to enrol that is not the one that signed', 'cnf_jwk_other', async (made) => {
    const { key } = await makeBareKey();
    return withMember('cnf_jwk', key.publicJwk)(made);
  }),
  // The body's form.
  badForm(
    'a body that is no JSON',
    'body_not_json',
    withBody(() => '{"sub":'),
  ),
  badForm(
    'a list',
    'body_not_json',
    withBody(() => '[]'),
  ),
  badForm(
    'a member twice',
    'body_not_json',
    withBody((made) => body(made).replace('{', '{"sub":"phone",')),
  ),
  badForm('a member too many', 'member_unknown', withMember('scope', 'all')),
  badForm('no sub', 'sub_invalid', withMember('sub', undefined)),
  badForm('an empty sub', 'sub_invalid', withMember('sub', '')),
  badForm('a sub with a space', 'sub_invalid', withMember('sub', 'lap top')),
  badForm('a sub that is a number', 'sub_invalid', withMember('sub', 7)),
  badForm('a sub of 256 characters', 'sub_invalid', withMember('sub', 'x'.repeat(256))),
  badForm('no key', 'cnf_jwk_invalid', withMember('cnf_jwk', undefined)),
  badForm('a key with padding', 'cnf_jwk_key_invalid', (made) =>
    withMember('cnf_jwk', { ...made.signer.key.publicJwk, x: 'AAAA=' })(made),
  ),
  badForm('a private key', 'cnf_jwk_private', async (made) =>
    withMember('cnf_jwk', await privateJwk())(made),
  ),
  badForm('an aud that is no identifier', 'aud_invalid', withMember('aud', 'https://rs.example/')),
  badForm('an aud over plain http', 'aud_invalid', withMember('aud', 'http://127.0.0.1:8002')),
  badForm('an aud of null', 'aud_invalid', withMember('aud', null)),
  badForm('an empty aud', 'aud_invalid', withMember('aud', [])),
  badForm(
    'an aud twice',
    'aud_invalid',
    withMember('aud', ['https://rs.example', 'https://rs.example']),
  ),
  badForm(
    'an aud with 17 receivers',
    'aud_invalid',
    withMember(
      'aud',
      Array.from({ length: 17 }, (_, at) => `https://rs${at}.example`),
    ),
  ),
  badForm('no secret', 'enrolment_secret_missing', withMember('enrolment_secret', undefined)),
  badForm(
    'a secret that is a list',
    'enrolment_secret_invalid',
    withMember('enrolment_secret', []),
  ),
  badForm('an empty secret', 'enrolment_secret_invalid', withMember('enrolment_secret', '')),
  // Who it is.
  {
    name: 'a wrong secret',
    status: 403,
    error: 'access_denied',
    rule: 'enrolment_refused',
    make: withBody((made) => body(made, { enrolment_secret: `${made.secret}x` })),
  },
  {
    name: 'a secret for another name',
    status: 403,
    error: 'access_denied',
    rule: 'delegate_other',
    make: withMember('sub', 'phone'),
  },
];

describe('a request for an agent token is refused', () => {
  it.each(WRONG)('with $name', async ({ status, error, rule, make }) => {
    const answer = await make(bench);
    expect([answer.status, answer.json['error']]).toEqual([status, error]);
    expect(bench.refusals.map((one) => one.rule ?? one.code)).toEqual([rule]);
    expect(answer.json).not.toHaveProperty('agent_token');
    expect(answer.response.headers.get('cache-control')).toBe('no-store');
    expect(answer.response.headers.get('agent-auth')).toBe(status === 401 ? 'httpsig' : null);
    expect(JSON.stringify(answer.json)).not.toContain(bench.secret);
    // Nothing was remembered, looked up, or asked of the authenticator before it was its turn.
    expect(bench.remembered).toEqual([]);
    expect(bench.discovery.count).toBe(0);
    if (status !== 403 && rule !== 'enrolment_secret_missing') expect(bench.asked).toEqual([]);
    // And the next honest one succeeds.
    expect((await send(bench, await message(bench))).status).toBe(200);
  });

  it.each(['GET', 'HEAD', 'PUT', 'DELETE'])('with %s', async (method) => {
    const response = await bench.server.handle(new Request(bench.url, { method }));
    expect([response?.status, response?.headers.get('allow')]).toEqual([405, 'POST']);
  });

  it('when it is made again', async () => {
    const sent = await message(bench);
    expect((await send(bench, sent)).status).toBe(200);
    const again = await send(bench, sent);
    expect([again.status, again.json['error']]).toEqual([401, 'invalid_signature']);
    expect(bench.refusals.map(({ rule }) => rule)).toEqual(['replayed']);
  });

  it('when its nonce is used by the same key again, whatever it says', async () => {
    const headers = [
      ['Content-Type', 'application/json'],
      ['Nonce', nonce()],
    ] as const;
    await send(bench, await message(bench, { headers }));
    const again = await send(bench, await message(bench, { headers, created: bench.clock() + 1 }));
    expect(again.status).toBe(401);
  });

  it('without a nonce where one is required', async () => {
    const strict = await makeBench({ delegates: { requireNonce: true } });
    const sent = await message(strict, { headers: [['Content-Type', 'application/json']] });
    expect((await send(strict, sent)).status).toBe(401);
    expect(strict.refusals.map(({ rule }) => rule)).toEqual(['nonce_required']);
    expect((await send(strict, await message(strict))).status).toBe(200);
  });
});

describe('the built-in authenticator', () => {
  it('answers wrong, unknown and revoked secrets with the same bytes', async () => {
    const { enrolmentSecret } = await addDelegate(bench.store, 'phone', bench);
    const asPhone = { sub: 'phone', enrolment_secret: enrolmentSecret };
    expect((await send(bench, await message(bench, { body: body(bench, asPhone) }))).status).toBe(
      200,
    );
    expect(await bench.store.revoke('phone', bench.clock())).toBe(true);
    const answers = await Promise.all(
      [
        asPhone,
        { sub: 'phone' /* with the secret of nobody */, enrolment_secret: 'A'.repeat(43) },
        { sub: 'nobody', enrolment_secret: 'A'.repeat(43) },
        { enrolment_secret: enrolmentSecret },
      ].map(async (changes) => send(bench, await message(bench, { body: body(bench, changes) }))),
    );
    const heads = answers.map(({ response, status, json }) => {
      const headers = [...response.headers].filter(([name]) => name !== 'x-request-id');
      return JSON.stringify([status, headers, json]);
    });
    expect(new Set(heads).size).toBe(1);
    expect(answers[0]!.status).toBe(403);
  });

  it('stops at once for the one that is revoked, and for no other', async () => {
    const { enrolmentSecret } = await addDelegate(bench.store, 'phone', bench);
    await bench.store.revoke('laptop', bench.clock());
    expect((await send(bench, await message(bench))).status).toBe(403);
    const asPhone = { sub: 'phone', enrolment_secret: enrolmentSecret };
    expect((await send(bench, await message(bench, { body: body(bench, asPhone) }))).status).toBe(
      200,
    );
  });

  it('does not take an old secret for a name that was added anew', async () => {
    await bench.store.revoke('laptop', bench.clock());
    const { enrolmentSecret } = await addDelegate(bench.store, 'laptop', bench);
    expect((await send(bench, await message(bench))).status).toBe(403);
    const anew = body(bench, { enrolment_secret: enrolmentSecret });
    expect((await send(bench, await message(bench, { body: anew }))).status).toBe(200);
  });
});

describe('an authenticator of one’s own', () => {
  it('is told name, key, audience and proof, once the signature has been verified', async () => {
    const seen: unknown[] = [];
    const own = await makeBench({
      delegates: {
        authenticate: (request) => {
          seen.push(request);
          return 'accepted';
        },
      },
    });
    const sent = body(own, {
      sub: 'worker-7',
      aud: 'https://rs.example',
      enrolment_secret: 'ticket',
    });
    const { json } = await send(own, await message(own, { body: sent }));
    expect(decoded(json['agent_token'] as string).payload['sub']).toBe('worker-7');
    const { publicJwk, thumbprint } = own.signer.key;
    const { kid: _kid, ...jwk } = publicJwk;
    expect(seen).toEqual([
      {
        delegate: 'worker-7',
        key: { jwk, thumbprint },
        audience: ['https://rs.example'],
        enrolmentSecret: 'ticket',
      },
    ]);
  });

  it('may need no secret', async () => {
    const own = await makeBench({ delegates: { authenticate: () => 'accepted' } });
    const sent = body(own, { enrolment_secret: undefined });
    expect((await send(own, await message(own, { body: sent }))).status).toBe(200);
  });

  it('issues nothing unless it says so in so many words', async () => {
    const own = await makeBench({
      delegates: { authenticate: () => true as never as EnrolmentVerdict },
    });
    expect((await send(own, await message(own))).status).toBe(403);
  });

  it('that fails is 503 for the moment, with nothing of the cause in the answer', async () => {
    const own = await makeBench({
      delegates: { authenticate: () => Promise.reject(new Error('directory at 10.0.0.7')) },
    });
    const { status, json, response } = await send(own, await message(own));
    expect([status, response.headers.get('retry-after')]).toEqual([503, '10']);
    expect(JSON.stringify(json)).not.toContain('10.0.0.7');
    expect(own.remembered).toEqual([]);
  });
});

describe('where requests are remembered', () => {
  const keep = (verdict: 'full' | Error): ReplayStore => ({
    remember: async () => {
      if (verdict instanceof Error) throw verdict;
      return verdict;
    },
  });

  it.each([
    ['fails', keep(new Error('disk')), 503],
    ['is full', keep('full'), 429],
  ])('nothing is issued while it %s', async (_, replay, status) => {
    const made = await makeBench({ delegates: { replay } });
    const { json, status: answered, response } = await send(made, await message(made));
    expect(answered).toBe(status);
    expect(response.headers.has('retry-after')).toBe(true);
    expect(json).not.toHaveProperty('agent_token');
  });

  it('strangers leave nothing', async () => {
    const strangers = await Promise.all(Array.from({ length: 5 }, () => makeBareKey()));
    for (const signer of strangers) {
      const sent = body(bench, { cnf_jwk: signer.key.publicJwk, enrolment_secret: 'guessed' });
      expect((await send(bench, await message(bench, { body: sent }, signer))).status).toBe(403);
    }
    expect(bench.remembered).toEqual([]);
  });

  it('a delegate is charged to its agent server', async () => {
    const owners: (string | undefined)[] = [];
    const replay: ReplayStore = {
      remember: async ({ owner }) => {
        owners.push(owner);
        return 'fresh';
      },
    };
    const made = await makeBench({ delegates: { replay } });
    await send(made, await message(made));
    expect(owners).toEqual([made.party.id]);
  });
});

describe('names of delegates', () => {
  it.each(['', 'lap top', 'ä', 'x'.repeat(256)])('may not be %j', async (name) => {
    const work = addDelegate(bench.store, name, bench);
    await expect(work).rejects.toMatchObject({ code: 'configuration_invalid' });
    expect((await bench.store.list()).map(({ delegate }) => delegate)).toEqual(['laptop']);
  });

  it('are given once', async () => {
    const error: unknown = await addDelegate(bench.store, 'laptop', bench).catch((one) => one);
    expect(isAAuthError(error, 'invalid_request') && error.rule).toBe('delegate_exists');
    expect((await send(bench, await message(bench))).status).toBe(200);
  });
});

describe('over a socket', () => {
  it('listenForCallback serves it, and says what is too large', async () => {
    const probe = createServer();
    await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve));
    const { port } = probe.address() as { port: number };
    await new Promise((resolve) => probe.close(resolve));
    const id = `http://127.0.0.1:${port}`;
    const made = await makeBench({ agent: { id, insecureLoopback: true } });
    const listener = await listenForCallback(made.server, { port });
    try {
      const url = `${id}/delegate/token`;
      const post = async (sent: Partial<Parameters<typeof message>[1]>) => {
        const { headers, body: bytes } = await message(made, { url, ...sent });
        const lines = headers.filter(([name]) => name !== 'Host') as [string, string][];
        return await fetch(url, { method: 'POST', headers: lines, body: bytes! });
      };
      const good = await post({});
      expect(good.status).toBe(200);
      expect(Object.keys(await good.json())).toEqual(['agent_token', 'expires_in']);
      for (const size of [17_000, 300_000]) {
        const large = await post({ body: body(made, { enrolment_secret: 'x'.repeat(size) }) });
        expect(large.status).toBe(413);
      }
      expect((await post({})).status).toBe(200);
    } finally {
      await listener.close();
    }
  });
});

it('a change of one header is noticed', async () => {
  const sent = changedHeader(await message(bench), 'nonce', () => nonce());
  expect((await send(bench, sent)).status).toBe(401);
});
