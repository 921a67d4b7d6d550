import { describe, expect, it } from 'vitest';
import {
  ALGORITHM_NAMES,
  encodeBase64,
  encodeBase64Url,
  type HttpMessage,
  importSigningKey,
  importVerificationKey,
  generatePrivateJwk,
  parsePublicJwk,
  requiredComponents,
  SignatureError,
  type SignatureKey,
  type SignatureRule,
  utf8,
  type Wire,
} from '../src/index.js';
import { smallOrderEncodings } from './edwards.js';
import {
  AUTHORITY,
  changed,
  check,
  COVERED_BY_GET,
  COVERED_BY_POST,
  type Departure,
  expectAccepted,
  expectRefused,
  get,
  header,
  jwksKey,
  NOW,
  plus,
  post,
  profile,
  signed,
  signedAs,
  signingKey,
  testKeys,
  without,
} from './support.js';

type Options = Parameters<typeof check>[1];

const WIRES = ['rfc9421', '2026-02', '2026-01'] as const;
const digestOf = async (body: Uint8Array<ArrayBuffer>, hash = 'SHA-256') =>
  encodeBase64(new Uint8Array(await crypto.subtle.digest(hash, body)));

describe('a signed request is accepted', () => {
  describe.each(ALGORITHM_NAMES)('with %s', (algorithm) => {
    it.each(WIRES)('under %s', async (wire) => {
      const message = await signed(post, { wire, key: await signingKey(algorithm) });
      const signature = await expectAccepted(message, { acceptWire: [wire], algorithm });
      expect(signature).toMatchObject({
        wire,
        authority: AUTHORITY,
        created: NOW,
        nonce: 'q83vEjRWeJCrze8S',
        signatureKey: jwksKey,
      });
      expect(signature.resolved.key.algorithm.name).toBe(algorithm);
    });
  });

  it('and what is returned says what was signed', async () => {
    const message = await signed(get);
    const { base, components, nonce, resolved } = await expectAccepted(message);
    expect(components).toEqual(['@method', '@authority', '@path', 'signature-key']);
    expect(nonce).toBe(undefined);
    expect(resolved.key.thumbprint).toBe((await signingKey()).thumbprint);
    expect(new TextDecoder().decode(base)).toBe(
      [
        '"@method": GET',
        '"@authority": api.example',
        '"@path": /data',
        `"signature-key": ${header(message, 'signature-key')}`,
        `"@signature-params": ("@method" "@authority" "@path" "signature-key");created=${NOW}`,
      ].join('\n'),
    );
  });

  it('and whatever else the resolver learned is passed on', async () => {
    const key = await importVerificationKey(testKeys.ed25519);
    const { resolved } = await expectAccepted(await signed(get), {
      resolveKey: async () => ({ key, agent: 'https://agent.example' }),
    });
    expect(resolved).toEqual({ key, agent: 'https://agent.example' });
  });

  it.each<[string, HttpMessage]>([
    ['without a query, body or nonce', get],
    ['with a query', { ...get, target: '/data?a=b' }],
    ['with a bare question mark', { ...get, target: '/data?' }],
    ['with a question mark inside its query', { ...get, target: '/data?a?b' }],
    ['with a body of no bytes', { ...get, body: new Uint8Array() }],
    ['with a Content-Type and no body', plus(get, 'Content-Type', 'text/plain')],
    ['with a method nobody knows', { ...get, method: 'PURGE' }],
    ['with a path that is not normal', { ...get, target: '//a/../%2E' }],
    ['without a Host', without(get, 'host')],
    ['with its Host in upper case', changed(get, 'host', (host) => host.toUpperCase())],
    ['with other headers on several lines', plus(get, 'accept', 'text/html')],
    ['with a body that is not text', { ...post, body: Uint8Array.of(0, 255, 10, 13) }],
  ])('%s', async (_what, message) => {
    await expectAccepted(await signed(message));
  });

  it.each<[string, HttpMessage, Departure]>([
    ['under another label', post, { label: 'anything-else' }],
    ['with its components in another order', post, { covered: COVERED_BY_POST.toReversed() }],
    ['covering another field', post, { covered: [...COVERED_BY_POST, '"x-trace"'] }],
    ['covering the Host field as well', get, { covered: [...COVERED_BY_GET, '"host"'] }],
    [
      'covering an empty field',
      plus(get, 'x-empty', ''),
      { covered: [...COVERED_BY_GET, '"x-empty"'] },
    ],
    [
      'covering a field that stands on two lines',
      plus(get, 'accept', 'text/html'),
      { covered: [...COVERED_BY_GET, '"accept"'] },
    ],
    [
      'with a keyid, tag and nonce parameter',
      get,
      { parameters: `;created=${NOW};keyid="k";tag="t";nonce="n"` },
    ],
    ['with a parameter nobody knows', get, { parameters: `;created=${NOW};x=?1` }],
    ['with its parameters in another order', get, { parameters: `;tag="t";created=${NOW}` }],
    ['with the alg of its key', get, { parameters: `;created=${NOW};alg="ed25519"` }],
    ['created 60 seconds ago', get, { parameters: `;created=${NOW - 60}` }],
    ['created 60 seconds from now', get, { parameters: `;created=${NOW + 60}` }],
    [
      'expired 10 seconds ago, which is allowed',
      get,
      { parameters: `;created=${NOW};expires=${NOW - 10}` },
    ],
    ['that expires later', get, { parameters: `;created=${NOW};expires=${NOW + 1}` }],
  ])('%s', async (_what, message, departure) => {
    await expectAccepted(await signedAs(message, departure));
  });

  it('for the second of our authorities, when that is its Host', async () => {
    const message = await signed(
      changed(get, 'host', () => 'other.example'),
      {
        authority: 'other.example',
      },
    );
    const { authority } = await expectAccepted(message, {
      authorities: [AUTHORITY, 'other.example'],
    });
    expect(authority).toBe('other.example');
  });

  it('without a Host, for the first of our authorities and not for the second', async () => {
    const authorities = [AUTHORITY, 'other.example'] as const;
    const bare = without(get, 'host');
    await expectAccepted(await signed(bare), { authorities: [...authorities] });
    const second = await signed(bare, { authority: 'other.example' });
    await expectRefused(second, 'signature_invalid', true, { authorities: [...authorities] });
  });

  it('with its header names in any case and white space around its values', async () => {
    const { headers, ...rest } = await signed(post);
    const shaken = headers.map(([name, value]) => [name.toUpperCase(), ` \t${value}\t `] as const);
    const { nonce } = await expectAccepted({ ...rest, headers: shaken });
    expect(nonce).toBe('q83vEjRWeJCrze8S');
  });

  it.each([
    ['sha-512', async () => `sha-512=:${await digestOf(post.body!, 'SHA-512')}:`],
    [
      'sha-256 and sha-512',
      async () =>
        `sha-256=:${await digestOf(post.body!)}:, sha-512=:${await digestOf(post.body!, 'SHA-512')}:`,
    ],
    [
      'an unknown algorithm beside sha-256',
      async () => `md5=:AA==:, sha-256=:${await digestOf(post.body!)}:`,
    ],
  ])('with a digest of %s', async (_what, digest) => {
    await expectAccepted(await signedAs(plus(post, 'Content-Digest', await digest())));
  });

  it('within a window that the receiver has made wider', async () => {
    const message = await signed(get, { created: NOW - 300 });
    await expectAccepted(message, { windowSeconds: 300 });
    await expectRefused(message, 'created_out_of_window', false);
  });

  it('under each of two wires that are accepted, by its own spelling', async () => {
    for (const wire of ['rfc9421', '2026-02'] as const) {
      const { wire: seen } = await expectAccepted(await signed(get, { wire }));
      expect(seen).toBe(wire);
    }
  });

  it('by a spelling that is that of both wires', async () => {
    const key = await signingKey('ecdsa-p384-sha384');
    for (let attempt = 0; attempt < 2000; attempt++) {
      const message = await signed(get, { key });
      if (/[+/]/.test(header(message, 'signature').slice(6))) continue;
      const options = { algorithm: 'ecdsa-p384-sha384' } as const;
      await expectAccepted(message, { ...options, acceptWire: ['rfc9421'] });
      await expectAccepted(message, { ...options, acceptWire: ['2026-02'] });
      const { wire } = await expectAccepted(message, {
        ...options,
        acceptWire: ['2026-01', '2026-02', 'rfc9421'],
      });
      expect(wire).toBe('2026-02');
      return;
    }
    throw new Error('no such signature in 2000');
  });

  it.each(['hwk', 'jwks', 'jwt', 'x509'] as const)(
    'with scheme %s, when that is accepted',
    async (scheme) => {
      const { jwk } = parsePublicJwk(testKeys.ed25519);
      const keys: Record<string, SignatureKey> = {
        hwk: { scheme: 'hwk', jwk },
        jwks: jwksKey,
        jwt: { scheme: 'jwt', jwt: 'a.b.c' },
        x509: { scheme: 'x509', x5u: 'https://agent.example/c.pem', x5t: 'AAAA' },
      };
      const signatureKey = keys[scheme] ?? jwksKey;
      const message = await signed(get, { signatureKey });
      const { result, lookups } = await check(message, { acceptSchemes: [scheme] });
      expect(result.ok).toBe(true);
      expect(lookups).toEqual([signatureKey]);
      const others = (['hwk', 'jwks', 'jwt', 'x509'] as const).filter((one) => one !== scheme);
      const failure = await expectRefused(message, 'scheme_unsupported', false, {
        acceptSchemes: others,
      });
      expect(failure.accepted).toEqual(others);
    },
  );
});

