import { asResponse } from '@countersign/protocol';
import { describe, expect, it } from 'vitest';
import { type Message, messagePage, pageAnswer } from '../../src/pages/index.js';
import { readForms, textOf } from './html-forms.js';
import { form } from './sample-pages.js';

const statuses: readonly [Message, number, string][] = [
  [{ kind: 'expired' }, 410, 'This request has expired'],
  [{ kind: 'answered', outcome: 'approved' }, 410, 'This request was approved'],
  [{ kind: 'answered', outcome: 'denied' }, 410, 'This request was denied'],
  [{ kind: 'unknown' }, 404, 'There is no such request'],
  [{ kind: 'claimed' }, 403, 'This request was opened by someone else'],
  [{ kind: 'redirect-mismatch' }, 400, 'This address was changed on the way'],
  [{ kind: 'form-expired' }, 403, 'This page is out of date'],
  [{ kind: 'too-many-requests', retryAfterSeconds: 30 }, 429, 'Too many requests'],
  [{ kind: 'unavailable', retryAfterSeconds: 5 }, 503, 'Not available for the moment'],
  [{ kind: 'wrong-host' }, 421, 'This server goes by another name'],
  [{ kind: 'not-found' }, 404, 'There is no page here'],
  [{ kind: 'bad-request' }, 400, 'This address is not complete'],
  [{ kind: 'server-error' }, 500, 'Something went wrong here'],
];

describe('a message page', () => {
  it.each(statuses)(
    'has the status and the heading of its kind: %j',
    (message, status, heading) => {
      const page = messagePage(message);
      expect(page.status).toBe(status);
      expect(page.html).toContain(`<h1>${heading}</h1>`);
      expect(page.html).toContain(`<title>${heading} · Countersign</title>`);
    },
  );

  it.each(statuses)('says what to do next, without codes or jargon: %j', (message) => {
    const text = textOf(messagePage(message).html);
    expect(text).toMatch(/start again|close this page|again|Check the address/u);
    expect(text).not.toMatch(/token|csrf|redirect|uri|param|error|\b[45]\d\d\b|_/iu);
  });

  it('says when to try again, to people and to programs', () => {
    const page = messagePage({ kind: 'unavailable', retryAfterSeconds: 5 });
    expect(page.headers['retry-after']).toBe('5');
    expect(textOf(page.html)).toContain('Wait 5 seconds');
  });

  it('opens the request again from a form that is out of date', () => {
    const { html } = messagePage({ kind: 'form-expired', retry: form });
    const href = /<a href="([^"]*)"/u.exec(html)?.[1]?.replaceAll('&amp;', '&') ?? '';
    const url = new URL(href, 'https://auth.example');
    expect(url.origin + url.pathname).toBe('https://auth.example/agent/auth');
    expect(Object.fromEntries(url.searchParams)).toEqual({
      request_token: form.requestToken,
      redirect_uri: form.redirectUri,
      state: form.state,
    });
  });

  it('offers another account to whoever opened somebody else’s request', () => {
    const { html } = messagePage({ kind: 'claimed', session: { account: 'ada', form } });
    expect(textOf(html)).toContain('Signed in as ada');
    expect(readForms(html).map(({ buttons }) => buttons)).toEqual([['action=switch-account']]);
    expect(readForms(messagePage({ kind: 'claimed' }).html)).toEqual([]);
  });

  it('shows a request’s identifier for support when there is one, cleaned and clipped', () => {
    expect(textOf(messagePage({ kind: 'expired' }, { requestId: 'a1b2c3' }).html)).toContain(
      'For support: a1b2c3',
    );
    expect(messagePage({ kind: 'expired' }).html).not.toContain('For support');
    expect(
      messagePage({ kind: 'expired' }, { requestId: `<b>${'x'.repeat(500)}` }).html,
    ).not.toMatch(/<b>|x{41}/u);
  });
});

describe('a page as a response', () => {
  it('carries the page’s status and headers, and the cookies given with it', async () => {
    const response = asResponse(pageAnswer(messagePage({ kind: 'expired' }), ['a=1', 'b=2']));
    expect(response.status).toBe(410);
    expect(response.headers.get('cache-control')).toBe('no-store');
    expect(response.headers.getSetCookie()).toEqual(['a=1', 'b=2']);
    expect(await response.text()).toMatch(/^<!doctype html>\n<html lang="en">/u);
  });
});
