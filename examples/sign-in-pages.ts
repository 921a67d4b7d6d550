/** The pages of the web application that signs people in. `html` escapes what is put into it. */
import { html } from 'hono/html';
import type { Session } from './sign-in-sessions.js';

export const STYLESHEET = `
:root { color-scheme: light dark; --paper: #f4f3ef; --sheet: #fffefb; --ink: #1d2122; --soft: #565f60;
  --line: #d9d6cd; --accent: #234f8f; --on-accent: #ffffff; --notice: #7a3a00; --notice-paper: #fdf1e1; }
@media (prefers-color-scheme: dark) { :root { --paper: #111416; --sheet: #1a1f21; --ink: #e8ebeb; --soft: #a8b1b2;
  --line: #343c3e; --accent: #9dc1ff; --on-accent: #0a1c38; --notice: #ffca8f; --notice-paper: #37280f; } }
*, *::before, *::after { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; text-size-adjust: 100%; }
body { margin: 0; padding: 1.25rem 1rem 3rem; background: var(--paper); color: var(--ink); overflow-wrap: anywhere;
  font: 1rem/1.5 system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', sans-serif; }
main { display: grid; grid-template-columns: minmax(0, 1fr); gap: 1.25rem; max-width: 34rem; margin: 0 auto;
  padding: 1.5rem 1.25rem; background: var(--sheet); border: 1px solid var(--line); border-radius: 0.875rem; }
h1, p, dl, dd { margin: 0; }
h1 { font-size: 1.5rem; line-height: 1.25; font-weight: 650; text-wrap: balance; }
dl { display: grid; gap: 0.9rem; }
dt { color: var(--soft); font-size: 0.875rem; font-weight: 600; }
pre { margin: 0; padding: 0.8rem 0.9rem; border: 1px solid var(--line); border-radius: 0.5rem; background: var(--paper);
  white-space: pre-wrap; word-break: break-word; font: 0.9375rem/1.5 ui-monospace, Menlo, Consolas, monospace; }
a { color: var(--accent); text-underline-offset: 0.15em; }
.notice { padding: 0.7rem 0.9rem; color: var(--notice); background: var(--notice-paper); border: 1px solid currentColor;
  border-radius: 0.5rem; }
.actions { display: flex; flex-wrap: wrap; gap: 0.75rem 1.25rem; align-items: center; justify-content: space-between; }
button { min-height: 3rem; padding: 0.65rem 1.25rem; font: inherit; font-weight: 600; cursor: pointer; border-radius: 0.5rem;
  border: 2px solid var(--accent); background: transparent; color: var(--accent); }
button.primary { background: var(--accent); color: var(--on-accent); }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
@media (min-width: 36rem) { body { padding-top: 4rem; } main { padding: 2.25rem 2.5rem; } h1 { font-size: 1.75rem; } }
`;

type Html = ReturnType<typeof html>;

const page = (title: string, content: Html): Html =>
  html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <title>${title}</title>
        <link rel="icon" href="data:," />
        <link rel="stylesheet" href="/style.css" />
      </head>
      <body>
        <main>
          <h1>${title}</h1>
          ${content}
        </main>
      </body>
    </html>`;

/** For a browser in which nobody is signed in. `to` is where the person wanted to go. */
export const signedOutPage = (authServer: string, to: string, notice?: string): Html =>
  page(
    'Notebook',
    html`${notice === undefined ? '' : html`<p class="notice" role="alert">${notice}</p>`}
      <p>
        Sign in to see what is yours. You decide at ${new URL(authServer).host} what this page
        learns.
      </p>
      <form method="post" action="/sign-in">
        <input type="hidden" name="to" value="${to}" />
        <button class="primary">Sign in</button>
      </form>`,
  );

export const signedInPage = ({ name, email, issuer, subject }: Session): Html =>
  page(
    `Signed in as ${name ?? subject}`,
    html`<dl>
        ${
          email === null
            ? ''
            : html`<div>
                <dt>Email</dt>
                <dd>${email}</dd>
              </div>`
        }
        <div>
          <dt>Vouched for by</dt>
          <dd>${new URL(issuer).host}</dd>
        </div>
      </dl>
      <div class="actions">
        <a href="/data">Your data</a>
        <form method="post" action="/sign-out"><button>Sign out</button></form>
      </div>`,
  );

export const dataPage = (data: string): Html =>
  page(
    'Your data',
    html`<pre>${data}</pre>
      <p><a href="/">Back</a></p>`,
  );

export const problemPage = (title: string, explanation: string): Html =>
  page(
    title,
    html`<p>${explanation}</p>
      <p><a href="/">Back to the start</a></p>`,
  );
