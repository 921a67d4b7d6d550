import { encodeBase64, sha256, utf8 } from '@countersign/httpsig';
import {
  type AgentMetadata,
  displayName,
  displayText,
  resemblesAddress,
  type ServerIdentifier,
  TEXT_LIMITS,
} from '@countersign/protocol';
import { html, Markup } from './html.js';
import { VISIT_STYLESHEET } from './visit-stylesheet.js';

/** The address of the page, on the resource's own origin. */
export const INTERACTION_PATH = '/aauth/interaction';

/** What a page says in place of the question, and the status that goes with it. */
const MESSAGES = {
  unknown: [404, 'There is no such request', 'It may have been answered, or it has expired.'],
  incomplete: [400, 'This address is not complete', 'Something that belongs to it is missing.'],
  agent: [400, 'The agent cannot be checked', 'What it publishes of itself cannot be read now.'],
  'return-url': [
    400,
    'You cannot be sent back safely',
    'The address to return to is not one of the agent’s own. You were sent nowhere.',
  ],
  'other-browser': [
    403,
    'This request was opened in another browser',
    'Only the browser that answered it first can go on. If somebody sent you the address, close this page.',
  ],
  'form-expired': [
    403,
    'This page is out of date',
    'It was open for long, or its cookie is gone. Your answer was not taken.',
  ],
  'wrong-host': [421, 'This server goes by another name', 'The address names another server.'],
  method: [405, 'This cannot be done here', 'Open the address in a browser.'],
  unavailable: [503, 'Not available for the moment', 'Wait a little, then load this page again.'],
  fault: [500, 'Something went wrong here', 'The fault is this server’s, and it has been noted.'],
} as const satisfies Record<string, readonly [number, string, string]>;

export type VisitMessage = keyof typeof MESSAGES;

/** What the person is asked. Everything but identifiers and the application's own words is a stranger's text. */
export interface VisitQuestion {
  readonly resource: ServerIdentifier;
  readonly agent: AgentMetadata;
  readonly delegate: string | null;
  /** The application's words: what is to be connected, and what the agent gets by it. */
  readonly title: string;
  readonly description: string;
  /** Seconds that the connection lasts. */
  readonly lifetimeSeconds: number;
  readonly request: string;
  readonly returnUrl: string;
  readonly formToken: string;
}

/** The page that names the agent and asks the person; only its form goes on. */
export async function questionPage(question: VisitQuestion): Promise<Response> {
  const { resource, title, agent, returnUrl } = question;
  const back = new URL(returnUrl).host;
  return await page(200, `Let an agent use ${title}?`, returnUrl, [
    html`<div>
        <h1>Let an agent use ${title}?</h1>
        <p class="lead">
          An agent asks <bdi dir="ltr">${new URL(resource).host}</bdi> for this. Nothing is shared
          until you go on.
        </p>
      </div>
      <div class="rows">
        ${agentRow(agent, question.delegate)}
        ${row('what', 'What it gets', html`<p>${question.description}</p>`)}
        ${row(
          'next',
          'What happens next',
          html`<ul class="next">
            <li>If you go on, you are asked for what this needs, perhaps at another site.</li>
            <li>Either way you return to <bdi dir="ltr">${back}</bdi>.</li>
            <li>It lasts ${inWords(question.lifetimeSeconds)} at most.</li>
          </ul>`,
        )}
      </div>
      <form method="post" action="${INTERACTION_PATH}" class="choices">
        <input type="hidden" name="form_token" value="${question.formToken}" />
        <input type="hidden" name="request" value="${question.request}" />
        <input type="hidden" name="return_url" value="${returnUrl}" />
        <button type="submit" name="action" value="continue" class="button primary">
          Continue
        </button>
        <button type="submit" name="action" value="cancel" class="button">Cancel</button>
      </form>`,
  ]);
}

function agentRow(agent: AgentMetadata, delegate: string | null): Markup {
  const name = displayName(agent.name);
  const claim =
    name === undefined
      ? undefined
      : html`<p class="claim"><span>It calls itself</span> “<bdi>${name}</bdi>”</p>`;
  const warning =
    name === undefined || !resemblesAddress(name)
      ? undefined
      : html`<p class="warning">
          That name reads like an address. The agent’s address is the one above.
        </p>`;
  const through =
    delegate === null
      ? undefined
      : html`<p class="note">
          Through its delegate <bdi>${displayText(delegate, TEXT_LIMITS.detail)}</bdi>
        </p>`;
  const identifier = html`<p class="identifier"><bdi dir="ltr">${agent.agent}</bdi></p>`;
  return row('who', 'Who asks', html`${identifier}${through}${claim}${warning}`);
}