type Row = [what: string, rule: SignatureRule, make: () => Promise<HttpMessage>, options?: Options];

/** Signed by the rules and then changed. */
const after = (change: (message: HttpMessage) => HttpMessage, message = post) => {
  return async () => change(await signed(message));
};

/** Signed, with a signature that is good, over something the profile does not allow. */
const as = (departure: Departure, message = post) => {
  return () => signedAs(message, departure);
};

const params = (parameters: string) => as({ parameters }, get);
const covering = (identifier: string, message = post) =>
  as({ covered: [...COVERED_BY_POST, identifier] }, message);
const instead = (from: string, to: string, values: Record<string, string> = {}) =>
  as({ covered: COVERED_BY_POST.map((one) => (one === from ? to : one)), values });
const twice = (name: string) => after((message) => plus(message, name, header(message, name)));

describe('a request is refused before any key is looked up', () => {
  it('and the requests below, unchanged, are accepted', async () => {
    await expectAccepted(await signed(post));
    await expectAccepted(await signed(get));
    await expectAccepted(await signedAs(post));
    await expectAccepted(await signedAs(get));
  });

  describe('when a field', () => {
    it.each<Row>([
      ['Signature is missing', 'header_missing', after((m) => without(m, 'signature'))],
      ['Signature-Input is missing', 'header_missing', after((m) => without(m, 'signature-input'))],
      ['Signature-Key is missing', 'header_missing', after((m) => without(m, 'signature-key'))],
      ['of the three is missing, as are the other two', 'header_missing', async () => post],
      ['Signature stands on two lines', 'header_repeated', twice('signature')],
      ['Signature-Input stands on two lines', 'header_repeated', twice('signature-input')],
      ['Signature-Key stands on two lines', 'header_repeated', twice('signature-key')],
      [
        'Signature has two members',
        'header_repeated',
        after((m) => changed(m, 'signature', (v) => `${v}, sig2${v.slice(4)}`)),
      ],
      [
        'Signature-Input has two members',
        'header_repeated',
        after((m) => changed(m, 'signature-input', (v) => `${v}, sig2${v.slice(4)}`)),
      ],
      [
        'Signature-Key has two members',
        'header_repeated',
        after((m) => changed(m, 'signature-key', (v) => `${v}, sig2${v.slice(4)}`)),
      ],
      [
        'Signature-Input has the same member twice',
        'header_repeated',
        after((m) => changed(m, 'signature-input', (v) => `${v}, ${v}`)),
      ],
      ['Host stands on two lines', 'header_repeated', twice('host')],
      [
        'Host stands on two lines, the second of another host',
        'header_repeated',
        after((m) => plus(m, 'host', 'evil.example')),
      ],
      ['Content-Type stands on two lines', 'header_repeated', twice('content-type')],
      ['Content-Digest stands on two lines', 'header_repeated', twice('content-digest')],
      [
        'Content-Length stands on two lines',
        'header_repeated',
        after((m) => plus(plus(m, 'content-length', '15'), 'content-length', '15')),
      ],
      ['Nonce stands on two lines', 'header_repeated', twice('nonce')],
      ['Signature is empty', 'header_malformed', after((m) => changed(m, 'signature', () => ''))],
      [
        'Signature-Input is empty',
        'header_malformed',
        after((m) => changed(m, 'signature-input', () => '')),
      ],
      [
        'Signature-Key is empty',
        'header_malformed',
        after((m) => changed(m, 'signature-key', () => '')),
      ],
      [
        'Signature-Input has text after it',
        'header_malformed',
        after((m) => changed(m, 'signature-input', (v) => `${v} x`)),
      ],
      [
        'Signature-Key has text after it',
        'header_malformed',
        after((m) => changed(m, 'signature-key', (v) => `${v} x`)),
      ],
      [
        'Signature-Key has a parameter given twice',
        'header_malformed',
        as({
          signatureKey: 'sig1=(scheme=jwks id="https://agent.example" kid="key-1" kid="key-2")',
        }),
      ],
      [
        'Signature-Key has a parameter its scheme does not know',
        'header_malformed',
        as({
          signatureKey: 'sig1=(scheme=jwks id="https://agent.example" kid="key-1" alg="EdDSA")',
        }),
      ],
      [
        'Signature-Key names both an identifier and a URL',
        'header_malformed',
        as({
          signatureKey:
            'sig1=(scheme=jwks id="https://agent.example" jwks="https://agent.example/j" kid="key-1")',
        }),
      ],
      [
        'Signature-Key has an unknown scheme',
        'scheme_unsupported',
        as({ signatureKey: 'sig1=(scheme=none)' }),
      ],
      [
        'Signature-Key has a scheme that is not accepted here',
        'scheme_unsupported',
        as({}),
        { acceptSchemes: ['hwk'] },
      ],
      [
        'Signature-Key is longer than its bound',
        'header_too_large',
        as({ signatureKey: `sig1=(scheme=jwt jwt="${'a'.repeat(9216)}")` }),
      ],
      [
        'Signature is longer than its bound',
        'header_too_large',
        after((m) => changed(m, 'signature', () => `sig1=:${'A'.repeat(4096)}:`)),
      ],
      [
        'Signature has another label',
        'label_mismatch',
        after((m) => changed(m, 'signature', (v) => v.replace('sig1', 'sig2'))),
      ],
      [
        'Signature-Input has another label',
        'label_mismatch',
        after((m) => changed(m, 'signature-input', (v) => v.replace('sig1', 'sig2'))),
      ],
      [
        'Signature-Key has another label',
        'label_mismatch',
        as({ signatureKey: 'sig2=(scheme=jwks id="https://agent.example" kid="key-1")' }),
      ],
    ])('%s', async (_what, rule, make, options) => {
      await expectRefused(await make(), rule, false, options);
    });
  });

  describe('when the bare key', () => {
    const { x } = testKeys.ed25519;
    const hwk = (members: string) => as({ signatureKey: `sig1=(scheme=hwk ${members})` });
    const okp = (value: string) => hwk(`kty="OKP" crv="Ed25519" x="${value}"`);
    const identity = encodeBase64Url(smallOrderEncodings()[0] ?? new Uint8Array());

    it.each<Row>([
      ['is a point of small order', 'key_weak', okp(identity)],
      ['has a padded x', 'key_invalid', okp(`${x}=`)],
      ['has a short x', 'key_invalid', okp('AAAA')],
      [
        'has its private member',
        'header_malformed',
        hwk(`kty="OKP" crv="Ed25519" x="${x}" d="${testKeys.ed25519.d}"`),
      ],
      [
        'has a member nobody knows',
        'header_malformed',
        hwk(`kty="OKP" crv="Ed25519" x="${x}" use="sig"`),
      ],
      ['is of a curve that cannot sign', 'key_unsupported', hwk(`kty="OKP" crv="X25519" x="${x}"`)],
      [
        'is an RSA key of 1024 bits',
        'key_weak',
        hwk(`kty="RSA" n="${encodeBase64Url(new Uint8Array(128).fill(255))}" e="AQAB"`),
      ],
    ])('%s', async (_what, rule, make) => {
      await expectRefused(await make(), rule, false);
    });

    it('is good, it is looked up', async () => {
      const { jwk } = parsePublicJwk(testKeys.ed25519);
      const { result, lookups } = await check(await okp(String(x))());
      expect(result.ok).toBe(true);
      expect(lookups).toEqual([{ scheme: 'hwk', jwk }]);
    });
  });

  describe('when its coverage', () => {
    it.each(COVERED_BY_POST)('lacks %s', async (identifier) => {
      const covered = COVERED_BY_POST.filter((one) => one !== identifier);
      const failure = await expectRefused(
        await signedAs(post, { covered }),
        'component_missing',
        false,
      );
      expect(failure.message).toContain(identifier);
      expect(failure.required).toEqual(COVERED_BY_POST.map((one) => one.slice(1, -1)));
    });

    it.each<Row>([
      ['is empty', 'component_missing', as({ covered: [] })],
      [
        'lacks the query of a bare question mark',
        'component_missing',
        as({}, { ...get, target: '/data?' }),
      ],
      [
        'lacks a nonce that was added later',
        'component_missing',
        after((m) => plus(m, 'nonce', 'abc'), get),
      ],
      [
        'lacks a body that was added later',
        'component_missing',
        after((m) => ({ ...m, body: utf8('x') }), get),
      ],
      [
        'has @query and there is no query',
        'component_unexpected',
        as({ covered: [...COVERED_BY_GET, '"@query"'] }, get),
      ],
      [
        'has content-type and there is no body',
        'component_unexpected',
        as(
          { covered: [...COVERED_BY_GET, '"content-type"'] },
          plus(get, 'content-type', 'text/plain'),
        ),
      ],
      [
        'has content-digest and there is no body',
        'component_unexpected',
        as(
          { covered: [...COVERED_BY_GET, '"content-digest"'] },
          plus(get, 'content-digest', 'sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:'),
        ),
      ],
      [
        'has body components and the body has been taken away',
        'component_unexpected',
        after(({ body: _body, ...m }) => m),
      ],
      [
        'has nonce and there is no Nonce',
        'component_unexpected',
        as({ covered: [...COVERED_BY_GET, '"nonce"'] }, get),
      ],
      ['has a field that is not there', 'component_unexpected', covering('"x-absent"')],
      [
        'has a field that has been taken away',
        'component_unexpected',
        async () =>
          without(await signedAs(post, { covered: [...COVERED_BY_POST, '"x-trace"'] }), 'x-trace'),
      ],
      ['names a component twice', 'component_invalid', covering('"@method"')],
      ['names a field twice', 'component_invalid', covering('"content-type"')],
      [
        'names a field in upper case',
        'component_invalid',
        instead('"content-type"', '"Content-Type"'),
      ],
      [
        'names a derived component in upper case',
        'component_invalid',
        instead('"@method"', '"@METHOD"', { '"@METHOD"': 'POST' }),
      ],
      [
        'has a component with sf',
        'component_invalid',
        instead('"content-type"', '"content-type";sf'),
      ],
      [
        'has a component with bs',
        'component_invalid',
        instead('"content-type"', '"content-type";bs'),
      ],
      [
        'has a component with key',
        'component_invalid',
        instead('"content-digest"', '"content-digest";key="sha-256"'),
      ],
      [
        'has a component with req',
        'component_invalid',
        instead('"@method"', '"@method";req', { '"@method";req': 'POST' }),
      ],
      [
        'has a component with tr',
        'component_invalid',
        instead('"content-type"', '"content-type";tr'),
      ],
      ['has another component with a parameter', 'component_invalid', covering('"x-trace";bs')],
      ['has @target-uri', 'component_invalid', covering('"@target-uri"')],
      [
        'has @request-target in the place of @path',
        'component_invalid',
        instead('"@path"', '"@request-target"'),
      ],
      ['has @query-param', 'component_invalid', covering('"@query-param";name="note"')],
      ['has @scheme', 'component_invalid', covering('"@scheme"')],
      ['has @status', 'component_invalid', covering('"@status"')],
      ['has @signature-params', 'component_invalid', covering('"@signature-params"')],
      ['names a component by a token', 'component_invalid', covering('x-trace')],
      [
        'has a field outside ASCII',
        'component_invalid',
        covering('"x-name"', plus(post, 'x-name', 'é')),
      ],
      [
        'has a field with a line feed, which would add a line to what is signed',
        'component_invalid',
        covering('"x-name"', plus(post, 'x-name', 'a\n"x": y')),
      ],
      [
        'has a nonce outside ASCII',
        'component_invalid',
        as(
          {},
          changed(post, 'nonce', () => 'é'),
        ),
      ],
      ['has a path outside ASCII', 'component_invalid', as({}, { ...post, target: '/é?a' })],
    ])('%s', async (_what, rule, make, options) => {
      await expectRefused(await make(), rule, false, options);
    });
  });

  describe('when its time', () => {
    it.each<Row>([
      ['created is missing', 'created_missing', params('')],
      ['created is missing and expires is not', 'created_missing', params(`;expires=${NOW + 10}`)],
      ['created is a decimal', 'parameter_invalid', params(`;created=${NOW}.0`)],
      ['created is negative', 'parameter_invalid', params(`;created=-${NOW}`)],
      ['created is a string', 'parameter_invalid', params(`;created="${NOW}"`)],
      ['created is true', 'parameter_invalid', params(';created')],
      [
        'created is given twice',
        'header_malformed',
        params(`;created=${NOW - 999};created=${NOW}`),
      ],
      ['created is in milliseconds', 'created_out_of_window', params(`;created=${NOW}000`)],
      ['created is 61 seconds ago', 'created_out_of_window', params(`;created=${NOW - 61}`)],
      ['created is 61 seconds from now', 'created_out_of_window', params(`;created=${NOW + 61}`)],
      ['created is zero', 'created_out_of_window', params(';created=0')],
      [
        'created is outside a narrower window',
        'created_out_of_window',
        params(`;created=${NOW - 6}`),
        { windowSeconds: 5 },
      ],
      [
        'is judged by a clock that is not a number',
        'created_out_of_window',
        params(`;created=${NOW}`),
        { now: NaN },
      ],
      ['expires is 11 seconds ago', 'expired', params(`;created=${NOW};expires=${NOW - 11}`)],
      ['expires is zero', 'expired', params(`;created=${NOW};expires=0`)],
      ['expires is a decimal', 'parameter_invalid', params(`;created=${NOW};expires=${NOW}.5`)],
      ['expires is a string', 'parameter_invalid', params(`;created=${NOW};expires="${NOW}"`)],
      [
        'expires is given twice',
        'header_malformed',
        params(`;created=${NOW};expires=1;expires=${NOW}`),
      ],
    ])('%s', async (_what, rule, make, options) => {
      await expectRefused(await make(), rule, false, options);
    });
  });

  describe('when its target', () => {
    const to = (target: string) => after((m) => ({ ...m, target }), get);
    const host = (value: string) => after((m) => changed(m, 'host', () => value));

    it.each<Row>([
      ['is a whole URL of ours', 'target_invalid', to(`https://${AUTHORITY}/data`)],
      ['is a whole URL of another', 'target_invalid', to('http://evil.example/data')],
      ['is an authority', 'target_invalid', to(`${AUTHORITY}:443`)],
      ['is an asterisk', 'target_invalid', to('*')],
      ['is empty', 'target_invalid', to('')],
      ['does not start with a slash', 'target_invalid', to('data')],
      ['has a fragment', 'target_invalid', to('/data#x')],
      ['has a fragment after a query', 'target_invalid', to('/data?a=b#x')],
      ['is for another Host', 'authority_mismatch', host('evil.example')],
      ['is for our Host with a port', 'authority_mismatch', host(`${AUTHORITY}:8443`)],
      ['is for our Host with a dot at the end', 'authority_mismatch', host(`${AUTHORITY}.`)],
      ['is for our Host behind user info', 'authority_mismatch', host(`a@${AUTHORITY}`)],
      ['is for a Host that ends like ours', 'authority_mismatch', host(`not-${AUTHORITY}`)],
      ['is for an empty Host', 'authority_mismatch', host('')],
      [
        'is for another Host and a proxy says ours',
        'authority_mismatch',
        async () =>
          plus(
            plus(await host('evil.example')(), 'x-forwarded-host', AUTHORITY),
            'forwarded',
            `host=${AUTHORITY}`,
          ),
      ],
    ])('%s', async (_what, rule, make) => {
      await expectRefused(await make(), rule, false);
    });

    it('has our Host, what a proxy says is not read', async () => {
      const message = await signed(get);
      await expectAccepted(
        plus(plus(message, 'x-forwarded-host', 'evil.example'), 'forwarded', 'host=evil.example'),
      );
    });
  });

  describe('when its body', () => {
    const body = (text: string) => after((m) => ({ ...m, body: utf8(text) }));
    const digest = (make: (good: string) => string) => async () =>
      signedAs(plus(post, 'Content-Digest', make(await digestOf(post.body!))));
    const bad = '47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=';

    it.each<Row>([
      ['has one other letter', 'digest_mismatch', body('{"item":"lamb"}')],
      ['is longer', 'digest_mismatch', body('{"item":"lamp"} ')],
      ['is shorter', 'digest_mismatch', body('{"item":"lamp"')],
      ['is not that of the digest', 'digest_mismatch', digest(() => `sha-256=:${bad}:`)],
      [
        'has a digest of an unknown algorithm only',
        'digest_unsupported',
        digest((good) => `md5=:${good}:`),
      ],
      ['has an empty digest', 'digest_unsupported', digest(() => '')],
      [
        'has a good digest and a bad one',
        'digest_mismatch',
        digest((good) => `sha-256=:${good}:, sha-512=:${bad}:`),
      ],
      [
        'has a bad digest and a good one of the same name',
        'header_repeated',
        digest((good) => `sha-256=:${bad}:, sha-256=:${good}:`),
      ],
      ['has a digest that is a string', 'header_malformed', digest((good) => `sha-256="${good}"`)],
      [
        'has a digest without padding',
        'header_malformed',
        digest((good) => `sha-256=:${good.slice(0, -1)}:`),
      ],
      [
        'has a digest in base64url',
        'header_malformed',
        digest(
          (good) =>
            `sha-256=:${good.replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')}:`,
        ),
      ],
      ['has a digest that cannot be read', 'header_malformed', digest(() => '=')],
    ])('%s', async (_what, rule, make) => {
      await expectRefused(await make(), rule, false);
    });
  });

  describe('when it has no body', () => {
    const withDigest = (value: string) => signedAs(plus(get, 'Content-Digest', value));

    it('and the digest of one', async () => {
      const digest = `sha-256=:${await digestOf(post.body!)}:`;
      await expectRefused(await withDigest(digest), 'digest_mismatch', false);
    });

    it('and a digest that says nothing we know', async () => {
      await expectRefused(await withDigest('md5=:AAAA:'), 'digest_unsupported', false);
    });

    it('and not when the digest is that of no bytes', async () => {
      await expectAccepted(await withDigest(`sha-256=:${await digestOf(new Uint8Array())}:`));
    });
  });

  describe('when its signature', () => {
    const value = (change: (text: string) => string) =>
      after((m) => changed(m, 'signature', (v) => `sig1=:${change(v.slice(6, -1))}:`));
    const url = (text: string) => text.replaceAll('+', '-').replaceAll('/', '_');

    it.each<Row>([
      [
        'is in padded base64url',
        'header_malformed',
        as({ encode: (bytes) => `${encodeBase64Url(bytes)}==` }),
      ],
      [
        'is in standard base64 with spare bits',
        'header_malformed',
        value((text) =>
          text.replace(/.==$/, (end) => `${String.fromCharCode(end.charCodeAt(0) + 1)}==`),
        ),
      ],
      [
        'is in base64url with spare bits',
        'header_malformed',
        value((text) =>
          url(text).replace(/.==$/, (end) => String.fromCharCode(end.charCodeAt(0) + 1)),
        ),
      ],
      ['has no bytes', 'header_malformed', value(() => '')],
      [
        'is a string',
        'header_malformed',
        after((m) => changed(m, 'signature', (v) => v.replaceAll(':', '"'))),
      ],
      [
        'has a parameter',
        'header_malformed',
        after((m) => changed(m, 'signature', (v) => `${v};a`)),
      ],
      [
        'is in base64url where only rfc9421 is accepted',
        'encoding_not_accepted',
        as({ encode: encodeBase64Url }),
        { acceptWire: ['rfc9421'] },
      ],
      [
        'is in standard base64 where only 2026-02 is accepted',
        'encoding_not_accepted',
        as({}),
        { acceptWire: ['2026-02'] },
      ],
      ['is of any wire and none is accepted', 'encoding_not_accepted', as({}), { acceptWire: [] }],
      ['has a symmetric alg', 'algorithm_mismatch', params(`;created=${NOW};alg="hmac-sha256"`)],
      ['has the alg none', 'algorithm_mismatch', params(`;created=${NOW};alg="none"`)],
      ['has an empty alg', 'algorithm_mismatch', params(`;created=${NOW};alg=""`)],
      ['has an alg in another case', 'algorithm_mismatch', params(`;created=${NOW};alg="ED25519"`)],
    ])('%s', async (_what, rule, make, options) => {
      await expectRefused(await make(), rule, false, options);
    });
  });
});

