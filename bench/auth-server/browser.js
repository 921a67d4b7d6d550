const MAX_STEPS = 12;
const LOCATION = /\r\nlocation: *([^\r]*)/i;
const SET_COOKIE = /\r\nset-cookie: *([^=]+)=([^;\r]*)([^\r]*)/gi;
const ENDED = /;\s*(max-age=0\b|expires=Thu, 01 Jan 1970)/i;
const REFRESH = /<meta\b[^>]*http-equiv="refresh"[^>]*url=([^"]*)"/i;
const HIDDEN = /<input\b[^>]*type="hidden"[^>]*>/g;
const BUTTON = /<button\b[^>]*>/;
const [ACTION, NAME, VALUE] = ['action', 'name', 'value'].map(
  (name) => new RegExp(`\\b${name}="([^"]*)"`),
);
const ENTITIES = { '&quot;': '"', '&#39;': "'", '&lt;': '<', '&gt;': '>', '&amp;': '&' };

function attribute(tag, pattern) {
  const raw = pattern.exec(tag)?.[1] ?? '';
  return raw.includes('&')
    ? raw.replace(/&(?:quot|#39|lt|gt|amp);/g, (entity) => ENTITIES[entity])
    : raw;
}

const pair = (name, value) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`;

/** The first form of a page as a browser would post it when its first button is pressed. */
function filledForm(html, signIn) {
  const start = html.indexOf('<form');
  const end = html.indexOf('</form>', start);
  if (start < 0 || end < 0) return undefined;
  const form = html.slice(start, end);
  const pairs = Array.from(form.matchAll(HIDDEN), ([tag]) =>
    pair(attribute(tag, NAME), attribute(tag, VALUE)),
  );
  if (form.includes('type="password"')) {
    for (const [name, value] of Object.entries(signIn)) pairs.push(pair(name, value));
  }
  const button = BUTTON.exec(form)?.[0] ?? '';
  const name = attribute(button, NAME);
  if (name !== '') pairs.push(pair(name, attribute(button, VALUE)));
  return { address: attribute(form, ACTION), body: pairs.join('&') };
}

/** Where an answer leads, and what is posted there; `undefined` when there is nothing to do on the page. */
function nextStep(answer, signIn) {
  const location = answer.value(LOCATION);
  if (location !== undefined) return { address: location };
  if (answer.status !== 200) return undefined;
  const refresh = REFRESH.exec(answer.body)?.[1];
  if (refresh !== undefined) return { address: refresh.replaceAll('&amp;', '&') };
  return filledForm(answer.body, signIn);
}

/**
 * A person's browser, as far as a server that is measured needs one: keeps its cookies, follows redirects, signs in where a
 * password is asked for, presses the first button of any other form.
 */
export class BenchBrowser {
  #origin;
  #signIn;
  #send;
  #cookies = new Map();
  #lines;

  /** `signIn`: what is written into the form that asks for a password. `send` sends the text of a request. */
  constructor(origin, signIn, send) {
    this.#origin = origin;
    this.#signIn = signIn;
    this.#send = send;
    this.#lines = this.#writeLines();
  }

  /** Opens a path of the server and goes on until another site's turn has come. Returns that address. */
  async visit(path) {
    let next = { address: path };
    for (let step = 0; step < MAX_STEPS; step++) {
      const { address, body } = next;
      const at = address.startsWith(this.#origin) ? address.slice(this.#origin.length) : address;
      if (!at.startsWith('/')) return new URL(at);
      const answer = await this.#request(at, body);
      next = nextStep(answer, this.#signIn);
      if (next === undefined) {
        throw new Error(`a person ended at ${at} with ${answer.status}: ${answer.body}`);
      }
    }
    throw new Error('the pages did not come to an end');
  }

  async #request(path, body) {
    const answer = await this.#send(
      body === undefined
        ? `GET ${path} HTTP/1.1${this.#lines}\r\n\r\n`
        : `POST ${path} HTTP/1.1${this.#lines}\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    );
    let isChanged = false;
    for (const [, name, value, attributes] of answer.head.matchAll(SET_COOKIE)) {
      if (ENDED.test(attributes)) this.#cookies.delete(name);
      else this.#cookies.set(name, value);
      isChanged = true;
    }
    if (isChanged) this.#lines = this.#writeLines();
    return answer;
  }

  /** The lines that are the same until a cookie changes. */
  #writeLines() {
    const host = this.#origin.slice('http://'.length);
    const cookies = Array.from(this.#cookies, ([name, value]) => `${name}=${value}`).join('; ');
    return `\r\nHost: ${host}\r\nAccept: text/html${cookies === '' ? '' : `\r\nCookie: ${cookies}`}`;
  }
}
