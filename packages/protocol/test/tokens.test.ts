/** What the three tokens have in common, one change at a time on a token that is otherwise valid and freshly signed. */
import { encodeBase64Url, importVerificationKey, type VerificationKey } from '@countersign/httpsig';
import {
  type ErrorCode,
  type JsonObject,
  TOKEN_TYPES,
  verifyAgentToken,
  verifyAuthToken,
  verifyResourceToken,
} from '@countersign/protocol';
import { describe, expect, it } from 'vitest';
import { compact, decoded, makeSigningKey, makeWorld, NOW, privateJwk, refusalOf } from './kit.js';

const { agent, resource, authServer } = await makeWorld();
const stranger = await makeSigningKey();
const confirmation = await makeSigningKey();

interface Expecting {
  now?: number;
  skewSeconds?: number;
  maxLifetimeSeconds?: number;
  insecureLoopback?: boolean;
}

interface Kind {
  readonly code: ErrorCode;
  readonly issuer: typeof agent | typeof resource;
  readonly header: JsonObject;
  readonly payload: JsonObject;
  /** The longest lifetime accepted, in seconds. */
  readonly limit: number;
  readonly verify: (
    token: string,
    findKey: (issuer: string, kid: string) => Promise<VerificationKey | undefined>,
    expecting?: Expecting,
  ) => Promise<unknown>;
  /** True when the token may be handed back as expired. */
  readonly returnsExpired?: true;
}

const cnf = { jwk: confirmation.publicJwk };

const kinds: Record<'agent' | 'resource' | 'auth', Kind> = {
  agent: {
    code: 'invalid_token',
    issuer: agent,
    header: { alg: 'EdDSA', kid: 'key-1', typ: 'agent+jwt' },
    payload: { iss: agent.id, sub: 'delegate-1', cnf, exp: NOW + 600 },
    limit: 86_400,
    verify: (token, findKey, expecting) =>
      verifyAgentToken(token, { now: NOW, audience: resource.id, findKey, ...expecting }),
  },
  resource: {
    code: 'invalid_resource_token',
    issuer: resource,
    header: { alg: 'EdDSA', kid: 'resource-key-1', typ: 'resource+jwt' },
    payload: {
      iss: resource.id,
      aud: authServer.id,
      agent: agent.id,
      agent_jkt: agent.key.thumbprint,
      scope: 'data.read data.write',
      exp: NOW + 600,
    },
    limit: 900,
    verify: (token, findKey, expecting) =>
      verifyResourceToken(token, {
        now: NOW,
        audience: authServer.id,
        agent: agent.id,
        agentThumbprint: agent.key.thumbprint,
        findKey,
        ...expecting,
      }),
  },
  auth: {
    code: 'invalid_token',
    issuer: authServer,
    header: { alg: 'EdDSA', kid: 'auth-key-1', typ: 'auth+jwt' },
    payload: {
      iss: authServer.id,
      aud: resource.id,
      cnf,
      scope: 'data.read data.write',
      exp: NOW + 600,
      agent: agent.id,
      sub: 'testuser',
    },
    limit: 86_400,
    verify: (token, findKey, expecting) =>
      verifyAuthToken(token, {
        now: NOW,
        audience: resource.id,
        trustedIssuers: [authServer.id],
        findKey,
        ...expecting,
      }),
    returnsExpired: true,
  },
};

const names = ['agent', 'resource', 'auth'] as const;

