import { describe, expect, it } from 'vitest';
import { hostOf, offeredLink, sameOrigin } from '../../src/pages/display-address.js';

describe('an address on a page', () => {
  it('shows the host in full, as punycode, with a port that is not the default', () => {
    expect(hostOf('https://xn--bcher-kva.example')).toBe('xn--bcher-kva.example');
    expect(hostOf('http://127.0.0.1:8001/callback')).toBe('127.0.0.1:8001');
    const long = `${'label.'.repeat(40)}example`;
    expect(hostOf(`https://${long}/x`)).toBe(long);
  });

  it('counts as the same place only with the same scheme, host and port', () => {
    expect(sameOrigin('https://a.example/callback', 'https://a.example')).toBe(true);
    expect(sameOrigin('http://a.example', 'https://a.example')).toBe(false);
    expect(sameOrigin('https://a.example:8443', 'https://a.example')).toBe(false);
    expect(sameOrigin('data:,a', 'data:,a')).toBe(false);
  });
});

describe('a link that a party gives', () => {
  it('is offered when it is https', () => {
    expect(offeredLink('https://a.example/terms?v=2')).toBe('https://a.example/terms?v=2');
  });

  it.each([
    ['absent', undefined],
    ['plain http', 'http://a.example/'],
    ['loopback', 'http://127.0.0.1:8001/'],
    ['a script', 'javascript:alert(1)'],
    ['a script behind white space', ' java\nscript:alert(1)'],
    ['data', 'data:text/html,hello'],
    ['relative', '//a.example/'],
    ['with a name and password', 'https://bank.example:x@a.example/'],
    ['endless', `https://a.example/${'x'.repeat(3000)}`],
    ['nonsense', 'https://'],
  ])('is left out when it is %s', (_, link) => {
    expect(offeredLink(link)).toBeUndefined();
  });
});
