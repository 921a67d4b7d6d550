import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type HttpMessage, utf8 } from '@countersign/httpsig';
import {
  authTokenFor,
  changedHeader,
  holder,
  identifier,
  jwksOf,
  makeAuthServer,
  makeBareKey,
  makeDelegate,
  requestOf,
  type Shape,
  type Signer,
  signedMessage,
  withBrokenSignature,
  withoutHeader,
} from '../../../protocol/test/kit.js';
import { Bench, type Contents, FORM, ISSUER, nonce, headersButId } from './kit.js';

const ENDPOINT = `${ISSUER}/agent/token`;

let bench: Bench;
beforeAll(async () => {
  bench = await Bench.open();
});
afterAll(() => bench.close());

/** The bytes of a valid request for access, signed by the agent unless told otherwise. */
async function validBody(): Promise<string> {
  return new URLSearchParams(await bench.accessRequest()).toString();
}

async function message(signer: Signer, shape: Partial<Shape> = {}): Promise<HttpMessage> {
  return await signedMessage(signer, {
    url: ENDPOINT,
    headers: [['Content-Type', FORM], nonce()],
    body: await validBody(),
    created: bench.clock(),
    ...shape,
  });
}

const send = (one: HttpMessage) => bench.send(requestOf(one, ISSUER));

