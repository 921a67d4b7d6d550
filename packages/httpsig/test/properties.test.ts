import fc from 'fast-check';
import * as oracle from 'structured-headers';
import { describe, expect, it } from 'vitest';
import {
  ALGORITHM_NAMES,
  type BareItem,
  checkContentDigest,
  decodeBase64,
  decodeBase64Url,
  encodeBase64,
  encodeBase64Url,
  HeaderIndex,
  type HttpMessage,
  type InnerList,
  type Item,
  parseDictionary,
  parseItem,
  parsePublicJwk,
  parseSignatureInput,
  parseSignatureKeyField,
  parseSignatureValue,
  readSignatureKey,
  serializeSignatureKeyField,
  type SignatureKeyField,
  utf8,
} from '../src/index.js';
import {
  changed,
  check,
  expectAccepted,
  header,
  plus,
  post,
  ruleOf,
  signed,
  signingKey,
  testKeys,
} from './support.js';

/** Any text, with a leaning towards the characters that the grammars are made of. */
const GRAMMAR = Array.from('abksz019=:;,"\\() \t?@-_.*+/%{}é\u0000\n');
const text = fc.oneof(
  fc.string({ unit: fc.constantFrom(...GRAMMAR), maxLength: 40 }),
  fc.string({ unit: 'binary', maxLength: 40 }),
);

/** `valid` with one to three places replaced, cut out or added to. */
function mutated(valid: string): fc.Arbitrary<string> {
  const edit = fc.record({
    at: fc.nat({ max: Math.max(valid.length, 1) }),
    cut: fc.nat({ max: 3 }),
    insert: fc.string({ unit: fc.constantFrom(...GRAMMAR), maxLength: 3 }),
  });
  return fc
    .array(edit, { minLength: 1, maxLength: 3 })
    .map((edits) =>
      edits.reduce(
        (held, { at, cut, insert }) => held.slice(0, at) + insert + held.slice(at + cut),
        valid,
      ),
    );
}

const SIGNATURE_KEYS = [
  `sig1=(scheme=hwk kty="OKP" crv="Ed25519" x="${testKeys.ed25519.x}")`,
  'sig1=(scheme=jwks id="https://agent.example" kid="key \\"1\\"" well-known="aauth-agent")',
  'sig1=(scheme=jwt jwt="eyJhbGciOiJFZERTQSJ9.e30.AAAA")',
];
const INPUTS = [
  'sig1=("@method" "@path" "content-type");created=1768786030;expires=1768786090;alg="ed25519"',
  'sig1=();created=1;keyid="a\\"b"',
];
const VALUES = [`sig1=:${encodeBase64(new Uint8Array(64).fill(0xfb))}:`, 'a=:_-_-:'];
const DICTIONARIES = [
  ...INPUTS,
  ...VALUES,
  'a=1, b=-2.5;c;d="e", f=(x "y";z=?0 :AA==:);p=tok, g',
  'sha-256=:AAAA:, sha-512=:AAAA:',
];
const ITEMS = [
  'httpsig; auth-token; resource_token="a.b.c"; n=1.5',
  '"a\\\\b";c=:AA==:',
  '?1;a=?0',
];