describe('a request is refused once its key is known', () => {
  const last = (m: HttpMessage, change: (bytes: Uint8Array) => Uint8Array) =>
    changed(
      m,
      'signature',
      (v) => `sig1=:${encodeBase64(change(Buffer.from(v.slice(6, -1), 'base64')))}:`,
    );
  const flipped = (at: number) => (bytes: Uint8Array) =>
    bytes.map((byte, position) => (position === at ? byte ^ 1 : byte));
  const target = (value: string) => after((m) => ({ ...m, target: value }));
  const input = (from: string, to: string) =>
    after((m) => changed(m, 'signature-input', (v) => v.replace(from, to)));

  it.each<Row>([
    ['when its method is another', 'signature_invalid', after((m) => ({ ...m, method: 'PUT' }))],
    [
      'when its method is in another case',
      'signature_invalid',
      after((m) => ({ ...m, method: 'post' })),
    ],
    ['when its path is another', 'signature_invalid', target('/orders/8?dry-run=1&note=a%20b')],
    [
      'when its path is the same after decoding',
      'signature_invalid',
      target('/orders/%37?dry-run=1&note=a%20b'),
    ],
    [
      'when its path is the same after resolving dots',
      'signature_invalid',
      target('/./orders/7?dry-run=1&note=a%20b'),
    ],
    [
      'when its path has another slash',
      'signature_invalid',
      target('/orders/7/?dry-run=1&note=a%20b'),
    ],
    ['when its query is another', 'signature_invalid', target('/orders/7?dry-run=0&note=a%20b')],
    [
      'when its query is the same after decoding',
      'signature_invalid',
      target('/orders/7?dry-run=1&note=a+b'),
    ],
    [
      'when its query is in another order',
      'signature_invalid',
      target('/orders/7?note=a%20b&dry-run=1'),
    ],
    [
      'when its Content-Type is another',
      'signature_invalid',
      after((m) => changed(m, 'content-type', () => 'text/plain')),
    ],
    [
      'when its nonce is another',
      'signature_invalid',
      after((m) => changed(m, 'nonce', () => 'AAAAAAAAAAAAAAAA')),
    ],
    [
      'when its Signature-Key names another key',
      'signature_invalid',
      after((m) => changed(m, 'signature-key', (v) => v.replace('key-1', 'key-2'))),
    ],
    [
      'when its Signature-Key names another agent',
      'signature_invalid',
      after((m) => changed(m, 'signature-key', (v) => v.replace('agent.example', 'evil.example'))),
    ],
    [
      'when its Signature-Key has its parameters in another order',
      'signature_invalid',
      after((m) =>
        changed(
          m,
          'signature-key',
          () =>
            'sig1=(scheme=jwks kid="key-1" id="https://agent.example" well-known="aauth-agent")',
        ),
      ),
    ],
    [
      'when a further field that it covers is another',
      'signature_invalid',
      async () =>
        changed(
          await signedAs(post, { covered: [...COVERED_BY_POST, '"x-trace"'] }),
          'x-trace',
          () => 'abd',
        ),
    ],
    [
      'when a further field that it covers has another line',
      'signature_invalid',
      async () =>
        plus(
          await signedAs(post, { covered: [...COVERED_BY_POST, '"x-trace"'] }),
          'x-trace',
          'abc',
        ),
    ],
    [
      'when created is another, within the window',
      'signature_invalid',
      input(String(NOW), String(NOW + 1)),
    ],
    [
      'when created is the same with a leading zero',
      'signature_invalid',
      input(`=${NOW}`, `=0${NOW}`),
    ],
    ['when expires was added', 'signature_invalid', input(`=${NOW}`, `=${NOW};expires=${NOW + 9}`)],
    [
      'when its components are in another order',
      'signature_invalid',
      input('"@method" "@authority"', '"@authority" "@method"'),
    ],
    [
      'when its components are spaced differently',
      'signature_invalid',
      input('"@method" ', '"@method"  '),
    ],
    [
      'when a component was added to the list',
      'signature_invalid',
      input('"nonce"', '"nonce" "x-trace"'),
    ],
    [
      'when the body and the digest are both replaced',
      'signature_invalid',
      async () => {
        const { headers } = await signed({ ...post, body: utf8('other') });
        const message = { ...(await signed(post)), body: utf8('other') };
        return changed(message, 'content-digest', () =>
          header({ ...message, headers }, 'content-digest'),
        );
      },
    ],
    [
      'when it was signed for another authority',
      'signature_invalid',
      () => signed(post, { authority: 'other.example' }),
    ],
    [
      'when it was signed for another authority of ours',
      'signature_invalid',
      () => signed(post, { authority: 'other.example' }),
      { authorities: [AUTHORITY, 'other.example'] },
    ],
    [
      'when it was signed with another key',
      'signature_invalid',
      async () => signed(post, { key: await importSigningKey(await generatePrivateJwk()) }),
    ],
    [
      'when it was signed with a key of another type',
      'signature_invalid',
      async () => signed(post, { key: await signingKey('ecdsa-p256-sha256') }),
    ],
    [
      'when the first byte of its signature is another',
      'signature_invalid',
      after((m) => last(m, flipped(0))),
    ],
    [
      'when the last byte of its signature is another',
      'signature_invalid',
      after((m) => last(m, flipped(63))),
    ],
    [
      'when its signature lacks its last byte',
      'signature_invalid',
      after((m) => last(m, (bytes) => bytes.subarray(0, 63))),
    ],
    [
      'when its signature has a byte more',
      'signature_invalid',
      after((m) => last(m, (bytes) => Uint8Array.of(...bytes, 0))),
    ],
    [
      'when its signature is given twice over',
      'signature_invalid',
      after((m) => last(m, (bytes) => Uint8Array.of(...bytes, ...bytes))),
    ],
    [
      'when its signature is all zeros',
      'signature_invalid',
      after((m) => last(m, (bytes) => bytes.map(() => 0))),
    ],
    [
      'when its signature is the neutral one of Ed25519',
      'signature_invalid',
      after((m) => last(m, (bytes) => bytes.map((_byte, at) => (at === 0 ? 1 : 0)))),
    ],
    [
      'when its signature is that of another request',
      'signature_invalid',
      async () => {
        const other = header(await signed(get), 'signature');
        return changed(await signed(post), 'signature', () => other);
      },
    ],
    [
      'when its base is that of 2026-01 and that was not switched on',
      'signature_invalid',
      () => signed(post, { wire: '2026-01' }),
    ],
    [
      'when its base is that of 2026-02 and only 2026-01 is accepted',
      'signature_invalid',
      () => signed(post, { wire: '2026-02' }),
      { acceptWire: ['2026-01'] },
    ],
    [
      'when alg is that of another key',
      'algorithm_mismatch',
      params(`;created=${NOW};alg="rsa-pss-sha512"`),
    ],
  ])('%s', async (_what, rule, make, options) => {
    await expectRefused(await make(), rule, true, options);
  });

  it('when its @query is written as the other generation of the wire writes it', async () => {
    const message = await signedAs(post, { values: { '"@query"': 'dry-run=1&note=a%20b' } });
    await expectRefused(message, 'signature_invalid', true);
  });

  it('under 2026-01 when its method is another, though created is not signed there', async () => {
    const message = await signed(post, { wire: '2026-01' });
    await expectRefused({ ...message, method: 'PUT' }, 'signature_invalid', true, {
      acceptWire: ['2026-01'],
    });
    const replayed = changed(message, 'signature-input', (v) =>
      v.replace(String(NOW), String(NOW + 60)),
    );
    await expectAccepted(replayed, { acceptWire: ['2026-01'] });
  });
});

