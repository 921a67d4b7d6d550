import { describe, expect, it } from 'vitest';
import { signInPage, type SignInView } from '../../src/pages/index.js';
import { readForms, textOf } from './html-forms.js';
import { access, agent, form, hostile } from './sample-pages.js';

const view: SignInView = { agent, resource: access.resource, form };

describe('the sign-in page', () => {
  it('says who asks for access to what', () => {
    const text = textOf(signInPage(view).html);
    expect(text).toContain(
      'https://mail-helper.example asks for access to files.example on your behalf.',
    );
    expect(text).toContain('It calls itself “Mail Helper”');
  });

  it('says so when the sign-in is to the agent itself', () => {
    expect(textOf(signInPage({ agent, form }).html)).toContain(
      'https://mail-helper.example asks you to sign in to it.',
    );
  });

  it('is an ordinary form with username, password and the request in hidden inputs', () => {
    expect(readForms(signInPage(view).html)).toEqual([
      {
        method: 'post',
        action: '/agent/auth',
        hidden: {
          csrf: form.csrf,
          request_token: form.requestToken,
          redirect_uri: form.redirectUri,
          state: form.state,
        },
        inputs: ['username', 'password'],
        buttons: ['action=sign-in'],
      },
    ]);
  });

  it('leaves state out when the request has none', () => {
    const { state: _, ...without } = form;
    expect(readForms(signInPage({ ...view, form: without }).html)[0]?.hidden).not.toHaveProperty(
      'state',
    );
  });

  it('tells password managers which field is which', () => {
    const { html } = signInPage(view);
    expect(html).toMatch(/<input id="username"[^>]* autocomplete="username"/u);
    expect(html).toMatch(
      /<input id="password"[^>]* type="password" autocomplete="current-password"/u,
    );
    expect(html).toContain('<label for="username">');
    expect(html).toContain('<label for="password">');
  });

  it('focuses the username at first, and the password when only that has to be typed again', () => {
    const problem = { kind: 'wrong-credentials' } as const;
    expect(focused(signInPage(view).html)).toEqual(['username']);
    expect(focused(signInPage({ ...view, problem, username: 'ada' }).html)).toEqual(['password']);
    expect(focused(signInPage({ ...view, problem }).html)).toEqual(['username']);
  });

  it('announces wrong credentials in words that do not say which of the two was wrong', () => {
    const page = signInPage({ ...view, problem: { kind: 'wrong-credentials' }, username: 'ada' });
    expect(page.status).toBe(403);
    expect(page.html).toMatch(
      /<p class="alert" id="problem" role="alert">The username or the password is not right/u,
    );
    expect(page.html.match(/aria-describedby="problem"/gu)).toHaveLength(2);
    expect(page.html).toContain('value="ada"');
  });

  it('never sends a password back', () => {
    expect(signInPage(view).html).not.toMatch(/<input id="password"[^>]* value=/u);
  });

  it('says how long to wait after too many attempts, to people and to programs', () => {
    const page = signInPage({
      ...view,
      problem: { kind: 'too-many-attempts', retryAfterSeconds: 119.2 },
    });
    expect(page.status).toBe(429);
    expect(page.headers['retry-after']).toBe('120');
    expect(textOf(page.html)).toContain('Please wait 2 minutes, then try again.');
  });

  it('does not let its form’s answer leave this server', () => {
    expect(signInPage(view).headers['content-security-policy']).toContain("form-action 'self';");
  });

  it('escapes whatever the agent says and whatever was typed', () => {
    const { html } = signInPage({
      agent: hostile.agent,
      form: hostile.form,
      username: '"><script>alert(3)</script>',
    });
    expect(html).not.toContain('<script');
  });
});

function focused(html: string): (string | undefined)[] {
  return [...html.matchAll(/<input id="([a-z]+)"[^>]* autofocus=""/gu)].map(([, id]) => id);
}