describe('whatever text arrives, a parser throws nothing but SignatureError', () => {
  const parsers: [string, readonly string[], (value: string) => unknown][] = [
    [
      'Signature-Key',
      SIGNATURE_KEYS,
      (value) => readSignatureKey(parseSignatureKeyField(value, 9216)),
    ],
    ['Signature-Input', INPUTS, parseSignatureInput],
    ['Signature', VALUES, parseSignatureValue],
    ['a dictionary', DICTIONARIES, (value) => parseDictionary(value, 'Test')],
    ['an item', ITEMS, (value) => parseItem(value, 'Test')],
  ];

  it.each(parsers)('%s', (_name, valid, parse) => {
    const input = fc.oneof(text, ...valid.map(mutated));
    fc.assert(
      fc.property(input, (value) => {
        expect(ruleOf(() => parse(value))).not.toBe('other');
      }),
      { numRuns: 600, examples: valid.map((one) => [one]) },
    );
  });

  it('Content-Digest', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(text, mutated('sha-256=:AAAA:, sha-512=:AAAA:;a')),
        async (value) => {
          const error: unknown = await checkContentDigest(value, utf8('x')).catch(
            (one: unknown) => one,
          );
          expect(error).toMatchObject({ name: 'SignatureError' });
        },
      ),
      { numRuns: 300 },
    );
  });

  it('a JWK, whatever JSON arrives', () => {
    const valid = Object.values(testKeys).filter((one) => typeof one === 'object');
    const member = fc.constantFrom(
      'kty',
      'crv',
      'x',
      'y',
      'n',
      'e',
      'kid',
      'alg',
      'use',
      'key_ops',
    );
    const value = fc.oneof(
      fc.jsonValue(),
      fc.constantFrom('OKP', 'EC', 'RSA', 'P-256', 'sig', 'AQAB'),
      text,
    );
    const broken = fc
      .tuple(fc.constantFrom(...valid), member, value)
      .map(([jwk, name, replacement]) => ({ ...jwk, [name]: replacement }));
    fc.assert(
      fc.property(fc.oneof(fc.jsonValue(), broken), (jwk) => {
        expect(ruleOf(() => parsePublicJwk(jwk))).not.toBe('other');
      }),
      { numRuns: 600 },
    );
  });

  it('a whole message: refusals are returned, never thrown', async () => {
    const message = await signed(post);
    const names = [
      'signature',
      'signature-input',
      'signature-key',
      'content-digest',
      'nonce',
      'host',
    ];
    const broken = fc
      .constantFrom(...names)
      .chain((name) => fc.tuple(fc.constant(name), fc.oneof(text, mutated(header(message, name)))));
    await fc.assert(
      fc.asyncProperty(broken, fc.boolean(), async ([name, value], second) => {
        const other = second
          ? plus(message, name, value)
          : changed(plus(message, name, '#'), name, () => `${value}#`);
        await check(other);
      }),
      { numRuns: 300 },
    );
  });
});

describe('writing and reading are inverse to each other', () => {
  it('for any bytes, in base64 and base64url', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 70 }), (bytes) => {
        expect(decodeBase64(encodeBase64(bytes))).toEqual(Uint8Array.from(bytes));
        expect(decodeBase64Url(encodeBase64Url(bytes))).toEqual(Uint8Array.from(bytes));
      }),
      { numRuns: 300 },
    );
  });

  it('for any text: what base64 is read from has one spelling', () => {
    const alphabet = Array.from('ABCDwxyz0189+/-_= ');
    const encoded = fc.string({ unit: fc.constantFrom(...alphabet), maxLength: 12 });
    fc.assert(
      fc.property(encoded, (value) => {
        const standard = decodeBase64(value);
        if (standard !== undefined) expect(encodeBase64(standard)).toBe(value);
        const url = decodeBase64Url(value);
        if (url !== undefined) expect(encodeBase64Url(url)).toBe(value);
      }),
      { numRuns: 1000 },
    );
  });

  const printable = fc.string({
    unit: fc.integer({ min: 0x20, max: 0x7e }).map((code) => String.fromCharCode(code)),
    maxLength: 30,
  });
  const field: fc.Arbitrary<SignatureKeyField> = fc.record({
    label: fc.stringMatching(/^[a-z*][a-z0-9_.*-]{0,20}$/),
    scheme: fc.stringMatching(/^[a-z][a-z0-9_-]{0,10}$/),
    parameters: fc
      .uniqueArray(
        fc.tuple(
          fc.stringMatching(/^[a-z0-9_-]{1,12}$/).filter((name) => name !== 'scheme'),
          printable,
        ),
        { selector: ([name]) => name, maxLength: 5 },
      )
      .map((pairs) => new Map(pairs)),
  });

  it('for any Signature-Key field', () => {
    fc.assert(
      fc.property(field, (value) => {
        const written = serializeSignatureKeyField(value);
        expect(parseSignatureKeyField(written, 9216)).toEqual(value);
      }),
      { numRuns: 400 },
    );
  });

  it('for any text: what a Signature-Key is read from has one spelling', () => {
    fc.assert(
      fc.property(fc.oneof(...SIGNATURE_KEYS.map(mutated)), (value) => {
        if (ruleOf(() => parseSignatureKeyField(value, 9216)) !== 'accepted') return;
        expect(serializeSignatureKeyField(parseSignatureKeyField(value, 9216))).toBe(value);
      }),
      { numRuns: 600, examples: SIGNATURE_KEYS.map((one) => [one]) },
    );
  });
});