describe.each(names)('a token of the %s', (name) => {
  const kind = kinds[name];
  const { payload, header } = kind;
  const own = importVerificationKey(kind.issuer.keys.current.publicJwk);

  const sign = (
    change: JsonObject = {},
    headerChange: JsonObject = {},
    key = kind.issuer.keys.current,
  ) => {
    const members = Object.entries({ ...payload, ...change }).filter(
      ([, one]) => one !== undefined,
    );
    return compact({ ...header, ...headerChange }, Object.fromEntries(members), key);
  };

  const check = async (
    token: string,
    expecting: Expecting = {},
    key?: Promise<VerificationKey | undefined>,
  ) => {
    const lookups: string[] = [];
    const work = kind.verify(
      token,
      (issuer, kid) => {
        lookups.push(`${issuer} ${kid}`);
        return key ?? own;
      },
      expecting,
    );
    const found = await work.then(
      (value) => ({ value, rule: undefined, error: undefined }),
      async () => {
        const error = await refusalOf(work);
        return { value: undefined, rule: error.rule, error };
      },
    );
    return { ...found, lookups };
  };

  const expectRefused = async (
    token: string,
    rule: string,
    lookups = 0,
    expecting: Expecting = {},
  ) => {
    const found = await check(token, expecting);
    expect(found.rule).toBe(rule);
    expect(found.error?.code).toBe(kind.code);
    expect(found.lookups).toHaveLength(lookups);
    // Nothing that was sent comes back in what is said about it.
    expect(`${found.error?.message} ${found.error?.detail}`).not.toContain(token.slice(-40));
  };

  it('is accepted, and its issuer is asked for the key it names', async () => {
    const { rule, lookups } = await check(await sign());
    expect(rule).toBe(undefined);
    expect(lookups).toEqual([`${kind.issuer.id} ${String(header['kid'])}`]);
  });

  it('is accepted with claims nobody knows', async () => {
    expect((await check(await sign({ other: { a: [1] } }))).rule).toBe(undefined);
  });

  describe('is refused before any key is looked up', () => {
    const wrongTypes: [string, unknown][] = [
      ['a number', 1],
      ['true', true],
      ['a list', ['https://rs.example']],
      ['an object', {}],
      ['the empty text', ''],
    ];
    const identifiers =
      name === 'agent' ? ['iss'] : name === 'auth' ? ['iss', 'aud'] : ['iss', 'aud', 'agent'];
    const texts =
      name === 'agent'
        ? ['iss', 'sub']
        : name === 'auth'
          ? ['iss', 'aud']
          : ['iss', 'aud', 'agent', 'agent_jkt'];

    it.each(texts)('without %s', async (claim) => {
      await expectRefused(await sign({ [claim]: undefined }), `${claim}_missing`);
      await expectRefused(await sign({ [claim]: null }), `${claim}_missing`);
    });

    describe.each(texts)('for %s', (claim) => {
      it.each(wrongTypes)('that is %s', async (_what, value) => {
        await expectRefused(await sign({ [claim]: value }), `${claim}_invalid`);
      });
      it('of more than 2,048 characters', async () => {
        await expectRefused(await sign({ [claim]: 'a'.repeat(2049) }), `${claim}_invalid`);
      });
    });

    describe.each(identifiers)('for %s', (claim) => {
      it.each([
        'https://Agent.example',
        'https://agent.example/',
        'https://agent.example:443',
        'http://agent.example',
        'http://127.0.0.1:8001',
        'agent.example',
      ])('that is %s', async (value) => {
        await expectRefused(await sign({ [claim]: value }), `${claim}_invalid`);
      });
    });

    it.each<[string, unknown, string]>([
      ['missing', undefined, 'exp_missing'],
      ['null', null, 'exp_invalid'],
      ['a text', String(NOW + 600), 'exp_invalid'],
      ['a fraction', NOW + 600.5, 'exp_invalid'],
      ['true', true, 'exp_invalid'],
      ['a list', [NOW + 600], 'exp_invalid'],
      ['unsafe', 2 ** 53, 'exp_invalid'],
    ])('for exp that is %s', async (_what, exp, rule) => {
      await expectRefused(await sign({ exp }), rule);
    });

    it.each([
      ['1e999', 'exp_invalid'],
      ['-1e999', 'exp_invalid'],
      ['9007199254740992', 'exp_invalid'],
      ['9007199254740991', 'exp_too_far'],
    ])('for exp written as %s', async (exp, rule) => {
      const text = JSON.stringify(payload).replace(`"exp":${NOW + 600}`, `"exp":${exp}`);
      await expectRefused(await compact(header, text, kind.issuer.keys.current), rule);
    });

    it('for exp given twice', async () => {
      const text = JSON.stringify(payload).replace(/}$/, `,"\\u0065xp":${NOW + 600}}`);
      await expectRefused(await compact(header, text, kind.issuer.keys.current), 'token_malformed');
    });

    describe.each(['iat', 'nbf'])('for %s', (claim) => {
      it.each<[string, unknown]>([
        ['a text', String(NOW)],
        ['null', null],
        ['a fraction', NOW + 0.5],
        ['a list', [NOW]],
      ])('that is %s', async (_what, value) => {
        await expectRefused(await sign({ [claim]: value }), `${claim}_invalid`);
      });

      it('11 seconds in the future', async () => {
        await expectRefused(await sign({ [claim]: NOW + 11 }), `${claim}_in_future`);
        expect((await check(await sign({ [claim]: NOW + 10 }))).rule).toBe(undefined);
        expect((await check(await sign({ [claim]: NOW - 100_000 }))).rule).toBe(undefined);
        expect((await check(await sign({ [claim]: 0 }))).rule).toBe(undefined);
      });
    });

    it('for a lifetime over its limit, whatever the allowance', async () => {
      const { limit } = kind;
      await expectRefused(await sign({ exp: NOW + limit + 1 }), 'exp_too_far');
      expect((await check(await sign({ exp: NOW + limit }))).rule).toBe(undefined);
      await expectRefused(await sign({ exp: NOW + limit + 1 }), 'exp_too_far', 0, {
        skewSeconds: 0,
      });
      const allowed = await check(await sign({ exp: NOW + limit }), { skewSeconds: 0 });
      expect(allowed.rule).toBe(undefined);
      await expectRefused(await sign(), 'exp_too_far', 0, { maxLifetimeSeconds: 500 });
    });

    it.each(names.filter((one) => one !== name))('for the typ of the %s', async (other) => {
      await expectRefused(await sign({}, { typ: TOKEN_TYPES[other] }), 'token_type');
    });

    it.each([
      'JWT',
      'jwt',
      '',
      TOKEN_TYPES[name].toUpperCase(),
      `application/${TOKEN_TYPES[name]}`,
      ` ${TOKEN_TYPES[name]}`,
      'aa-auth+jwt',
    ])('for typ "%s"', async (typ) => {
      await expectRefused(await sign({}, { typ }), 'token_type');
    });

    it('for a header member that names a key', async () => {
      const jwk = stranger.publicJwk;
      await expectRefused(
        await sign({}, { jwk }, kind.issuer.keys.current),
        'token_header_forbidden',
      );
    });

    it.each(['none', 'HS256', 'RS256', 'PS256', 'ES256K', 'eddsa', 'ed25519', ''])(
      'for the alg "%s", which no key here has',
      async (alg) => {
        await expectRefused(await sign({}, { alg }), 'token_algorithm');
      },
    );

    it.each(['header', 'payload'])('for a byte order mark before its %s', async (part) => {
      const mark = (text: JsonObject, marked: boolean) =>
        `${marked ? '\ufeff' : ''}${JSON.stringify(text)}`;
      const token = await compact(
        mark(header, part === 'header'),
        mark(payload, part === 'payload'),
        kind.issuer.keys.current,
      );
      await expectRefused(token, 'token_malformed');
    });

    it('for padding', async () => {
      await expectRefused(`${await sign()}=`, 'token_malformed');
    });
  });

  describe('is refused after its key was looked up', () => {
    it('when its signature is changed', async () => {
      const token = await sign();
      const signature = token.slice(token.lastIndexOf('.') + 1);
      const bytes = Uint8Array.from(Buffer.from(signature, 'base64url'));
      bytes[10] = (bytes[10] ?? 0) ^ 1;
      await expectRefused(token.replace(signature, encodeBase64Url(bytes)), 'token_signature', 1);
    });

    it('when another key signed it', async () => {
      await expectRefused(await sign({}, {}, { ...stranger, kid: 'key-1' }), 'token_signature', 1);
    });

    it('when the key it is bound to signed it', async () => {
      await expectRefused(
        await sign({}, {}, { ...confirmation, kid: 'key-1' }),
        'token_signature',
        1,
      );
    });

    it.each(['ES256', 'PS512'])('when its alg is %s, of another key', async (alg) => {
      await expectRefused(await sign({}, { alg }), 'token_signature', 1);
    });

    it('when its issuer publishes no such key', async () => {
      const found = await check(await sign({}, { kid: 'key-9' }), {}, Promise.resolve(undefined));
      expect(found.rule).toBe('kid_unknown');
      expect(found.error?.code).toBe(kind.code);
      expect(found.lookups).toEqual([`${kind.issuer.id} key-9`]);
    });
  });

  it('passes on what went wrong in the look-up', async () => {
    const failure = new TypeError('the look-up failed');
    await expect(kind.verify(await sign(), () => Promise.reject(failure))).rejects.toBe(failure);
  });

  describe('has expired', () => {
    const expired = async (exp: number, expecting: Expecting = {}): Promise<boolean> => {
      const { rule, value } = await check(await sign({ exp }), expecting);
      if (kind.returnsExpired === true) {
        expect(rule).toBe(undefined);
        return (value as { state: string }).state === 'expired';
      }
      if (rule !== undefined) expect(rule).toBe('token_expired');
      return rule !== undefined;
    };

    it('ten seconds after exp', async () => {
      expect(await expired(NOW + 1)).toBe(false);
      expect(await expired(NOW)).toBe(false);
      expect(await expired(NOW - 9)).toBe(false);
      expect(await expired(NOW - 10)).toBe(true);
      expect(await expired(NOW - 100_000)).toBe(true);
      expect(await expired(0)).toBe(true);
      expect(await expired(-1)).toBe(true);
    });

    it('at exp when no allowance is made', async () => {
      expect(await expired(NOW + 1, { skewSeconds: 0 })).toBe(false);
      expect(await expired(NOW, { skewSeconds: 0 })).toBe(true);
      expect(await expired(NOW, { skewSeconds: -50 })).toBe(true);
    });

    it('a minute after exp at the latest, whatever allowance was configured', async () => {
      expect(await expired(NOW - 59, { skewSeconds: 3600 })).toBe(false);
      expect(await expired(NOW - 60, { skewSeconds: 3600 })).toBe(true);
    });
  });

  it.each<[string, Expecting]>([
    ['a clock', { now: Number.NaN }],
    ['an allowance', { skewSeconds: Number.NaN }],
    ['a limit', { maxLifetimeSeconds: Number.NaN }],
  ])('is refused by %s that is not a number', async (_what, expecting) => {
    for (const exp of [NOW + 600, NOW - 600]) {
      const { rule, lookups } = await check(await sign({ exp }), expecting);
      expect(rule).toBe('exp_too_far');
      expect(lookups).toEqual([]);
    }
  });

  it('keeps its limit when the option is there and undefined', async () => {
    const expecting = { maxLifetimeSeconds: undefined } as unknown as Expecting;
    await expectRefused(await sign({ exp: NOW + kind.limit + 11 }), 'exp_too_far', 0, expecting);
  });

  it('says so when it has expired, and the same sentence for everything else', async () => {
    const messages = new Set<string | undefined>();
    for (const change of [{ iss: 1 }, { exp: 'soon' }, { iat: NOW + 100 }]) {
      messages.add((await check(await sign(change))).error?.message);
    }
    messages.add((await check(await sign({}, {}, { ...stranger, kid: 'key-1' }))).error?.message);
    expect(messages.size).toBe(1);
  });
});

