import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import {
  CALLBACK_PAGE_HEADERS,
  callbackPage,
  callbackPageStatus,
  type CallbackPageView,
} from '../src/callback-page.js';

const address =
  'https://agent.example/callback?code=abc_DEF-123&state=s%26t&iss=https%3A%2F%2Fauth.example';

const views: CallbackPageView[] = [
  { state: 'success', agentName: 'Mail Helper' },
  { state: 'denied', agentName: 'Mail Helper' },
  { state: 'error', agentName: 'Mail Helper' },
  { state: 'copy-address', agentName: 'Mail Helper', address },
];

describe('the callback page', () => {
  it('sends the person back to the agent when the answer has arrived', () => {
    expect(callbackPage({ state: 'success', agentName: 'Mail Helper' })).toContain(
      'You may close this page and return to <bdi>Mail Helper</bdi>.',
    );
  });

  it('says that access was not given when it was denied', () => {
    expect(callbackPage({ state: 'denied', agentName: 'Mail Helper' })).toContain(
      '<bdi>Mail Helper</bdi> did not get access.',
    );
  });

  it('is a client error only when the answer could not be used', () => {
    expect(views.map(callbackPageStatus)).toEqual([200, 200, 400, 200]);
  });

  it('shows the address to copy in a read-only field, character for character', () => {
    const html = callbackPage({ state: 'copy-address', agentName: 'Mail Helper', address });
    const field = /<textarea [^>]*\breadonly\b[^>]*>\n([^<]*)<\/textarea>/u.exec(html);
    expect(field?.[1]?.replaceAll('&amp;', '&')).toBe(address);
  });

  it('escapes the agent name and the address', () => {
    const hostile = `</textarea><script>alert("1")</script>'&`;
    for (const view of [
      { state: 'success', agentName: hostile },
      { state: 'copy-address', agentName: hostile, address: hostile },
    ] satisfies CallbackPageView[]) {
      const html = callbackPage(view);
      expect(html).not.toContain('<script');
      expect(html).toContain('&lt;/textarea&gt;&lt;script&gt;alert(&quot;1&quot;)');
    }
  });

  it.each(views)('names nothing to load, follow or run ($state)', (view) => {
    const html = callbackPage(view);
    expect(html).not.toMatch(/<(?:script|img|iframe|form|a|object|embed)\b/iu);
    expect(html).not.toMatch(/@import|url\(/iu);
    expect(html.match(/(?:href|src)="[^"]*"/gu)).toEqual(['href="data:,"']);
  });

  it.each(views)('inlines exactly the stylesheet that its policy names ($state)', (view) => {
    const style = /<style>([\s\S]*?)<\/style>/u.exec(callbackPage(view))?.[1] ?? '';
    const hash = createHash('sha256').update(style).digest('base64');
    expect(CALLBACK_PAGE_HEADERS['content-security-policy']).toContain(
      `style-src 'sha256-${hash}'`,
    );
  });

  it('is never stored, framed or named to another site', () => {
    expect(CALLBACK_PAGE_HEADERS).toMatchObject({
      'cache-control': 'no-store',
      'referrer-policy': 'no-referrer',
      'x-content-type-options': 'nosniff',
    });
    expect(CALLBACK_PAGE_HEADERS['content-security-policy']).toMatch(
      /^default-src 'none';.*form-action 'none'; frame-ancestors 'none'; base-uri 'none'$/u,
    );
    expect(CALLBACK_PAGE_HEADERS['content-security-policy']).not.toContain('unsafe');
  });
});
