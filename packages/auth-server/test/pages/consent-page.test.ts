import { describe, expect, it } from 'vitest';
import { consentPage, type ConsentView, type SignInConsentView } from '../../src/pages/index.js';
import { readForms, textOf } from './html-forms.js';
import { access, agent, form, hostile } from './sample-pages.js';

const signIn: SignInConsentView = {
  kind: 'sign-in',
  agent,
  account: 'ada',
  form,
  tokenLifetimeSeconds: 3600,
  identity: [{ scope: 'openid' }, { scope: 'email', value: 'ada@people.example' }],
};

const textFor = (view: ConsentView): string => textOf(consentPage(view).html);

describe('the consent page', () => {
  it('shows who asks, where and for what', () => {
    const text = textFor(access);
    expect(text).toContain('Allow access to files.example?');
    expect(text).toContain('Who asks https://mail-helper.example');
    expect(text).toContain('Where https://files.example');
    expect(text).toContain('Read the names and the contents of your files data.read');
  });

  it('is an ordinary form with approve, deny and a way to another account', () => {
    expect(readForms(consentPage(access).html)).toEqual([
      {
        method: 'post',
        action: '/agent/auth',
        hidden: {
          csrf: form.csrf,
          request_token: form.requestToken,
          redirect_uri: form.redirectUri,
          state: form.state,
        },
        inputs: [],
        buttons: ['action=approve', 'action=deny', 'action=switch-account'],
      },
    ]);
  });

  it('lets the answer lead to the request’s callback', () => {
    expect(consentPage(access).headers['content-security-policy']).toContain(
      "form-action 'self' https://mail-helper.example;",
    );
  });

  it('shows the identifier where the name says something else, and says that it does', () => {
    const text = textFor({ ...access, agent: { ...agent, name: 'https://bank.example' } });
    expect(text).toContain(
      'Who asks https://mail-helper.example It calls itself “https://bank.example”',
    );
    expect(text).toContain('That name reads like an address.');
    expect(textFor(access)).not.toContain('reads like an address');
  });

  it('shows only the identifier when nothing of the name can be seen', () => {
    expect(textFor({ ...access, agent: { ...agent, name: '\u202e\u200b' } })).not.toContain(
      'calls itself',
    );
  });

  it('shows hosts as punycode and never shortens them', () => {
    const id = `https://xn--bcher-kva.${'label.'.repeat(35)}example`;
    expect(textFor({ ...access, agent: { id } })).toContain(id);
  });

  it('quotes what the resource says as the resource’s, apart from what the agent says of itself', () => {
    const { html } = consentPage(access);
    const quote = /<figure class="quote">([\s\S]*?)<\/figure>/u.exec(html)?.[1] ?? '';
    expect(textOf(quote)).toMatch(/^files\.example says: Read the names/u);
    expect(quote).not.toContain('Mail Helper');
    const claim = /<div class="claim">([\s\S]*?)<\/div>/u.exec(html)?.[1] ?? '';
    expect(textOf(claim)).toContain('It calls itself “Mail Helper”');
  });

  it('shows a scope without description by its name', () => {
    expect(consentPage(access).html).toContain('<code class="alone"><bdi>data.write</bdi></code>');
  });

  it('marks nothing when nothing was approved before', () => {
    expect(textFor(access)).not.toMatch(/\bNew\b|Already approved/u);
  });

  it('tells a step-up apart: what is new, and what was approved before', () => {
    const text = textFor({
      ...access,
      scopes: [
        { name: 'old.scope', granted: true },
        { name: 'new.scope', granted: false },
      ],
    });
    expect(text).toMatch(
      /New files\.example says: new\.scope Already approved by you files\.example says: old\.scope/u,
    );
  });

  it('says so when the request names no scope', () => {
    expect(textFor({ ...access, scopes: [] })).toContain('The request names no scope.');
  });

  it('offers the agent’s links when they are https, and no image of anybody’s', () => {
    const { html } = consentPage({
      ...access,
      agent: { ...agent, homepage: 'http://127.0.0.1:8001', policyUri: 'javascript:alert(1)' },
    });
    expect([...html.matchAll(/<a href="([^"]*)"/gu)].map(([, href]) => href)).toEqual([
      'https://mail-helper.example/terms',
    ]);
    expect(html).toContain('rel="noopener noreferrer nofollow"');
    expect(html).not.toContain('<img');
  });

  it('says where each answer leads, how long approval lasts and what outlives it', () => {
    const text = textFor(access);
    expect(text).toContain('Either way you return to mail-helper.example.');
    expect(text).toContain('Your approval lasts until it is revoked.');
    expect(text).toContain('The operator of this server can revoke it for you.');
    expect(text).toContain('Access already handed out ends within 1 hour after that.');
  });

  it('promises that the person can revoke it only where there is a page to do so', () => {
    expect(textFor(access)).not.toContain('revoke it yourself');
    expect(consentPage({ ...access, withdrawPath: '/account' }).html).toContain(
      'You can <a href="/account">revoke it yourself</a>',
    );
  });

  it('points out a callback that is not the agent’s own address', () => {
    const elsewhere = { ...form, redirectUri: 'https://login.other.example/done' };
    expect(textFor({ ...access, form: elsewhere })).toContain(
      'you return to login.other.example, the address the agent registered for this.',
    );
  });

  it('shows purpose, details and end of an auth request document', () => {
    const text = textFor({
      ...access,
      purpose: 'To sort invoices.',
      details: [{ type: 'folder', name: 'Invoices' }],
      until: 1_804_075_200,
    });
    expect(text).toContain(
      'In detail files.example says: To sort invoices. type folder name Invoices',
    );
    expect(text).toContain(
      'Your approval lasts until 3 March 2027, 12:00 UTC, unless it is revoked earlier.',
    );
  });

  it('admits it when details are more than it can show', () => {
    const details = [Object.fromEntries(Array.from({ length: 99 }, (_, at) => [`k${at}`, at]))];
    expect(textFor({ ...access, details })).toContain('There is more than can be shown here');
    expect(textFor({ ...access, details: [{ a: 1 }] })).not.toContain('There is more');
  });

  it('says whose account answers', () => {
    expect(textFor(access)).toContain('Signed in as ada Use another account');
  });
});

