import { describe, expect, it } from 'vitest';
import { parseUrl } from '../src/parse-url.js';

describe('parsing a URL', () => {
  it('gives the URL, resolved where there is a base', () => {
    expect(parseUrl('https://a.example/b')?.pathname).toBe('/b');
    expect(parseUrl('../c', 'https://a.example/b/d')?.href).toBe('https://a.example/c');
  });

  it.each(['', 'a', '/b', 'https://', 'http://[::1', 'https://a b/'])(
    'gives none of %j',
    (text) => {
      expect(parseUrl(text)).toBeUndefined();
    },
  );

  it('takes letters beyond ASCII however often it is asked', () => {
    const hosts = new Set<string | undefined>();
    for (let time = 0; time < 20_000; time++) {
      parseUrl(`https://a.example/${time}`);
      hosts.add(parseUrl('https://b\u00fccher.example/caf\u00e9')?.host);
    }
    expect([...hosts]).toEqual(['xn--bcher-kva.example']);
  });
});