describe('the key resolver', () => {
  it('is asked once, with what the Signature-Key says', async () => {
    const { lookups } = await check(await signed(post));
    expect(lookups).toEqual([jwksKey]);
  });

  it('is asked once even when two wires are tried', async () => {
    const message = await signed(post, { wire: '2026-01' });
    const { result, lookups } = await check(message, { acceptWire: ['2026-02', '2026-01'] });
    expect(result.ok).toBe(true);
    expect(lookups).toHaveLength(1);
  });

  it('refuses by throwing a SignatureError, which becomes the failure', async () => {
    const failure = await expectRefused(await signed(post), 'key_not_found', true, {
      resolveKey: async () => {
        throw new SignatureError('key_not_found', 'No such key.', { accepted: ['key-2'] });
      },
    });
    expect(failure).toEqual({
      rule: 'key_not_found',
      message: 'No such key.',
      accepted: ['key-2'],
    });
  });

  it.each([
    ['rejects with', () => Promise.reject(new TypeError('fetch failed'))],
    [
      'throws',
      () => {
        throw new TypeError('fetch failed');
      },
    ],
  ])('%s any other error, and that is passed on', async (_what, resolveKey) => {
    await expect(check(await signed(post), { resolveKey })).rejects.toThrow(
      new TypeError('fetch failed'),
    );
  });

  it('may take its time: a request is judged by the clock it came with', async () => {
    const key = await importVerificationKey(testKeys.ed25519);
    await expectAccepted(await signed(post), {
      resolveKey: async () => {
        await new Promise((resolve) => setTimeout(resolve, 5));
        return { key };
      },
    });
  });
});

