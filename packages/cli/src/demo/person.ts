import { CommandError } from '../command-error.js';

/** A person with a browser, as far as the demonstration needs one: keeps cookies, fills in forms, follows redirects. */
export interface Person {
  readonly username: string;
  readonly password: string;
}

interface Form {
  readonly fields: URLSearchParams;
  readonly action: string;
}

const MAX_STEPS = 10;

function attribute(tag: string, name: string): string | undefined {
  const match = new RegExp(`\\b${name}="([^"]*)"`).exec(tag);
  return match?.[1]
    ?.replaceAll('&quot;', '"')
    .replaceAll('&#39;', "'")
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&amp;', '&');
}

/** The first form of a page with its hidden fields, as a browser would post it. */
function readForm(html: string, page: URL): Form | undefined {
  const form = /<form\b[^>]*>[\s\S]*?<\/form>/.exec(html)?.[0];
  if (form === undefined) return undefined;
  const fields = new URLSearchParams();
  for (const [tag] of form.matchAll(/<input\b[^>]*type="hidden"[^>]*>/g)) {
    fields.append(attribute(tag, 'name') ?? '', attribute(tag, 'value') ?? '');
  }
  const action = attribute(form, 'action') ?? '';
  return { fields, action: new URL(action, page).href };
}

/** Signs in and approves through the server's own pages over HTTP, and returns where the browser ended. */
export async function approveAsPerson(start: string, person: Person): Promise<URL> {
  const cookies = new Map<string, string>();
  let url = new URL(start);
  const issuer = url.origin;
  let form: Form | undefined;
  for (let step = 0; step < MAX_STEPS; step++) {
    const response: Response = await fetch(url, {
      redirect: 'manual',
      headers: {
        accept: 'text/html',
        ...(url.origin === issuer && cookies.size > 0
          ? { cookie: [...cookies].map(([name, value]) => `${name}=${value}`).join('; ') }
          : {}),
      },
      ...(form === undefined ? {} : { method: 'POST', body: form.fields }),
    });
    if (url.origin === issuer) {
      for (const line of response.headers.getSetCookie()) {
        const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
        cookies.set(name, value);
      }
    }
    const location = response.headers.get('location');
    const html = await response.text();
    form = undefined;
    if (location !== null) {
      url = new URL(location, url);
      continue;
    }
    if (url.origin !== issuer) return url;
    form = readForm(html, url);
    if (form === undefined || !response.ok) {
      throw new CommandError(
        `The consent page answered ${response.status} and has nothing to fill in.`,
      );
    }
    if (html.includes('type="password"')) {
      form.fields.set('username', person.username);
      form.fields.set('password', person.password);
      form.fields.set('action', 'sign-in');
    } else {
      form.fields.set('action', 'approve');
    }
    url = new URL(form.action);
  }
  throw new CommandError('The consent pages did not come to an end.');
}
