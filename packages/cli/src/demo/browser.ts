import { CommandError } from '../command-error.js';

/** Somebody with an account, and what they say when they are asked. */
export interface DemoPerson {
  readonly username: string;
  readonly password: string;
  /** Default `approve`. */
  readonly decision?: 'approve' | 'deny';
}

/** Where a browser ended: the first page that has nothing to fill in. */
export interface Page {
  readonly url: URL;
  readonly status: number;
  readonly html: string;
}

interface Form {
  readonly fields: URLSearchParams;
  readonly action: string;
  readonly buttons: readonly { readonly name: string; readonly value: string }[];
  readonly asksPassword: boolean;
}

const MAX_STEPS = 20;

function attribute(tag: string, name: string): string | undefined {
  const match = new RegExp(`\\b${name}="([^"]*)"`).exec(tag);
  return match?.[1]
    ?.replaceAll('&quot;', '"')
    .replaceAll('&#39;', "'")
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&amp;', '&');
}

/** Where a page leads by itself. */
function refreshOf(html: string): string | null {
  const tag = /<meta\b[^>]*http-equiv="refresh"[^>]*>/.exec(html)?.[0];
  return tag === undefined ? null : (attribute(tag, 'content')?.split('url=')[1] ?? null);
}

/** The first form of a page with its hidden fields and buttons, as a browser would post it. */
function readForm(html: string, page: URL): Form | undefined {
  const form = /<form\b[^>]*>[\s\S]*?<\/form>/.exec(html)?.[0];
  if (form === undefined) return undefined;
  const fields = new URLSearchParams();
  for (const [tag] of form.matchAll(/<input\b[^>]*type="hidden"[^>]*>/g)) {
    fields.append(attribute(tag, 'name') ?? '', attribute(tag, 'value') ?? '');
  }
  const buttons = Array.from(form.matchAll(/<button\b[^>]*>/g), ([tag]) => ({
    name: attribute(tag, 'name') ?? '',
    value: attribute(tag, 'value') ?? '',
  }));
  const action = new URL(attribute(form, 'action') ?? '', page).href;
  return { fields, action, buttons, asksPassword: form.includes('type="password"') };
}

/**
 * A person with a browser, as far as a demonstration needs one: keeps cookies by origin, follows redirects, signs in
 * where a password is asked for, and presses the first button of any other form, or the one that denies.
 */
export class DemoBrowser {
  readonly #person: DemoPerson;
  readonly #transport: typeof fetch;
  readonly #cookies = new Map<string, Map<string, string>>();

  constructor(person: DemoPerson, transport: typeof fetch = fetch) {
    this.#person = person;
    this.#transport = transport;
  }

  /** Opens an address and goes on until a page has nothing to fill in. */
  async visit(start: string): Promise<Page> {
    let url = new URL(start);
    let form: Form | undefined;
    for (let step = 0; step < MAX_STEPS; step++) {
      const response = await this.#request(url, form?.fields);
      const html = await response.text();
      const location = response.headers.get('location') ?? refreshOf(html);
      form = undefined;
      if (location !== null) {
        url = new URL(location, url);
        continue;
      }
      form = response.ok ? readForm(html, url) : undefined;
      if (form === undefined || form.buttons.length === 0) {
        return { url, status: response.status, html };
      }
      this.#fill(form);
      url = new URL(form.action);
    }
    throw new CommandError('The pages did not come to an end.');
  }

  #fill({ fields, buttons, asksPassword }: Form): void {
    const { username, password, decision = 'approve' } = this.#person;
    if (asksPassword) {
      fields.set('username', username);
      fields.set('password', password);
    }
    const denying = decision === 'deny' ? buttons.find(({ value }) => value === 'deny') : undefined;
    const pressed = denying ?? buttons[0];
    if (pressed !== undefined && pressed.name !== '') fields.set(pressed.name, pressed.value);
  }

  async #request(url: URL, fields: URLSearchParams | undefined): Promise<Response> {
    const cookies = this.#cookies.get(url.origin) ?? new Map<string, string>();
    this.#cookies.set(url.origin, cookies);
    const headers = {
      accept: 'text/html',
      ...(cookies.size === 0
        ? {}
        : { cookie: [...cookies].map(([name, value]) => `${name}=${value}`).join('; ') }),
    };
    const response = await this.#transport(url, {
      redirect: 'manual',
      headers,
      ...(fields === undefined ? {} : { method: 'POST', body: fields }),
    });
    for (const line of response.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
      if (/;\s*max-age=0\b/i.test(line)) cookies.delete(name);
      else cookies.set(name, value);
    }
    return response;
  }
}
