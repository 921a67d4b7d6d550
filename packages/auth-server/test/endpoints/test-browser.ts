import type { JsonObject } from '@countersign/protocol';
import type { AuthServer } from '../../src/index.js';
import type { SecretWatch } from '../secrets.js';
import { type ReadForm, readForms } from '../pages/html-forms.js';

export const PASSWORD = 'correct horse battery staple';
export const FORM = 'application/x-www-form-urlencoded';

/** An answer that has been read. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** The JSON object it carries; empty for anything else. */
  readonly json: JsonObject;
}

export async function answerOf(response: Response): Promise<Answer> {
  const text = await response.text();
  const isJson = response.headers.get('content-type') === 'application/json';
  const json = isJson && text !== '' ? (JSON.parse(text) as JsonObject) : {};
  return { status: response.status, headers: response.headers, text, json };
}

/** The server that a browser visits; another one after a restart. */
interface Site {
  readonly issuer: string;
  readonly server: AuthServer;
  readonly secrets?: SecretWatch;
}

/** A page or a redirect, as a browser got it. */
export interface Seen extends Answer {
  readonly forms: readonly ReadForm[];
  readonly location: URL | undefined;
  readonly heading: string;
}

export type HeaderChanges = Readonly<Record<string, string | undefined>>;

/** What Chromium sends with a navigation that another site started. */
export const NAVIGATION: HeaderChanges = {
  'sec-fetch-site': 'cross-site',
  'sec-fetch-mode': 'navigate',
  'sec-fetch-dest': 'document',
};
/** What Chromium sends with a form of a page that has `Referrer-Policy: no-referrer`. */
export const OWN_FORM: HeaderChanges = {
  origin: 'null',
  'sec-fetch-site': 'same-origin',
  'sec-fetch-mode': 'navigate',
  'sec-fetch-dest': 'document',
};

/** A browser as far as HTTP goes: cookies, the page in front, its form. */
export class TestBrowser {
  readonly cookies = new Map<string, string>();
  page: Seen | undefined;
  address = '203.0.113.7';
  readonly #site: Site;

  constructor(site: Site) {
    this.#site = site;
  }

  /** Opens an address in this browser. */
  async open(url: string, headers: HeaderChanges = {}, method = 'GET'): Promise<Seen> {
    return await this.#go(
      new Request(url, { method, headers: this.#headers(NAVIGATION, headers) }),
    );
  }

  /** Fills in the form of the page in front and presses a button. */
  async press(
    action: string,
    fields: Readonly<Record<string, string | undefined>> = {},
    headers: HeaderChanges = {},
  ): Promise<Seen> {
    const form = this.page?.forms[0];
    if (form === undefined) throw new Error(`no form on "${this.page?.heading}"`);
    return await this.#go(this.submission(form, { ...fields, action }, headers));
  }

  /** The request that pressing a button makes, not yet sent. */
  submission(
    form: ReadForm,
    fields: Readonly<Record<string, string | undefined>>,
    headers: HeaderChanges = {},
  ): Request {
    const all = Object.entries({ ...form.hidden, ...fields });
    const sent = all.filter((entry): entry is [string, string] => entry[1] !== undefined);
    return new Request(`${this.#site.issuer}${form.action}`, {
      method: form.method.toUpperCase(),
      headers: this.#headers({ ...OWN_FORM, 'content-type': FORM }, headers),
      body: new URLSearchParams(sent).toString(),
    });
  }

  async signIn(username: string, password = PASSWORD): Promise<Seen> {
    const answer = await this.press('sign-in', { username, password });
    return answer.status === 303 ? await this.follow(answer) : answer;
  }

  /** Follows a redirect to one of the server's own pages. */
  async follow(answer: Seen): Promise<Seen> {
    if (answer.location?.origin !== this.#site.issuer) throw new Error('not to the server itself');
    return await this.open(answer.location.href, { 'sec-fetch-site': 'same-origin' });
  }

  async #go(request: Request): Promise<Seen> {
    const seen = await seenIn(
      await this.#site.server.handle(request, { remoteAddress: this.address }),
      this.#site.issuer,
    );
    for (const line of seen.headers.getSetCookie()) {
      const [pair = ''] = line.split(';', 1);
      const at = pair.indexOf('=');
      this.cookies.set(pair.slice(0, at), pair.slice(at + 1));
    }
    const { secrets } = this.#site;
    for (const value of this.cookies.values()) secrets?.secret('cookie', value);
    for (const { hidden } of seen.forms) secrets?.secret('csrf', hidden['csrf']);
    secrets?.secretsIn(`${seen.location?.search ?? ''} ${request.url}`);
    this.page = seen;
    return seen;
  }

  #headers(usual: HeaderChanges, changes: HeaderChanges): Record<string, string> {
    const cookie = [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    const all = Object.entries({
      host: new URL(this.#site.issuer).host,
      ...(cookie === '' ? {} : { cookie }),
      ...usual,
      ...changes,
    });
    return Object.fromEntries(
      all.filter((entry): entry is [string, string] => entry[1] !== undefined),
    );
  }
}

export async function seenIn(response: Response, issuer: string): Promise<Seen> {
  const answer = await answerOf(response);
  const location = answer.headers.get('location');
  return {
    ...answer,
    forms: readForms(answer.text),
    location: location === null ? undefined : new URL(location, issuer),
    heading: /<h1>(.*?)<\/h1>/su.exec(answer.text)?.[1]?.replace(/<[^>]*>/gu, '') ?? '',
  };
}