describe.each(['agent', 'auth'] as const)('the key that a token of the %s is bound to', (name) => {
  const kind = kinds[name];
  const check = async (value: unknown) => {
    const lookups: string[] = [];
    const key = await importVerificationKey(kind.issuer.keys.current.publicJwk);
    const token = await compact(
      kind.header,
      { ...kind.payload, cnf: value },
      kind.issuer.keys.current,
    );
    const work = kind.verify(token, async (issuer) => {
      lookups.push(issuer);
      return key;
    });
    return { work, lookups };
  };
  const { x } = confirmation.publicJwk as { x: string };
  const okp = { kty: 'OKP', crv: 'Ed25519', x };

  it.each<[string, unknown, string]>([
    ['missing', undefined, 'cnf_missing'],
    ['null', null, 'cnf_missing'],
    ['a text', 'key', 'cnf_missing'],
    ['a list', [{ jwk: okp }], 'cnf_missing'],
    ['an empty object', {}, 'cnf_missing'],
    ['a thumbprint alone', { jkt: confirmation.thumbprint }, 'cnf_missing'],
    ['a key id alone', { kid: 'key-1' }, 'cnf_missing'],
    ['a null key', { jwk: null }, 'cnf_key_invalid'],
    ['a key in text', { jwk: JSON.stringify(okp) }, 'cnf_key_invalid'],
    ['a list of keys', { jwk: [okp] }, 'cnf_key_invalid'],
    ['a key without x', { jwk: { ...okp, x: undefined } }, 'cnf_key_invalid'],
    ['a key whose x is padded', { jwk: { ...okp, x: `${x}=` } }, 'cnf_key_invalid'],
    ['a key whose x is a byte short', { jwk: { ...okp, x: x.slice(0, -2) } }, 'cnf_key_invalid'],
    ['a small-order key', { jwk: { ...okp, x: `AQ${'A'.repeat(41)}` } }, 'cnf_key_weak'],
    [
      'the neutral element in disguise',
      { jwk: { ...okp, x: `7v${'_'.repeat(39)}38` } },
      'cnf_key_invalid',
    ],
    ['a symmetric key', { jwk: { kty: 'oct', k: 'c2VjcmV0' } }, 'cnf_key_unsupported'],
    ['a key on another curve', { jwk: { ...okp, crv: 'X25519' } }, 'cnf_key_unsupported'],
    ['a key for encryption', { jwk: { ...okp, use: 'enc' } }, 'cnf_key_unsupported'],
    [
      'a key whose alg is of another type',
      { jwk: { ...okp, alg: 'ES256' } },
      'cnf_algorithm_mismatch',
    ],
    [
      'a point that is not on its curve',
      { jwk: { kty: 'EC', crv: 'P-256', x, y: x } },
      'cnf_key_invalid',
    ],
  ])('is refused when %s, before any look-up', async (_what, value, rule) => {
    const { work, lookups } = await check(value);
    expect(await refusalOf(work)).toMatchObject({ code: 'invalid_token', rule });
    expect(lookups).toEqual([]);
  });

  it('is read without private members that stand beside it', async () => {
    const secret = await privateJwk('ed25519', 'key-7');
    const { work } = await check({ jwk: { ...secret, note: 'x' } });
    const result = (await work) as {
      confirmation?: VerificationKey;
      token?: { confirmation: VerificationKey };
    };
    const key = result.confirmation ?? result.token?.confirmation;
    expect(key?.jwk).toEqual({ kty: 'OKP', crv: 'Ed25519', x: secret.x, kid: 'key-7' });
  });
});

it('no token is taken for one of another kind, however its claims look', async () => {
  const everything = Object.assign({}, ...names.map((name) => kinds[name].payload)) as JsonObject;
  for (const one of names) {
    for (const other of names) {
      const { issuer, header } = kinds[one];
      const token = await compact(
        header,
        { ...everything, ...kinds[other].payload },
        issuer.keys.current,
      );
      const key = await importVerificationKey(issuer.keys.current.publicJwk);
      const work = kinds[other].verify(token, async () => key);
      if (one === other) await work;
      else expect(await refusalOf(work)).toMatchObject({ rule: 'token_type' });
    }
  }
  expect(decoded(await compact({}, everything, stranger)).payload).toHaveProperty('agent_jkt');
});