describe('a profile', () => {
  const plain = {
    ...profile,
    components: profile.components.filter(({ name }) => name !== 'nonce'),
  };

  it('that does not cover the nonce returns none, since nobody signed it', async () => {
    const message = await signed(post, { profile: plain });
    const { nonce, components } = await expectAccepted(message, { profile: plain });
    expect(components).not.toContain('nonce');
    expect(nonce).toBe(undefined);
  });

  it('that does not cover the nonce returns it when it was covered all the same', async () => {
    const { nonce } = await expectAccepted(await signed(post), { profile: plain });
    expect(nonce).toBe('q83vEjRWeJCrze8S');
  });

  it('that does not cover the digest still has it checked, and wants it', async () => {
    const bare = {
      ...profile,
      components: profile.components.filter(({ name }) => !name.startsWith('content-')),
    };
    const message = await signed(post, { profile: bare });
    await expectAccepted(message, { profile: bare });
    await expectRefused({ ...message, body: utf8('x') }, 'digest_mismatch', false, {
      profile: bare,
    });
    await expectRefused(without(message, 'content-digest'), 'digest_unsupported', false, {
      profile: bare,
    });
  });

  it('names what a message must cover, in signing order', () => {
    const facts = { hasQuery: false, hasBody: false, hasField: () => false };
    expect(requiredComponents(profile, facts)).toEqual([
      '@method',
      '@authority',
      '@path',
      'signature-key',
    ]);
    expect(requiredComponents(profile, { ...facts, hasQuery: true })).toContain('@query');
    expect(requiredComponents(profile, { ...facts, hasBody: true })).toContain('content-digest');
    expect(
      requiredComponents(profile, { ...facts, hasField: (name) => name === 'nonce' }),
    ).toContain('nonce');
  });

  it('bounds the length of Signature-Key', async () => {
    const message = await signed(get);
    const { length } = header(message, 'signature-key');
    await expectAccepted(message, { profile: { ...profile, maxSignatureKeyLength: length } });
    await expectRefused(message, 'header_too_large', false, {
      profile: { ...profile, maxSignatureKeyLength: length - 1 },
    });
  });
});

