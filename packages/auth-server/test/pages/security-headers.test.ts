import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import {
  callbackSource,
  contentSecurityPolicy,
  pageHeaders,
} from '../../src/pages/security-headers.js';
import { samplePages } from './sample-pages.js';

describe('the policy of a page', () => {
  it('loads nothing, applies one stylesheet and lets nobody frame the page', () => {
    expect(contentSecurityPolicy()).toMatch(
      /^default-src 'none'; style-src 'sha256-[A-Za-z0-9+/]{43}='; img-src data:; form-action 'self'; frame-ancestors 'none'; base-uri 'none'$/u,
    );
  });

  it('lets a form’s answer lead to the callback’s origin and nowhere else', () => {
    expect(contentSecurityPolicy('https://agent.example/callback?x=1')).toContain(
      "; form-action 'self' https://agent.example; ",
    );
  });

  it.each(Object.entries(samplePages))('names exactly the stylesheet inlined in: %s', (_, page) => {
    const styles = [...page.html.matchAll(/<style>([\s\S]*?)<\/style>/gu)];
    expect(styles).toHaveLength(1);
    const hash = createHash('sha256')
      .update(styles[0]?.[1] ?? '')
      .digest('base64');
    expect(page.headers['content-security-policy']).toContain(`style-src 'sha256-${hash}'`);
  });
});

describe('the source of a callback', () => {
  it.each([
    ['https://agent.example/callback', 'https://agent.example'],
    ['https://agent.example:8443/callback', 'https://agent.example:8443'],
    ['https://agent.example:443/callback', 'https://agent.example'],
    ['http://127.0.0.1:8001/callback', 'http://127.0.0.1:8001'],
    ['http://localhost:8001/callback', 'http://localhost:8001'],
    ['https://bücher.example/callback', 'https://xn--bcher-kva.example'],
    ['http://[::1]:8001/callback', 'http:'],
  ])('of %s is %s', (uri, source) => {
    expect(callbackSource(uri)).toBe(source);
  });

  it.each([
    'https://x;script-src/callback',
    'https://*/callback',
    'https://*.example/callback',
    "https://'unsafe-inline'/callback",
    'https://a,b/callback',
    'https://[2001:db8::1]/callback',
    'javascript:alert(1)',
    'app.example:/callback',
    'not an address',
  ])('does not exist for %s, which would mean something else in a policy', (uri) => {
    expect(callbackSource(uri)).toBeUndefined();
    expect(contentSecurityPolicy(uri)).toBe(contentSecurityPolicy());
  });
});

describe('the headers of a page', () => {
  it('keep it out of stores, frames, referrers and guesses about its type', () => {
    expect(pageHeaders()).toMatchObject({
      'content-type': 'text/html; charset=utf-8',
      'content-language': 'en',
      'cache-control': 'no-store',
      'referrer-policy': 'no-referrer',
      'x-content-type-options': 'nosniff',
      'x-frame-options': 'DENY',
      'cross-origin-opener-policy': 'same-origin',
    });
  });

  it('are the same on every page except for the callback and the time to wait', () => {
    const { 'content-security-policy': _, ...plain } = pageHeaders();
    for (const page of Object.values(samplePages)) expect(page.headers).toMatchObject(plain);
  });
});