function row(id: string, heading: string, content: Markup): Markup {
  return html`<section class="row" aria-labelledby="${id}">
    <h2 id="${id}">${heading}</h2>
    <div>${content}</div>
  </section>`;
}

function inWords(seconds: number): string {
  const units: readonly (readonly [string, number])[] = [
    ['day', 86_400],
    ['hour', 3600],
    ['minute', 60],
  ];
  const [unit, length] = units.find(([, one]) => seconds >= 2 * one) ?? ['second', 1];
  const count = Math.floor(seconds / length);
  return `${count} ${unit}${count === 1 ? '' : 's'}`;
}

/** A page that says what happened. Nothing in it is a stranger's. */
export async function messagePage(kind: VisitMessage): Promise<Response> {
  const [status, heading, text] = MESSAGES[kind];
  const again = kind === 'unavailable' || kind === 'fault';
  const response = await page(status, heading, undefined, [
    html`<div>
      <h1>${heading}</h1>
      <p class="lead">${text}</p>
    </div>`,
    ...(again ? [] : [html`<p>Go back to the program that sent you here and start again.</p>`]),
  ]);
  if (kind === 'method') response.headers.set('Allow', 'GET, HEAD, POST');
  if (kind === 'unavailable') response.headers.set('Retry-After', '10');
  return response;
}

/**
 * Leads on to where the application sends the person. A page and not a redirect: browsers apply the policy of the page
 * with the form to every redirect that follows a post, and nobody can name in it all that an identity provider passes
 * the person through.
 */
export async function onwardPage(url: string): Promise<Response> {
  return await page(
    200,
    'One moment',
    undefined,
    [
      html`<div>
          <h1>One moment</h1>
          <p class="lead">You are sent on to <bdi dir="ltr">${new URL(url).host}</bdi>.</p>
        </div>
        <p><a href="${url}">Go on if nothing happens</a></p>`,
    ],
    html`<meta http-equiv="refresh" content="0; url=${url}" />`,
  );
}

/** Not in a template: formatting one must not change the bytes that are hashed. */
const STYLE = new Markup(`<style>${VISIT_STYLESHEET}</style>`);

let styleHash: Promise<string> | undefined;

/** The policy of a page: nothing is loaded, one stylesheet is applied, nobody may frame it. */
async function contentSecurityPolicy(returnUrl: string | undefined): Promise<string> {
  styleHash ??= sha256(utf8(VISIT_STYLESHEET)).then(encodeBase64);
  return [
    "default-src 'none'",
    `style-src 'sha256-${await styleHash}'`,
    'img-src data:',
    returnUrl === undefined ? "form-action 'self'" : `form-action 'self' ${sourceOf(returnUrl)}`,
    "frame-ancestors 'none'",
    "base-uri 'none'",
  ].join('; ');
}

/** The origin has been checked to be an identifier's; source expressions know no IPv6, which can be loopback only here. */
function sourceOf(returnUrl: string): string {
  const { origin, hostname, protocol } = new URL(returnUrl);
  return hostname.startsWith('[') ? protocol : origin;
}

async function page(
  status: number,
  title: string,
  returnUrl: string | undefined,
  content: readonly Markup[],
  head?: Markup,
): Promise<Response> {
  const document = html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        ${head}
        <title>${title}</title>
        <link rel="icon" href="data:," />
        ${STYLE}
      </head>
      <body>
        <main class="sheet">${content}</main>
      </body>
    </html> `;
  return new Response(document.text, {
    status,
    headers: {
      'Content-Type': 'text/html; charset=utf-8',
      'Content-Language': 'en',
      'Content-Security-Policy': await contentSecurityPolicy(returnUrl),
      'Cache-Control': 'no-store',
      'Referrer-Policy': 'no-referrer',
      'X-Content-Type-Options': 'nosniff',
      'X-Frame-Options': 'DENY',
      'Cross-Origin-Opener-Policy': 'same-origin',
      'Cross-Origin-Resource-Policy': 'same-origin',
      'X-Robots-Tag': 'noindex',
    },
  });
}