describe('beside the structured-headers library', () => {
  type Plain = number | string | boolean | object;

  const plainOurs = ({ type, value }: BareItem): Plain =>
    type === 'token' || type === 'bytes' ? { [type]: String(value) } : value;
  const oursItem = ({ value, parameters }: Item): Plain => [
    plainOurs(value),
    Array.from(parameters, ([name, one]) => [name, plainOurs(one)]),
  ];
  const oursList = ({ items, parameters }: InnerList): Plain => [
    items.map(oursItem),
    Array.from(parameters, ([name, one]) => [name, plainOurs(one)]),
  ];

  const plainTheirs = (value: oracle.BareItem): Plain => {
    if (value instanceof oracle.Token) return { token: value.toString() };
    if (value instanceof ArrayBuffer) return { bytes: String(new Uint8Array(value)) };
    return value;
  };
  const theirsItem = ([value, parameters]: oracle.Item): Plain => [
    plainTheirs(value),
    Array.from(parameters, ([name, one]) => [name, plainTheirs(one)]),
  ];
  const theirs = (member: oracle.Item | oracle.InnerList): Plain =>
    oracle.isInnerList(member)
      ? [
          member[0].map(theirsItem),
          Array.from(member[1], ([name, one]) => [name, plainTheirs(one)]),
        ]
      : theirsItem(member);

  function attempt<T>(act: () => T): T | undefined {
    try {
      return act();
    } catch {
      return undefined;
    }
  }

  /** The reasons for which we refuse what the library takes. */
  function stricterOnPurpose(value: string, ours: string): boolean {
    if (ours === 'header_repeated' || /given twice/.test(ours)) return true;
    if (/padded base64/.test(ours)) return true;
    // RFC 9651 dates and display strings are newer than the fields we read.
    return /[@%]/.test(value);
  }

  const refusal = (act: () => unknown): string => {
    try {
      act();
    } catch (error) {
      return error instanceof Error ? `${ruleOf(act)} ${error.message}` : 'other';
    }
    return 'accepted';
  };

  const bare = fc.oneof(
    fc.integer({ min: -999, max: 999 }).map(String),
    fc.constantFrom('1.5', '-0.125', '1.0', '?0', '?1', ':AA==:', '::', ':+/8=:', ':Zh==:', ':Zg:'),
    fc.constantFrom('"a b"', '""', '"\\"\\\\"', 'tok', '*a/b:c', 'A!#$', '@1', '%"a"', '1.2345'),
  );
  const name = fc.constantFrom('a', 'b', 'c', '*x', 'a-b_c.d');
  const parameters = fc
    .array(fc.tuple(fc.constantFrom(';', '; ', ' ;'), name, fc.option(bare)), { maxLength: 2 })
    .map((all) =>
      all.map(([mark, key, one]) => mark + key + (one === null ? '' : `=${one}`)).join(''),
    );
  const item = fc.tuple(bare, parameters).map(([one, tail]) => one + tail);
  const list = fc
    .tuple(fc.array(item, { maxLength: 3 }), fc.constantFrom(' ', '  ', ''), parameters)
    .map(([items, space, tail]) => `(${items.join(space)})${tail}`);
  const dictionary = fc
    .array(
      fc.tuple(
        name,
        fc.oneof(
          item.map((one) => `=${one}`),
          list.map((one) => `=${one}`),
          parameters,
        ),
      ),
      { maxLength: 3 },
    )
    .chain((all) =>
      fc
        .constantFrom(', ', ',', ' ,\t')
        .map((comma) => all.map((pair) => pair.join('')).join(comma)),
    );

  it('a dictionary means the same to both, or is refused by us on purpose', () => {
    let both = 0;
    fc.assert(
      fc.property(fc.oneof(dictionary, ...DICTIONARIES.map(mutated), text), (value) => {
        const own = attempt(() => parseDictionary(value, 'Test'));
        const other = attempt(() => oracle.parseDictionary(value));
        if (own === undefined) {
          if (other === undefined) return;
          const why = refusal(() => parseDictionary(value, 'Test'));
          expect([value, why, stricterOnPurpose(value, why)]).toEqual([value, why, true]);
          return;
        }
        both += 1;
        expect(
          Array.from(own, ([key, { value: one }]) => [
            key,
            'items' in one ? oursList(one) : oursItem(one),
          ]),
        ).toEqual(other && Array.from(other, ([key, one]) => [key, theirs(one)]));
      }),
      { numRuns: 800, examples: DICTIONARIES.map((one) => [one]) },
    );
    expect(both).toBeGreaterThan(100);
  });

  it('an item means the same to both, or is refused by us on purpose', () => {
    let both = 0;
    fc.assert(
      fc.property(fc.oneof(item, ...ITEMS.map(mutated), text), (value) => {
        const own = attempt(() => parseItem(value, 'Test'));
        const other = attempt(() => oracle.parseItem(value));
        if (own === undefined) {
          if (other === undefined) return;
          const why = refusal(() => parseItem(value, 'Test'));
          expect([value, why, stricterOnPurpose(value, why)]).toEqual([value, why, true]);
          return;
        }
        both += 1;
        expect(oursItem(own)).toEqual(other && theirsItem(other));
      }),
      { numRuns: 800, examples: ITEMS.map((one) => [one]) },
    );
    expect(both).toBeGreaterThan(100);
  });
});