describe('The token endpoint, before it looks at what is asked', () => {
  let before: Contents;
  beforeEach(() => {
    before = bench.contents();
    bench.discovery.lookups.length = 0;
  });

  it('takes a request that is signed with an identity', async () => {
    expect((await send(await message(bench.agent))).status).toBe(200);
    expect(bench.count('pending_decisions')).toBe((before['pending_decisions'] ?? []).length + 1);
    expect(bench.discovery.count).toBeGreaterThan(0);
  });

  it.each(['GET', 'HEAD', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])(
    'answers %s with 405, Allow: POST and nothing else done',
    async (method) => {
      const body = method === 'GET' || method === 'HEAD' ? {} : { body: await validBody() };
      const request = new Request(ENDPOINT, { method, headers: { 'content-type': FORM }, ...body });
      const answer = await bench.send(request);
      expect(answer.status).toBe(405);
      expect(answer.headers.get('allow')).toBe('POST');
      expect(answer.headers.get('cache-control')).toBe('no-store');
      expect(bench.contents()).toEqual(before);
      expect(bench.discovery.count).toBe(0);
    },
  );

  it.each(['application/json', 'text/plain', 'multipart/form-data; boundary=x'])(
    'answers a signed body of type %s with 415',
    async (type) => {
      const answer = await send(
        await message(bench.agent, { headers: [['Content-Type', type], nonce()] }),
      );
      expect(answer.status).toBe(415);
      expect(answer.json['error']).toBe('invalid_request');
      expect(bench.contents()).toEqual(before);
    },
  );

  it('takes a content type with a parameter', async () => {
    const headers = [['Content-Type', `${FORM}; charset=UTF-8`], nonce()] as const;
    expect((await send(await message(bench.agent, { headers }))).status).toBe(200);
  });

  it('takes a body of 16 KiB and answers one byte more with 413, asking nobody', async () => {
    const valid = await validBody();
    const filled = (length: number) => `${valid}&filler=`.padEnd(length, 'x');
    const most = await message(bench.agent, { body: filled(16 * 1024) });
    expect((await send(most)).status).toBe(200);
    bench.discovery.lookups.length = 0;
    const stored = bench.contents();
    const answer = await send(await message(bench.agent, { body: filled(16 * 1024 + 1) }));
    expect(answer.status).toBe(413);
    expect(answer.json['error']).toBe('invalid_request');
    expect(bench.contents()).toEqual(stored);
    expect(bench.discovery.count).toBe(0);
  });

  it('answers a body without end with 413 and reads no further than it must', async () => {
    let sent = 0;
    const endless = new ReadableStream<Uint8Array>({
      pull(controller) {
        sent += 1024;
        controller.enqueue(new Uint8Array(1024).fill(0x61));
      },
    });
    const request = new Request(ENDPOINT, {
      method: 'POST',
      headers: { 'content-type': FORM },
      body: endless,
      duplex: 'half',
    } as RequestInit);
    expect((await bench.send(request)).status).toBe(413);
    expect(sent).toBeLessThan(32 * 1024);
  });

  it('answers a body that breaks off with 400', async () => {
    let pulled = false;
    const broken = new ReadableStream<Uint8Array>({
      pull(controller) {
        if (pulled) controller.error(new Error('/srv/secret: connection reset'));
        else controller.enqueue(utf8('request_type=auth'));
        pulled = true;
      },
    });
    const request = new Request(ENDPOINT, {
      method: 'POST',
      headers: { 'content-type': FORM },
      body: broken,
      duplex: 'half',
    } as RequestInit);
    const answer = await bench.send(request);
    expect(answer.status).toBe(400);
    expect(answer.text).not.toContain('secret');
  });

  it('answers for no other authority than its own', async () => {
    const other = await message(bench.agent, { authority: 'other.example' });
    const answer = await send(changedHeader(other, 'host', () => 'other.example'));
    expect(answer.status).toBe(421);
    expect(bench.contents()).toEqual(before);
    expect(bench.discovery.count).toBe(0);
  });

  describe('challenges with 401 and Agent-Auth: httpsig; identity=?1', () => {
    async function expectChallenge(one: HttpMessage, error: string, asked: boolean): Promise<void> {
      const answer = await send(one);
      expect({ status: answer.status, error: answer.json['error'] }).toEqual({
        status: 401,
        error,
      });
      expect(answer.headers.get('agent-auth')).toBe('httpsig; identity=?1');
      expect(answer.headers.get('cache-control')).toBe('no-store');
      expect(bench.contents()).toEqual(before);
      expect(bench.discovery.count > 0).toBe(asked);
    }

    it.each(['Signature', 'Signature-Input', 'Signature-Key'])(
      'a request without %s, asking nobody',
      async (name) => {
        const one = withoutHeader(await message(bench.agent), name);
        await expectChallenge(one, 'invalid_signature', false);
      },
    );

    it('a request with no signature at all, asking nobody', async () => {
      const signed = await message(bench.agent);
      const headers = signed.headers.filter(([name]) => !/^signature/i.test(name));
      await expectChallenge({ ...signed, headers }, 'invalid_signature', false);
    });

    it('a signature that does not verify', async () => {
      const one = withBrokenSignature(await message(bench.agent));
      await expectChallenge(one, 'invalid_signature', true);
    });

    it('a body that was exchanged, asking nobody', async () => {
      const one = { ...(await message(bench.agent)), body: utf8(`${await validBody()}&x=1`) };
      await expectChallenge(one, 'invalid_signature', false);
    });

    it.each([-61, 61])('a signature made %d seconds from now, asking nobody', async (seconds) => {
      const created = bench.clock() + seconds;
      await expectChallenge(await message(bench.agent, { created }), 'invalid_signature', false);
    });

    it('a bare key', async () => {
      await expectChallenge(await message(await makeBareKey()), 'invalid_signature', false);
    });

    it('a JWKS URL without an identity', async () => {
      const { kid } = bench.agent.keys.current;
      const jwks = `${bench.agent.id}/jwks.json`;
      const signatureKey = { scheme: 'jwks', mode: 'url', jwks, kid } as const;
      const one = await message({ key: bench.agent.key, signatureKey });
      await expectChallenge(one, 'invalid_signature', true);
    });

    it('an identifier that is itself the JWKS', async () => {
      const { wellKnown: _left, ...signatureKey } = {
        ...jwksOf(bench.agent),
        wellKnown: undefined,
      };
      bench.discovery.publishKeys(bench.agent.id, bench.agent.keys.jwks.keys);
      const one = await message({ key: bench.agent.key, signatureKey });
      await expectChallenge(one, 'invalid_signature', true);
    });

    it('a resource that does not sign as an agent', async () => {
      const signatureKey = jwksOf(bench.resource, 'aauth-resource');
      const one = await message({ key: bench.resource.keys.current, signatureKey });
      await expectChallenge(one, 'invalid_signature', true);
    });

    it('an agent that names another agent’s identifier', async () => {
      const signatureKey = { ...jwksOf(bench.agent), id: bench.resource.id };
      const one = await message({ key: bench.agent.key, signatureKey });
      await expectChallenge(one, 'invalid_signature', true);
    });

    it('an auth token in Signature-Key, even one of its own', async () => {
      const own = { ...bench.resource, id: bench.agent.id };
      const authServer = await makeAuthServer(ISSUER);
      const jwt = await authTokenFor(authServer, own, bench.agent, { now: bench.clock() });
      const one = await message(holder(bench.agent.key, jwt));
      await expectChallenge(one, 'invalid_token', false);
    });

    it('an agent token for another auth server', async () => {
      const delegate = await makeDelegate(bench.agent, {
        audience: bench.resource.id,
        now: bench.clock(),
      });
      await expectChallenge(await message(delegate), 'invalid_token', false);
    });

    it('an agent token whose key did not sign', async () => {
      const { jwt } = await makeDelegate(bench.agent, { now: bench.clock() });
      const one = await message(holder(bench.agent.key, jwt));
      await expectChallenge(one, 'invalid_signature', true);
    });
  });

  it('answers in the same bytes whatever is wrong with the host that the agent names', async () => {
    const { key, id } = bench.agent;
    const from = async (signatureKey: Signer['signatureKey']) => {
      const answer = await send(await message({ key, signatureKey }));
      return [answer.status, answer.text, headersButId(answer.headers)];
    };
    const at = (host: string) =>
      jwksOf({ ...bench.agent, id: identifier(`https://${host}.example`) });
    bench.discovery
      .publishDocument('https://someone.example', 'aauth-agent', { agent: id, jwks_uri: id })
      .publishDocument('https://no-keys.example', 'aauth-agent', {
        agent: 'https://no-keys.example',
        jwks_uri: 'https://no-keys.example/jwks.json',
      })
      .publishDocument('https://bad-keys.example', 'aauth-agent', {
        agent: 'https://bad-keys.example',
        jwks_uri: 'https://bad-keys.example/jwks.json',
      })
      .publishKeys('https://bad-keys.example/jwks.json', [
        { kty: 'OKP', crv: 'Ed25519', x: 'AQ', kid: 'key-1' },
      ]);
    const [status, text, headers] = await from(at('unreachable'));
    expect(status).toBe(401);
    expect(text).not.toMatch(/refused|unreachable|404|status/iu);
    for (const other of [
      at('someone'),
      at('no-keys'),
      at('bad-keys'),
      { ...jwksOf(bench.agent), kid: 'key-99' },
    ]) {
      expect(await from(other)).toEqual([status, text, headers]);
    }
    expect(bench.contents()).toEqual(before);
  });

  describe('the form', () => {
    const refusal = async (body: string): Promise<unknown> => {
      const { status, json } = await bench.token(body);
      expect(bench.contents()).toEqual(before);
      return [status, json['error']];
    };

    it('may not give a parameter twice, even with the same value', async () => {
      const valid = await validBody();
      for (const name of ['request_type', 'resource_token', 'redirect_uri', 'anything']) {
        const value = new URLSearchParams(valid).get(name) ?? 'x';
        const twice = new URLSearchParams([
          ...new URLSearchParams(valid).entries(),
          [name, value],
          ...(valid.includes(name) ? [] : [[name, value]]),
        ]);
        expect(await refusal(twice.toString())).toEqual([400, 'invalid_request']);
      }
    });

    it('must name a request type', async () => {
      const valid = await validBody();
      expect(await refusal(valid.replace('request_type=auth&', ''))).toEqual([
        400,
        'invalid_request',
      ]);
    });

    it.each(['', 'exchanges', 'AUTH', 'toString', '__proto__', 'authorization_code'])(
      'is refused for the request type "%s"',
      async (type) => {
        const valid = await validBody();
        const body = valid.replace('request_type=auth', `request_type=${type}`);
        expect(await refusal(body)).toEqual([400, 'unsupported_request_type']);
      },
    );

    it('must be UTF-8', async () => {
      const body = utf8(`${await validBody()}&x=_`);
      body[body.length - 1] = 0xff;
      const answer = await send(await message(bench.agent, { body }));
      expect([answer.status, answer.json['error']]).toEqual([400, 'invalid_request']);
    });

    it('may carry parameters that mean nothing here', async () => {
      expect((await bench.token(`${await validBody()}&resource=x`)).status).toBe(200);
    });
  });
});