describe('a failure', () => {
  it('says what would be accepted', async () => {
    const message = await signed(post);
    const scheme = await expectRefused(message, 'scheme_unsupported', false, {
      acceptSchemes: ['hwk'],
    });
    expect(scheme.accepted).toEqual(['hwk']);
    const accept: Wire[] = ['2026-02'];
    const encoding = await expectRefused(message, 'encoding_not_accepted', false, {
      acceptWire: accept,
    });
    expect(encoding.accepted).toEqual(accept);
  });

  it('is data, without stack', async () => {
    const failure = await expectRefused(
      without(await signed(get), 'signature'),
      'header_missing',
      false,
    );
    expect(Object.keys(failure).toSorted()).toEqual(['message', 'rule']);
    expect(failure).not.toBeInstanceOf(Error);
  });

  it('never repeats what was sent', async () => {
    const marked = 'zzMARKERzz';
    const messages = [
      changed(await signed(post), 'signature', () => `sig1=:${marked}!:`),
      changed(await signed(post), 'signature-input', (v) => `${v};${marked}`),
      changed(await signed(post), 'signature-key', (v) =>
        v.replace('scheme=jwks', `scheme=${marked}`),
      ),
      await signedAs(post, { signatureKey: `sig1=(scheme=zzmarkerzz a="${marked}")` }),
      await signedAs(plus(post, 'Content-Digest', `${marked}=:AA==:`)),
      changed(await signed(post), 'host', () => marked),
      await signedAs(post, { parameters: `;created=${NOW};alg="${marked}"` }),
      await signed(post, { wire: '2026-02', created: NOW, authority: 'zzmarkerzz.example' }),
    ];
    for (const message of messages) {
      const { result } = await check(message);
      expect(result.ok).toBe(false);
      expect(JSON.stringify(result).toLowerCase()).not.toContain('zzmarkerzz');
    }
  });
});