describe('64 KiB of the worst text takes no parser longer than a quarter of a second', () => {
  const SIZE = 65_536;
  const fill = (unit: string, before = '', after = '') =>
    before + unit.repeat(Math.ceil(SIZE / unit.length)).slice(0, SIZE) + after;
  const worst: [string, string][] = [
    ['one letter', fill('a')],
    ['spaces', fill(' ')],
    ['spaces in a list', fill(' ', 'a=(', 'x')],
    ['tabs after a member', fill('\t', 'a=1 ', 'x')],
    ['opening brackets', fill('(', 'a=')],
    ['an endless label', fill('a', '', '=(scheme=a)')],
    ['label, label, label', fill('a=(')],
    ['a string without an end', fill('a', 'sig1=(scheme=jwt jwt="')],
    ['escapes without an end', fill('\\"', 'sig1=(scheme=jwt jwt="')],
    ['backslashes', fill('\\', 'sig1=(scheme=jwt jwt="')],
    ['a parameter name without an end', fill('a', 'sig1=(scheme=jwt ')],
    ['many parameters', fill(' a="b"', 'sig1=(scheme=jwt', ')')],
    [
      'many different parameters',
      `sig1=(scheme=jwt${Array.from({ length: 6000 }, (_, at) => ` p${at}="b"`).join('')})`,
    ],
    ['an escaped string, complete', fill('\\"', 'sig1="', '"')],
    ['many members', Array.from({ length: 8000 }, (_, at) => `a${at}=1`).join(', ')],
    [
      'many parameters of an item',
      `a=1${Array.from({ length: 8000 }, (_, at) => `;p${at}`).join('')}`,
    ],
    [
      'many components',
      `sig1=(${Array.from({ length: 8000 }, (_, at) => `"f${at}"`).join(' ')});created=1`,
    ],
    ['the same component again and again', fill('"a" ', 'sig1=(', ');created=1')],
    ['semicolons', fill(';', 'a')],
    ['commas', fill(',', 'a')],
    ['colons', fill(':', 'a=')],
    ['equals and colon', fill('=:')],
    ['bytes without an end', fill('A', 'sig1=:')],
    ['bytes after bytes', fill(':AA==:', 'a=(')],
    ['padding', fill('=', 'sig1=:', ':')],
    ['digits', fill('1', 'a=')],
    ['points', fill('1.', 'a=')],
    ['a quote and white space', fill('" ', 'a=(')],
  ];

  const parsers: [string, (value: string) => unknown][] = [
    ['Signature-Key', (value) => readSignatureKey(parseSignatureKeyField(value, 1_000_000))],
    ['Signature-Input', parseSignatureInput],
    ['Signature', parseSignatureValue],
    ['dictionary', (value) => parseDictionary(value, 'Test')],
    ['item', (value) => parseItem(value, 'Test')],
    ['item in a parameter', (value) => parseItem(`a;b=${value}`, 'Test')],
    ['header lines', (value) => new HeaderIndex([['a', ` ${value} `]]).get('a')],
    ['base64', decodeBase64],
    ['base64url', decodeBase64Url],
    ['JWK', (value) => parsePublicJwk({ kty: 'OKP', crv: 'Ed25519', x: value, kid: value })],
  ];

  it.each(parsers)('%s', (_name, parse) => {
    for (const [what, value] of worst) {
      let fastest = Infinity;
      // A busy machine may pause any one run; a parser that is not linear is slow in every one.
      for (let run = 0; run < 3 && fastest >= 250; run++) {
        const start = performance.now();
        expect([what, ruleOf(() => parse(value))]).not.toEqual([what, 'other']);
        fastest = Math.min(fastest, performance.now() - start);
      }
      expect([what, fastest < 250]).toEqual([what, true]);
    }
  });
});