describe('the consent page for a remembered decision', () => {
  const page = consentPage({ ...access, remembered: true });

  it('has one button to go on and one to cancel', () => {
    expect(textOf(page.html)).toContain('Continue Cancel Signed in as ada');
    expect(readForms(page.html)[0]?.buttons).toEqual([
      'action=approve',
      'action=deny',
      'action=switch-account',
    ]);
  });

  it('is shorter and still shows who asks, where and for what', () => {
    expect(page.html.length).toBeLessThan(consentPage(access).html.length);
    const text = textOf(page.html);
    for (const shown of [
      'https://mail-helper.example',
      'https://files.example',
      'data.read',
      'data.write',
    ]) {
      expect(text).toContain(shown);
    }
  });
});

describe('the consent page for signing in to an agent', () => {
  it('lists what the agent learns about the person, with the values', () => {
    const text = textFor(signIn);
    expect(text).toContain('Sign in to mail-helper.example?');
    expect(text).toContain(
      'What it learns A permanent identifier that stands for you Your email address: ada@people.example',
    );
    expect(text).not.toContain('Your name');
  });

  it('names no resource, and quotes further scopes in the agent’s name', () => {
    const text = textFor({ ...signIn, scopes: [{ name: 'inbox', granted: false }] });
    expect(text).not.toContain('Where');
    expect(text).toContain('What for mail-helper.example says: inbox');
  });
});

describe('hostile text on the consent page', () => {
  const { html } = consentPage(hostile);

  it('stays text', () => {
    expect(html).not.toMatch(/<script|<img|<i>|<b>|<h1>Approved/u);
    expect(html.match(/<style>/gu)).toHaveLength(1);
    expect(readForms(html)[0]?.hidden['state']).toBe('"><script>alert(2)</script>');
  });

  it('contains no character that hides or reorders', () => {
    expect(html.replaceAll('\n', '')).not.toMatch(/[\p{C}\u2028\u2029]/u);
  });

  it('adds a bounded length to the page', () => {
    expect(html.length - consentPage(access).html.length).toBeLessThan(8000);
  });
});
