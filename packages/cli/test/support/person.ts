import { secrets } from './program.js';

/** A person's browser over HTTP: keeps cookies for each origin, follows redirects, fills in the first form of a page. */
export interface Page {
  readonly url: string;
  readonly status: number;
  readonly html: string;
}

export const TESTUSER = { username: 'testuser', password: 'testpass' };

const ENTITIES: Readonly<Record<string, string>> = {
  '&amp;': '&',
  '&quot;': '"',
  '&#39;': "'",
  '&lt;': '<',
  '&gt;': '>',
};

export const unescapeHtml = (text: string): string =>
  text.replace(/&(?:amp|quot|#39|lt|gt);/g, (entity) => ENTITIES[entity] ?? entity);

const attribute = (tag: string, name: string): string | undefined => {
  const value = new RegExp(`\\s${name}="([^"]*)"`).exec(tag)?.[1];
  return value === undefined ? undefined : unescapeHtml(value);
};

export class Browser {
  readonly #cookies = new Map<string, Map<string, string>>();

  /** Opens an address and follows redirects, except to where `stopAt` leads: then the page is that address, unvisited. */
  async open(address: string, stopAt?: string): Promise<Page> {
    return await this.#go(new URL(address), undefined, stopAt);
  }

  /** Posts a page's first form with its hidden fields and these. */
  async submit(
    page: Page,
    fields: Readonly<Record<string, string>>,
    stopAt?: string,
  ): Promise<Page> {
    const form = /<form\b[^>]*>[\s\S]*?<\/form>/.exec(page.html)?.[0];
    if (form === undefined) throw new Error(`there is no form at ${page.url}:\n${page.html}`);
    const body = new URLSearchParams();
    for (const [tag] of form.matchAll(/<input\b[^>]*>/g)) {
      if (attribute(tag, 'type') === 'hidden') {
        body.append(attribute(tag, 'name') ?? '', attribute(tag, 'value') ?? '');
      }
    }
    for (const [name, value] of Object.entries(fields)) body.append(name, value);
    return await this.#go(new URL(attribute(form, 'action') ?? '', page.url), body, stopAt);
  }

  async #go(
    start: URL,
    form: URLSearchParams | undefined,
    stopAt: string | undefined,
  ): Promise<Page> {
    let url = start;
    let body = form;
    for (let hops = 0; hops < 10; hops++) {
      if (stopAt !== undefined && url.href.startsWith(stopAt)) {
        return { url: url.href, status: 0, html: '' };
      }
      const jar = this.#cookies.get(url.origin) ?? new Map<string, string>();
      this.#cookies.set(url.origin, jar);
      const cookie = [...jar].map(([name, value]) => `${name}=${value}`).join('; ');
      const response: Response = await fetch(url, {
        redirect: 'manual',
        headers: { accept: 'text/html', ...(cookie === '' ? {} : { cookie }) },
        ...(body === undefined ? {} : { method: 'POST', body }),
      });
      for (const line of response.headers.getSetCookie()) {
        const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
        jar.set(name, value);
        secrets.secret('cookie', value);
      }
      const html = await response.text();
      secrets.secret('csrf', /name="csrf" value="([^"]+)"/.exec(html)?.[1]);
      secrets.secretsIn(`${url.href} ${response.headers.get('location') ?? ''}`);
      const location = response.headers.get('location');
      if (location === null) return { url: url.href, status: response.status, html };
      url = new URL(location, url);
      body = undefined;
    }
    throw new Error('too many redirects');
  }
}

/** The value of the page's first or last `action` button: to go on, or to refuse. */
function action(page: Page, which: 'first' | 'refuse'): string {
  const buttons = [...page.html.matchAll(/<button\b[^>]*name="action"[^>]*>/g)].map(
    ([tag]) => attribute(tag, 'value') ?? '',
  );
  const found = which === 'first' ? buttons[0] : buttons.find((value) => value === 'deny');
  if (found === undefined) {
    const said = page.html.replace(/<style>.*?<\/style>|<[^>]+>|\s+/gs, ' ').slice(0, 300);
    throw new Error(`there is no such button at ${page.url} (${page.status}): ${said}`);
  }
  return found;
}

export interface Decision {
  readonly deny?: boolean;
  /** Not visited: the browser would be on another machine. */
  readonly stopAt?: string;
  readonly browser?: Browser;
}

/** Signs in where that is asked, then approves or denies. Returns where the browser ended. */
export async function decide(
  url: string,
  { deny, stopAt, browser = new Browser() }: Decision = {},
): Promise<Page> {
  let page = await browser.open(url);
  if (page.html.includes('type="password"')) {
    page = await browser.submit(page, { ...TESTUSER, action: action(page, 'first') });
  }
  return await browser.submit(page, { action: action(page, deny ? 'refuse' : 'first') }, stopAt);
}
