import {
  type Challenge,
  isAAuthError,
  parseChallenge,
  serializeChallenge,
} from '@countersign/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { makeWorld, resourceTokenFor } from './kit.js';

const { agent, resource, authServer } = await makeWorld();
const resourceToken = await resourceTokenFor(resource, authServer, agent);

const spellings: readonly (readonly [string, Challenge])[] = [
  ['httpsig', { kind: 'signature' }],
  ['httpsig; identity=?1', { kind: 'identity' }],
  [
    `httpsig; auth-token; resource_token="${resourceToken}"; auth_server="https://as.example"`,
    { kind: 'auth-token', resourceToken, authServer: 'https://as.example' },
  ],
  [
    'httpsig; user_interaction="https://rs.example/start?x=1"',
    { kind: 'interaction', url: 'https://rs.example/start?x=1' },
  ],
  [
    'httpsig; user_interaction="https://rs.example/s"; resource_token="t"; auth_server="https://as.example"',
    {
      kind: 'interaction',
      url: 'https://rs.example/s',
      resourceToken: 't',
      authServer: 'https://as.example',
    },
  ],
  [
    'httpsig; user_interaction="https://rs.example/s"; auth_server="https://as.example"',
    { kind: 'interaction', url: 'https://rs.example/s', authServer: 'https://as.example' },
  ],
];

describe('a challenge', () => {
  it.each(spellings)('is written as %s', (header, challenge) => {
    expect(serializeChallenge(challenge)).toBe(header);
  });

  it.each(spellings)('is read from %s', (header, challenge) => {
    expect(parseChallenge(header)).toEqual(challenge);
  });

  it('is read back as it was written, whatever its texts hold', () => {
    const text = fc.string({ unit: 'grapheme-ascii' }).filter((one) => /^[\x20-\x7e]*$/.test(one));
    fc.assert(
      fc.property(text, text, text, (url, token, server) => {
        const challenges: Challenge[] = [
          { kind: 'auth-token', resourceToken: token, authServer: server },
          { kind: 'interaction', url, resourceToken: token, authServer: server },
          { kind: 'interaction', url },
        ];
        for (const one of challenges) expect(parseChallenge(serializeChallenge(one))).toEqual(one);
      }),
      { numRuns: 200 },
    );
  });

  it.each(['a\nb', 'a\r\nSet-Cookie: x', 'ä', '\u0000', '\u007f'])(
    'is not written with %j in it, which no header can carry',
    (text) => {
      expect(() => serializeChallenge({ kind: 'interaction', url: text })).toThrow(TypeError);
    },
  );

  it('quotes what is in its texts', () => {
    expect(
      serializeChallenge({
        kind: 'auth-token',
        resourceToken: 'a"; identity=?1; b="',
        authServer: '\\',
      }),
    ).toBe('httpsig; auth-token; resource_token="a\\"; identity=?1; b=\\""; auth_server="\\\\"');
  });
});

