/**
 * The page on which a person's browser ends at an agent. One pure function: no framework, no platform, no script, nothing
 * loaded from anywhere, since the address of this page may carry a code.
 */

/** What the page says. */
export type CallbackPageView =
  /** The agent has the answer and goes on by itself. */
  | { readonly state: 'success'; readonly agentName: string }
  /** The person, or a policy, said no. */
  | { readonly state: 'denied'; readonly agentName: string }
  /** No flow was waiting for this answer: it is unknown, over, or something about the answer does not match. */
  | { readonly state: 'error'; readonly agentName: string }
  /** Another program waits for the answer, perhaps on another machine: the address to carry there by hand. */
  | { readonly state: 'copy-address'; readonly agentName: string; readonly address: string };

const STYLESHEET = `
:root {
  color-scheme: light dark;
  --paper: #f3f1ec; --sheet: #fffefb; --ink: #1c2324; --soft: #535c5d; --line: #d8d5cc; --edge: #7b8482; --accent: #0b5c57;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #101415; --sheet: #181e1f; --ink: #e9ecea; --soft: #a9b3b1; --line: #333c3d; --edge: #7f8b89; --accent: #86d3c6;
  }
}
*, *::before, *::after { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; text-size-adjust: 100%; }
body {
  margin: 0; padding: 1.25rem 1rem 3rem; background: var(--paper); color: var(--ink); overflow-wrap: anywhere;
  font: 1rem/1.5 system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', sans-serif;
}
.sheet {
  display: grid; grid-template-columns: minmax(0, 1fr); gap: 1rem; max-width: 40rem; margin: 0 auto; padding: 1.5rem 1.25rem;
  background: var(--sheet); border: 1px solid var(--line); border-radius: 0.875rem;
}
h1, p { margin: 0; }
h1 { font-size: 1.5rem; line-height: 1.25; font-weight: 650; letter-spacing: -0.01em; text-wrap: balance; }
.soft { color: var(--soft); }
label { font-weight: 600; font-size: 0.9375rem; }
.field { display: grid; gap: 0.3rem; }
textarea {
  width: 100%; padding: 0.7rem 0.8rem; color: inherit; background: var(--paper); border: 1px solid var(--edge);
  border-radius: 0.5rem; resize: vertical; word-break: break-all;
  font: 0.9375rem/1.5 ui-monospace, 'Cascadia Mono', 'SF Mono', Menlo, Consolas, monospace;
}
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
@media (min-width: 36rem) {
  body { padding-top: 3rem; }
  .sheet { padding: 2.25rem 2.5rem; }
  h1 { font-size: 1.75rem; }
}
`;

/** SHA-256 of the stylesheet, written out because hashing is asynchronous on the web platform; a test recomputes it. */
const STYLE_HASH = 'S1M2MwUhJCO1h4qWtuMybWNhJEZeHEmZzWUpwDm2U5I=';

/** The headers to send with the page: nothing is loaded or posted, nobody frames it, its address goes nowhere. */
export const CALLBACK_PAGE_HEADERS: Readonly<Record<string, string>> = Object.freeze({
  'content-type': 'text/html; charset=utf-8',
  'content-language': 'en',
  'content-security-policy': [
    "default-src 'none'",
    `style-src 'sha256-${STYLE_HASH}'`,
    'img-src data:',
    "form-action 'none'",
    "frame-ancestors 'none'",
    "base-uri 'none'",
  ].join('; '),
  'cache-control': 'no-store',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'x-robots-tag': 'noindex',
});

/** The status that goes with a page: 400 when the answer could not be used, 200 otherwise. */
export function callbackPageStatus(view: CallbackPageView): 200 | 400 {
  return view.state === 'error' ? 400 : 200;
}

/**
 * The page as an HTML document, to be sent with {@link CALLBACK_PAGE_HEADERS}. `agentName` is the agent's own
 * configuration; `address` is shown exactly as given, so that what is copied is what arrived.
 */
export function callbackPage(view: CallbackPageView): string {
  const { title, body } = content(view);
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${title}</title>
<link rel="icon" href="data:,">
<style>${STYLESHEET}</style>
</head>
<body>
<main class="sheet">
<h1>${title}</h1>
${body}
</main>
</body>
</html>
`;
}

/** Title and body as HTML. */
function content(view: CallbackPageView): { title: string; body: string } {
  const agent = `<bdi>${escapeHtml(view.agentName)}</bdi>`;
  switch (view.state) {
    case 'success':
      return {
        title: 'Approved',
        body: `<p>You may close this page and return to ${agent}.</p>`,
      };
    case 'denied':
      return {
        title: 'Not approved',
        body:
          `<p>${agent} did not get access.</p>\n` +
          `<p class="soft">You may close this page. If this was a mistake, start again from ${agent}.</p>`,
      };
    case 'error':
      return {
        title: 'This answer cannot be used',
        body:
          `<p>${agent} was not waiting for it. Perhaps it took too long, was used already, ` +
          'or was started in another browser.</p>\n' +
          `<p class="soft">Close this page and start again from ${agent}.</p>`,
      };
    case 'copy-address':
      return {
        title: 'One more step',
        body:
          `<p>The program that started this waits for its answer in a terminal. ` +
          'Copy the address below and paste it there.</p>\n' +
          '<div class="field">\n<label for="address">Address to copy</label>\n' +
          '<textarea id="address" rows="5" readonly autofocus spellcheck="false" autocomplete="off" ' +
          `aria-describedby="care">\n${escapeHtml(view.address)}</textarea>\n</div>\n` +
          '<p class="soft" id="care">It works once and only for a short time. Paste it nowhere else. ' +
          'If you started nothing, close this page.</p>',
      };
  }
}

const ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/gu, (character) => ESCAPES[character] ?? '');
}
