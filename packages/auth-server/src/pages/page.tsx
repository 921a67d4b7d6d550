import type { TextAnswer } from '@countersign/protocol';
import { html as markup, raw } from 'hono/html';
import type { Child } from 'hono/jsx';
import { withCookies } from '../with-cookies.js';
import { pageHeaders } from './security-headers.js';
import { STYLESHEET } from './stylesheet.js';

/** A page ready to be sent: these bytes under exactly these headers, since the policy among them names the stylesheet. */
export interface Page {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly html: string;
}

export interface PageContent {
  readonly status: number;
  /** Our own words only, never a stranger's: a tab shows nothing else of the page. */
  readonly title: string;
  readonly body: Child;
  /** Where the answer to the page's form may lead, when that is not this server. */
  readonly redirectUri?: string | undefined;
  readonly retryAfterSeconds?: number | undefined;
}

const ICON = `data:image/svg+xml,${encodeURIComponent(
  '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24"><rect width="24" height="24" rx="6" fill="#0b5c57"/>' +
    '<path d="M4.5 11.5l3 3 6-7M10.5 13.5l1.5 1.5 6.5-7.5M5 19h14" fill="none" stroke="#fff" stroke-width="1.8"/></svg>',
)}`;

/** Two signatures over one line: what the product does, and its mark. */
function Mark() {
  return (
    <svg
      class="mark"
      viewBox="0 0 24 24"
      width="28"
      height="28"
      aria-hidden="true"
      focusable="false"
    >
      <rect width="24" height="24" rx="6" />
      <path d="M4.5 11.5l3 3 6-7M10.5 13.5l1.5 1.5 6.5-7.5M5 19h14" />
    </svg>
  );
}

/** The document around every page. */
export function renderPage(content: PageContent): Page {
  const frame = <Frame>{content.body}</Frame>;
  const document = markup`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${content.title} · Countersign</title>
<link rel="icon" href="${ICON}">
<style>${raw(STYLESHEET)}</style>
</head>
<body>
${frame}
</body>
</html>
`;
  if (document instanceof Promise) throw new TypeError('Pages are rendered without waiting.');
  const headers = pageHeaders(content.redirectUri);
  if (content.retryAfterSeconds !== undefined) {
    headers['retry-after'] = String(Math.max(1, Math.ceil(content.retryAfterSeconds)));
  }
  return { status: content.status, headers, html: document.toString() };
}

/** The page as it is sent, with the cookies that go with it. */
export function pageAnswer(
  { status, headers, html }: Page,
  cookies: readonly string[] = [],
): TextAnswer {
  return { status, headers: withCookies(headers, cookies), text: html };
}

function Frame({ children }: { children?: Child }) {
  return (
    <>
      <header class="brand">
        <Mark />
        <span>Countersign</span>
      </header>
      <main class="sheet">{children}</main>
    </>
  );
}