describe('a challenge from a peer', () => {
  const asked: Challenge = { kind: 'auth-token', resourceToken: 't', authServer: 's' };
  it.each<[string, string, Challenge]>([
    ['without spaces', 'httpsig;identity=?1', { kind: 'identity' }],
    ['with spaces around it', '  httpsig; identity=?1  ', { kind: 'identity' }],
    ['with a bare flag', 'httpsig;identity', { kind: 'identity' }],
    ['with the flag off', 'httpsig;identity=?0', { kind: 'signature' }],
    ['with auth-token off', 'httpsig;auth-token=?0;identity', { kind: 'identity' }],
    ['with auth-token=?1', 'httpsig;auth-token=?1;resource_token="t";auth_server="s"', asked],
    ['in another order', 'httpsig;auth_server="s";resource_token="t";auth-token', asked],
    [
      'with parameters nobody knows',
      'httpsig;auth-token;a=1;b="c";resource_token="t";d=?1;auth_server="s"',
      asked,
    ],
    [
      'with identity beside auth-token',
      'httpsig;identity;auth-token;resource_token="t";auth_server="s"',
      asked,
    ],
    [
      'with a list of algorithms',
      'httpsig; identity=?1; algs=("ed25519" "rsa-pss-sha512")',
      { kind: 'identity' },
    ],
    ['with a list of algorithms alone', 'httpsig;algs=("ed25519")', { kind: 'signature' }],
    ['with an empty list of algorithms', 'httpsig;algs=()', { kind: 'signature' }],
    ['with a list of algorithms and spaces', 'httpsig;  algs=("a")  ', { kind: 'signature' }],
    [
      'with the list of algorithms inside a text',
      'httpsig;user_interaction="a;algs=()"',
      { kind: 'interaction', url: 'a;algs=()' },
    ],
    ['with algs as a text', 'httpsig;algs="ed25519"', { kind: 'signature' }],
  ])('is understood %s', (_what, header, challenge) => {
    expect(parseChallenge(header)).toEqual(challenge);
  });

  const refused: readonly (readonly [string, string])[] = [
    ['nothing', ''],
    ['another scheme', 'Bearer'],
    ['another case', 'HTTPSIG'],
    ['a longer token', 'httpsig2'],
    ['a text', '"httpsig"'],
    ['a number', '1'],
    ['two of them', 'httpsig, httpsig'],
    ['two of them, different', 'httpsig; identity=?1, httpsig; auth-token'],
    ['a list', '(httpsig)'],
    ['a dictionary', 'httpsig=1'],
    ['something after it', 'httpsig junk'],
    ['a comma after it', 'httpsig,'],
    ['a semicolon after it', 'httpsig;'],
    ['a line break', 'httpsig\n'],
    ['a tab', 'httpsig;\tidentity'],
    ['an upper-case parameter', 'httpsig; Identity=?1'],
    ['identity as a number', 'httpsig; identity=1'],
    ['identity as a text', 'httpsig; identity="?1"'],
    ['identity as a token', 'httpsig; identity=true'],
    ['identity twice', 'httpsig; identity=?1; identity=?1'],
    [
      'resource_token twice',
      'httpsig; auth-token; resource_token="a"; resource_token="b"; auth_server="s"',
    ],
    [
      'auth_server twice',
      'httpsig; auth-token; resource_token="a"; auth_server="s"; auth_server="t"',
    ],
    ['user_interaction twice', 'httpsig; user_interaction="a"; user_interaction="b"'],
    ['auth-token without a resource token', 'httpsig; auth-token; auth_server="s"'],
    ['auth-token without an auth server', 'httpsig; auth-token; resource_token="t"'],
    ['auth-token as a text', 'httpsig; auth-token="t"; resource_token="t"; auth_server="s"'],
    ['resource_token as a token', 'httpsig; auth-token; resource_token=t; auth_server="s"'],
    ['resource_token as a flag', 'httpsig; auth-token; resource_token; auth_server="s"'],
    ['auth_server as bytes', 'httpsig; auth-token; resource_token="t"; auth_server=:AA==:'],
    ['user_interaction as a token', 'httpsig; user_interaction=a'],
    ['user_interaction as a flag', 'httpsig; user_interaction'],
    ['a text that does not end', 'httpsig; user_interaction="a'],
    ['a text with a stray backslash', 'httpsig; user_interaction="a\\b"'],
    ['a text outside ASCII', 'httpsig; user_interaction="ä"'],
    ['a text that the list of algorithms would end', 'httpsig; user_interaction="a;algs=()'],
    ['algorithms in the middle', 'httpsig; algs=("a"); identity=?1'],
    ['algorithms twice', 'httpsig; algs=("a"); algs=("b")'],
    ['algorithms in a list in a list', 'httpsig; algs=(("a"))'],
    ['a parameter without a name', 'httpsig; =?1'],
    ['more than 16 KiB', `httpsig; a="${'a'.repeat(16 * 1024)}"`],
  ];

  it.each(refused)('is refused for %s', (_what, header) => {
    let error: unknown;
    try {
      parseChallenge(header);
    } catch (caught) {
      error = caught;
    }
    expect(isAAuthError(error, 'challenge_refused')).toBe(true);
  });

  it('is understood or refused, and nothing else, whatever it is', () => {
    const pieces = fc.constantFrom(
      'httpsig',
      ';',
      ' ',
      '=',
      '"',
      '\\',
      '?1',
      '(',
      ')',
      ',',
      'algs=',
      'identity',
      ':',
      '1',
      'ä',
    );
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 12 }), (parts) => {
        try {
          parseChallenge(`httpsig${parts.join('')}`);
        } catch (error) {
          expect(isAAuthError(error, 'challenge_refused')).toBe(true);
        }
      }),
      { numRuns: 500 },
    );
  });

  it.each<[string, (length: number) => string]>([
    ['spaces', (length) => `httpsig;${' '.repeat(length)}`],
    ['semicolons', (length) => `httpsig${';'.repeat(length)}`],
    ['parameters', (length) => `httpsig${';a'.repeat(length / 2)}`],
    ['half a list of algorithms', (length) => `httpsig;algs=(${'('.repeat(length)}`],
    ['lists of algorithms', (length) => `httpsig${';algs=('.repeat(length / 7)}`],
    ['a text', (length) => `httpsig;a="${'\\"'.repeat(length / 2)}`],
  ])('is judged quickly when it is as long as allowed and made of %s', (_what, make) => {
    const header = make(16_000);
    const started = performance.now();
    for (let times = 0; times < 10; times++) {
      try {
        parseChallenge(header);
      } catch (error) {
        expect(isAAuthError(error, 'challenge_refused')).toBe(true);
      }
    }
    expect(performance.now() - started).toBeLessThan(1000);
  });
});
