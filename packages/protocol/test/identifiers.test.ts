import {
  authorityOf,
  isAAuthError,
  isLoopbackHost,
  isOnOrigin,
  isServerIdentifier,
  parseServerIdentifier,
} from '@countersign/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { identifier } from './kit.js';

const accepted = [
  'https://example.com',
  'https://a.b.example.com',
  'https://example.com:8443',
  'https://example.com:80',
  'https://xn--mnchen-3ya.example',
  'https://under_score.example',
  'https://192.0.2.1',
  'https://[2001:db8::1]',
  'https://[2001:db8::1]:8443',
  'https://127.0.0.1:8443',
  'https://localhost',
];

const loopback = [
  'http://127.0.0.1',
  'http://127.0.0.1:8001',
  'http://127.255.255.254:8001',
  'http://[::1]:8001',
  'http://localhost:8001',
  'http://localhost',
];

const refused: readonly (readonly [what: string, value: unknown])[] = [
  ['an upper-case host', 'https://Example.com'],
  ['an upper-case scheme', 'HTTPS://example.com'],
  ['an upper-case punycode prefix', 'https://XN--mnchen-3ya.example'],
  ['a host in letters instead of punycode', 'https://münchen.example'],
  ['full-width letters', 'https://ｅxample.com'],
  ['a default port', 'https://example.com:443'],
  ['a port with a leading zero', 'https://example.com:08443'],
  ['an empty port', 'https://example.com:'],
  ['a port out of range', 'https://example.com:65536'],
  ['a trailing slash', 'https://example.com/'],
  ['a path', 'https://example.com/agent'],
  ['a dot segment', 'https://example.com/.'],
  ['user info', 'https://user@example.com'],
  ['empty user info', 'https://@example.com'],
  ['a password', 'https://user:secret@example.com'],
  ['a query', 'https://example.com?a=b'],
  ['an empty query', 'https://example.com?'],
  ['a fragment', 'https://example.com#a'],
  ['an empty fragment', 'https://example.com#'],
  ['a trailing dot', 'https://example.com.'],
  ['an empty label', 'https://a..example.com'],
  ['a leading dot', 'https://.example.com'],
  ['a wildcard', 'https://*.example.com'],
  ['a quotation mark', 'https://a"b.example'],
  ['an apostrophe', "https://a'b.example"],
  ['a semicolon', 'https://a;b.example'],
  ['a comma', 'https://a,b.example'],
  ['a bracket', 'https://a{b}.example'],
  ['an escaped letter', 'https://%65xample.com'],
  ['white space before', ' https://example.com'],
  ['white space after', 'https://example.com '],
  ['a line break', 'https://example.com\n'],
  ['a tab inside', 'https://exa\tmple.com'],
  ['a backslash', 'https://example.com\\'],
  ['a soft hyphen', 'https://exa\u00admple.com'],
  ['no slashes', 'https:example.com'],
  ['one slash', 'https:/example.com'],
  ['three slashes', 'https:///example.com'],
  ['no scheme', 'example.com'],
  ['a relative address', '//example.com'],
  ['plain http', 'http://example.com'],
  ['plain http to a private address', 'http://192.168.0.1'],
  ['plain http to a host that only starts like loopback', 'http://127.0.0.1.example.com'],
  ['plain http to a subdomain of localhost', 'http://a.localhost'],
  ['plain http to an IPv4 address in IPv6', 'http://[::ffff:127.0.0.1]'],
  ['plain http to the unspecified address', 'http://0.0.0.0'],
  ['an IPv4 address in one number', 'https://2130706433'],
  ['an IPv4 address in hexadecimal', 'https://0x7f.0.0.1'],
  ['an IPv4 address in octal', 'https://0177.0.0.1'],
  ['an IPv4 address of two parts', 'https://127.1'],
  ['an IPv4 address with a trailing dot', 'https://127.0.0.1.'],
  ['an IPv6 address not in its shortest form', 'https://[2001:db8:0::1]'],
  ['an IPv6 address in upper case', 'https://[2001:DB8::1]'],
  ['an IPv6 address with a zone', 'https://[fe80::1%25eth0]'],
  ['another scheme', 'ftp://example.com'],
  ['a WebSocket', 'wss://example.com'],
  ['a blob with an https origin', 'blob:https://example.com'],
  ['a data URL', 'data:text/plain,https://example.com'],
  ['javascript', 'javascript:https://example.com'],
  ['the empty text', ''],
  ['the opaque origin', 'null'],
  ['more than 512 characters', `https://${'a.'.repeat(300)}example`],
  ['undefined', undefined],
  ['null', null],
  ['a number', 5],
  ['an array of one identifier', ['https://example.com']],
  ['an object that prints as one', { toString: () => 'https://example.com' }],
  ['a URL object', new URL('https://example.com')],
];

