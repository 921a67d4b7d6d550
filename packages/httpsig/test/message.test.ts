import { describe, expect, it } from 'vitest';
import { HeaderIndex, isSigned, messageFromRequest, messageTarget, utf8 } from '../src/index.js';
import { ruleOf } from './support.js';

describe('the target of a URL', () => {
  it.each([
    ['an empty path is a slash', 'https://api.example', '/'],
    ['a path is kept', 'https://api.example/a/b', '/a/b'],
    ['a query is kept', 'https://api.example/a?b=c', '/a?b=c'],
    ['a bare question mark is kept', 'https://api.example/a?', '/a?'],
    ['a second question mark is kept', 'https://api.example/a?b?c', '/a?b?c'],
    ['a query without a path gets its slash', 'https://api.example?b=c', '/?b=c'],
    ['a slash in a query is not a path', 'https://api.example?b=/c', '/?b=/c'],
    ['the fragment is left out', 'https://api.example/a#b?c', '/a'],
    ['a fragment without a path leaves a slash', 'https://api.example#/a', '/'],
    ['a port is not a path', 'https://api.example:8443/a', '/a'],
    ['an IPv6 host is not a path', 'https://[::1]:8443/a', '/a'],
    ['dot segments are not resolved', 'https://api.example/a/../b', '/a/../b'],
    ['escapes are not decoded', 'https://api.example/%2e%2E/%41', '/%2e%2E/%41'],
    ['empty segments are kept', 'https://api.example//a//', '//a//'],
  ])('%s', (_what, url, target) => {
    expect(messageTarget(url)).toBe(target);
  });
});

describe('a message from a Fetch request', () => {
  it('has the method, target, headers and body', async () => {
    const request = new Request('https://api.example/a%20b?c=d#e', {
      method: 'POST',
      headers: { 'Content-Type': 'text/plain', Nonce: 'abc' },
      body: 'text',
    });
    expect(await messageFromRequest(request)).toEqual({
      method: 'POST',
      target: '/a%20b?c=d',
      headers: [
        ['content-type', 'text/plain'],
        ['nonce', 'abc'],
      ],
      body: utf8('text'),
    });
  });

  it('has no body when none was sent', async () => {
    const message = await messageFromRequest(new Request('https://api.example/'));
    expect(message.body).toBe(undefined);
  });

  it('has no body when an empty one was sent', async () => {
    const request = new Request('https://api.example/', { method: 'POST', body: '' });
    expect((await messageFromRequest(request)).body).toBe(undefined);
  });
});

describe('an index of header lines', () => {
  const index = new HeaderIndex([
    ['Accept', 'text/html'],
    ['X-Empty', ''],
    ['accept', ' text/plain '],
    ['Spaced', ' \t a \t b \t '],
    ['Blank', ' \t '],
  ]);

  it('finds a field whatever the case of its name', () => {
    expect(new HeaderIndex([['HOST', 'a']]).get('host')).toBe('a');
  });

  it('joins lines with a comma and a space in the order sent (RFC 9421 section 2.1)', () => {
    expect(index.get('accept')).toBe('text/html, text/plain');
    expect(index.count('accept')).toBe(2);
  });

  it('trims spaces and tabs around a value and none inside it', () => {
    expect(index.get('spaced')).toBe('a \t b');
    expect(index.get('blank')).toBe('');
  });

  it('trims no other white space', () => {
    expect(new HeaderIndex([['a', '\u00a0x\n']]).get('a')).toBe('\u00a0x\n');
  });

  it('tells an empty field from one that is absent', () => {
    expect(index.get('x-empty')).toBe('');
    expect(index.count('x-empty')).toBe(1);
    expect(index.get('x-absent')).toBe(undefined);
    expect(index.count('x-absent')).toBe(0);
    expect(index.single('x-absent')).toBe(undefined);
  });

  it('does not find what only objects have', () => {
    expect(index.get('constructor')).toBe(undefined);
    expect(index.get('__proto__')).toBe(undefined);
  });

  it('refuses a second line of a field that may occur once', () => {
    expect(index.single('spaced')).toBe('a \t b');
    expect(ruleOf(() => index.single('accept'))).toBe('header_repeated');
  });

  it('refuses a second line even when both are equal', () => {
    const twice = new HeaderIndex([
      ['Host', 'a'],
      ['host', 'a'],
    ]);
    expect(ruleOf(() => twice.single('host'))).toBe('header_repeated');
  });
});

describe('a message that means to be signed', () => {
  it.each(['Signature', 'SIGNATURE-INPUT', 'signature-key'])('carries %s', (name) => {
    expect(isSigned({ headers: [[name, '']] })).toBe(true);
  });

  it('is not one that carries none of the three', () => {
    expect(isSigned({ headers: [['Content-Digest', 'x']] })).toBe(false);
    expect(isSigned({ headers: [] })).toBe(false);
  });
});