describe('a signed message', () => {
  it('is refused after any change of one character in what is covered', async () => {
    const message = await signed(post);
    const names = [
      'signature',
      'signature-input',
      'signature-key',
      'content-type',
      'content-digest',
      'nonce',
    ];
    const parts: Record<string, [string, (value: string) => HttpMessage]> = {
      method: [message.method, (method) => ({ ...message, method })],
      target: [message.target, (target) => ({ ...message, target })],
      body: [new TextDecoder().decode(message.body), (body) => ({ ...message, body: utf8(body) })],
    };
    for (const name of names) {
      parts[name] = [header(message, name), (value) => changed(message, name, () => value)];
    }
    const edit = fc.record({
      part: fc.constantFrom(...Object.keys(parts)),
      at: fc.nat(),
      // Visible characters only: white space around a value is not part of it.
      by: fc.integer({ min: 0x21, max: 0x7e }).map((code) => String.fromCharCode(code)),
      kind: fc.constantFrom('replace', 'insert', 'cut'),
    });
    await fc.assert(
      fc.asyncProperty(edit, async ({ part, at, by, kind }) => {
        const [value, put] = parts[part] ?? [part, () => message];
        const place = at % value.length;
        const rest = value.slice(kind === 'insert' ? place : place + 1);
        const other = value.slice(0, place) + (kind === 'cut' ? '' : by) + rest;
        fc.pre(other !== value);
        const { result } = await check(put(other));
        expect(result.ok).toBe(false);
      }),
      { numRuns: 400 },
    );
    await expectAccepted(message);
  });

  it('is refused after a change of any bit of its signature', async () => {
    const message = await signed(post);
    const bytes = Buffer.from(header(message, 'signature').slice(6, -1), 'base64');
    for (let bit = 0; bit < bytes.length * 8; bit += 5) {
      const flipped = Uint8Array.from(bytes);
      flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      const other = changed(message, 'signature', () => `sig1=:${encodeBase64(flipped)}:`);
      const { result } = await check(other);
      expect(result).toMatchObject({ ok: false, failure: { rule: 'signature_invalid' } });
    }
  });

  const token = fc.stringMatching(/^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,12}$/);
  const visible = fc.string({
    unit: fc.integer({ min: 0x21, max: 0x7e }).map((code) => String.fromCharCode(code)),
    maxLength: 30,
  });
  const value = fc.string({
    unit: fc.oneof(
      fc.integer({ min: 0x20, max: 0x7e }).map((code) => String.fromCharCode(code)),
      fc.constant('\t'),
    ),
    maxLength: 30,
  });
  const message = fc
    .record({
      method: token,
      target: visible.map((rest) => `/${rest.replaceAll('#', '')}`),
      body: fc.option(fc.uint8Array({ maxLength: 200 })),
      type: value,
      nonce: fc.option(value),
      others: fc.array(
        fc.tuple(
          token.map((name) => `x-${name}`),
          value,
        ),
        { maxLength: 3 },
      ),
    })
    .map(({ method, target, body, type, nonce, others }): HttpMessage => ({
      method,
      target,
      headers: [
        ...others,
        ['content-type', type],
        ...(nonce === null ? [] : [['nonce', nonce] as const]),
      ],
      body: body === null ? undefined : Uint8Array.from(body),
    }));

  describe.each(ALGORITHM_NAMES)('with %s', (algorithm) => {
    it.each(['rfc9421', '2026-02', '2026-01'] as const)(
      'verifies under %s whatever the request is',
      async (wire) => {
        const key = await signingKey(algorithm);
        await fc.assert(
          fc.asyncProperty(message, async (request) => {
            const { base } = await expectAccepted(await signed(request, { key, wire }), {
              algorithm,
              acceptWire: [wire],
            });
            const lines = new TextDecoder().decode(base).split('\n');
            expect(lines[0]).toBe(`"@method": ${request.method}`);
          }),
          { numRuns: algorithm === 'ed25519' ? 60 : 20 },
        );
      },
    );
  });
});