describe('a server identifier', () => {
  it.each(accepted)('is %s', (value) => {
    expect(isServerIdentifier(value)).toBe(true);
    expect(parseServerIdentifier(value, 'It')).toBe(value);
  });

  it.each(refused)('is not one with %s', (_what, value) => {
    expect(isServerIdentifier(value)).toBe(false);
    expect(isServerIdentifier(value, { insecureLoopback: true })).toBe(false);
  });

  it.each(loopback)('is %s only when insecure loopback is switched on', (value) => {
    expect(isServerIdentifier(value, { insecureLoopback: true })).toBe(true);
    expect(isServerIdentifier(value)).toBe(false);
    expect(isServerIdentifier(value, { insecureLoopback: false })).toBe(false);
  });

  it.each(['http://127.0.0.1:80', 'http://127.1:8001', 'http://LOCALHOST:8001', 'http://[0:0::1]'])(
    'is not %s, loopback or not',
    (value) => {
      expect(isServerIdentifier(value, { insecureLoopback: true })).toBe(false);
    },
  );

  it('has one spelling: whatever is accepted is its own origin', () => {
    const host = fc.oneof(
      fc.domain(),
      fc.ipV4(),
      fc.ipV6().map((ip) => `[${ip}]`),
      fc.string(),
    );
    const port = fc.oneof(
      fc.constant(''),
      fc.nat(70_000).map((n) => `:${n}`),
    );
    const scheme = fc.constantFrom('https://', 'http://', 'HTTPS://', 'https:', '');
    const rest = fc.constantFrom('', '', '', '/', '?', '#', '/a', ' ');
    const text = fc.tuple(scheme, host, port, rest).map((parts) => parts.join(''));
    fc.assert(
      fc.property(text, (value) => {
        if (!isServerIdentifier(value)) return;
        expect(new URL(value).origin).toBe(value);
        expect(value).toMatch(/^https:\/\/[a-z0-9._:[\]-]+$/);
      }),
      { numRuns: 300 },
    );
  });
});

describe('a setting that is not an identifier', () => {
  const messageFor = (value: unknown, insecureLoopback = false): string => {
    try {
      parseServerIdentifier(value, 'The issuer', { insecureLoopback });
    } catch (error) {
      if (isAAuthError(error, 'configuration_invalid')) return error.message;
    }
    throw new Error('accepted');
  };

  it('is named in the error', () => {
    expect(messageFor('https://example.com/')).toMatch(/^The issuer must be an https origin/);
    expect(messageFor(undefined)).toMatch(/^The issuer /);
  });

  it('is told of insecureLoopback when it is plain http', () => {
    expect(messageFor('http://127.0.0.1:8001')).toContain('insecureLoopback');
    expect(messageFor('https://example.com/')).not.toContain('insecureLoopback');
  });
});

describe('the authority of an identifier', () => {
  it.each([
    ['https://example.com', 'example.com'],
    ['https://example.com:8443', 'example.com:8443'],
    ['http://127.0.0.1:8002', '127.0.0.1:8002'],
    ['https://[::1]:8443', '[::1]:8443'],
  ])('of %s is %s', (id, authority) => {
    expect(authorityOf(identifier(id))).toBe(authority);
  });
});

describe('loopback', () => {
  it.each(['localhost', '127.0.0.1', '127.9.9.9', '[::1]'])('is %s', (host) => {
    expect(isLoopbackHost(host)).toBe(true);
  });
  it.each(['128.0.0.1', '127.0.0.1.example', '::1', '[::2]', 'localhost.example', '0.0.0.0', ''])(
    'is not %s',
    (host) => {
      expect(isLoopbackHost(host)).toBe(false);
    },
  );
});

describe('an address on the origin of an identifier', () => {
  const id = identifier('https://as.example');

  it.each([
    'https://as.example',
    'https://as.example/',
    'https://as.example/agent/token',
    'https://as.example/a?b=c',
    'https://as.example?b=https://evil.example',
    'https://as.example:443/agent/token',
  ])('is %s', (url) => {
    expect(isOnOrigin(url, id)).toBe(true);
  });

  it.each([
    ['another host', 'https://evil.example/agent/token'],
    ['a host that begins with it', 'https://as.example.evil.example/'],
    ['a subdomain', 'https://a.as.example/'],
    ['another port', 'https://as.example:8443/'],
    ['another scheme', 'http://as.example/'],
    ['user info', 'https://user@as.example/'],
    ['it as user info', 'https://as.example@evil.example/'],
    ['it as user and password', 'https://as.example:x@evil.example/'],
    ['a fragment', 'https://as.example/a#b'],
    ['an empty fragment', 'https://as.example/a#'],
    ['a relative address', '/agent/token'],
    ['an upper-case host', 'https://AS.example/'],
    ['a backslash', 'https://as.example\\evil'],
    ['white space before', ' https://as.example/'],
    ['a tab inside', 'https://as.exam\tple/'],
    ['a line break', 'https://as.example/\nSet-Cookie: a'],
    ['an escape sequence of a terminal', 'https://as.example/\u001b[2J'],
    ['letters outside ASCII', 'https://as.example/ä'],
    ['more than 2,048 characters', `https://as.example/${'a'.repeat(2048)}`],
    ['no text', undefined],
    ['an array', ['https://as.example/']],
  ])('is not one with %s', (_what, url) => {
    expect(isOnOrigin(url, id)).toBe(false);
  });
});
