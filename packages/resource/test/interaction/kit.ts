import { encodeBase64Url } from '@countersign/httpsig';
import { parseChallenge } from '@countersign/protocol';
import { Hono } from 'hono';
import type { Shape, Signer } from '../../../protocol/test/kit.js';
import { aauth, type AccessVariables, interactionRoutes, needs } from '../../src/hono.js';
import {
  type Connectable,
  type ConnectionOptions,
  createInteractions,
  type Held,
  type InteractionsOptions,
  type InteractionRecord,
  type InteractionStore,
  memoryInteractionStore,
  type ResourceOptions,
  type RouteRequirement,
  type Visit,
  type VisitEnd,
  type VisitStep,
} from '../../src/index.js';
import { type Api, makeApi, sign } from '../support.js';

export const KEY = encodeBase64Url(new Uint8Array(32).fill(7));
export const API = 'https://rs.example';
export const CALENDAR = `${API}/calendar`;
export const CALLBACK = 'https://agent.example/callback';
export const DOWNSTREAM = 'https://login.example/authorize';

export interface Tokens {
  readonly accessToken: string;
}

/** A store that notes what it was asked to keep. */
export interface WatchedStore extends InteractionStore {
  readonly records: Map<string, InteractionRecord>;
}

export function watchedStore(inner: InteractionStore = memoryInteractionStore()): WatchedStore {
  const records = new Map<string, InteractionRecord>();
  return {
    records,
    put: async (record, limit, now) => {
      const kept = await inner.put(record, limit, now);
      if (kept) records.set(record.key, record);
      return kept;
    },
    find: (key, now) => inner.find(key, now),
    replace: (key, expected, next, now) => inner.replace(key, expected, next, now),
    take: (key, expected, now) => inner.take(key, expected, now),
  };
}

/** A calendar API whose calendars are connected at another server, in a world of its own. */
export interface CalendarApi extends Api {
  readonly app: Hono<{ Variables: AccessVariables }>;
  readonly calendar: Connectable<Tokens>;
  readonly store: WatchedStore;
  /** Visits that the application began. */
  readonly begun: Visit[];
  /** Visits that the application completed, with what it had kept. */
  readonly finished: unknown[];
  /** What the handlers behind the connection were given. */
  readonly used: Tokens[];
  /** What `begin` and `complete` return. */
  readonly script: { begin: () => VisitStep<Tokens>; complete: () => VisitEnd<Tokens> };
}

export async function makeCalendar(
  options: {
    readonly requirement?: RouteRequirement;
    readonly resource?: Partial<ResourceOptions>;
    readonly interactions?: Partial<InteractionsOptions>;
    readonly connection?: Partial<ConnectionOptions<Tokens>>;
    readonly redirectUris?: readonly string[];
    readonly name?: string;
  } = {},
): Promise<CalendarApi> {
  const made = await makeApi(options.resource);
  const { redirectUris = [CALLBACK], name } = options;
  made.discovery.publishAgent(made.agent, {
    redirectUris,
    ...(name === undefined ? {} : { name }),
  });
  const store = watchedStore(options.interactions?.store);
  const interactions = createInteractions(made.api, {
    sealingKeys: [KEY],
    ...options.interactions,
    store,
  });
  const begun: Visit[] = [];
  const finished: unknown[] = [];
  const used: Tokens[] = [];
  let serial = 0;
  const script: CalendarApi['script'] = {
    begin: () => ({ redirect: `${DOWNSTREAM}?client_id=calendar`, keep: 'verifier' }),
    complete: () => ({ connected: { accessToken: `downstream-${++serial}` } }),
  };
  const calendar = interactions.connection<Tokens>({
    name: 'calendar',
    title: 'your calendar at Example Cloud',
    description: 'It can read the entries of your calendar.',
    begin: (visit) => {
      begun.push(visit);
      return script.begin();
    },
    ...options.connection,
  });
  const app = new Hono<{ Variables: AccessVariables }>();
  app.use(interactionRoutes(interactions));
  app.get('/back', (c) =>
    calendar.finish(c.req.raw, c.req.query('state'), (visit) => {
      finished.push(visit);
      return script.complete();
    }),
  );
  app.all(
    '/calendar',
    aauth(made.api, options.requirement ?? 'identity'),
    needs(calendar),
    async (c) => {
      const held: Held<Tokens> = c.get('connection');
      used.push(held.data);
      return c.text(held.data.accessToken);
    },
  );
  return { ...made, app, calendar, store, begun, finished, used, script };
}

/** Sends a signed request; the fields are covered as the profile asks. */
export async function call(
  api: CalendarApi,
  signer: Signer,
  fields: { readonly code?: string; readonly session?: string } = {},
  shape: Partial<Shape> = {},
): Promise<Response> {
  const headers = [
    ...(fields.code === undefined ? [] : [['Interaction-Code', fields.code] as const]),
    ...(fields.session === undefined ? [] : [['Interaction-Session', fields.session] as const]),
  ];
  return await api.app.request(await sign(signer, { url: CALENDAR, headers, ...shape }));
}

/** The page that a challenge sends the person to; anything but a challenge fails the test. */
export function pageOf(response: Response): URL {
  const challenge = parseChallenge(response.headers.get('agent-auth') ?? '');
  if (response.status !== 401 || challenge.kind !== 'interaction') {
    throw new Error(`no visit was asked for: ${response.status}`);
  }
  return new URL(challenge.url);
}

export function withReturn(page: URL, returnUrl = `${CALLBACK}?state=s1`): URL {
  const url = new URL(page);
  url.searchParams.set('return_url', returnUrl);
  return url;
}

/** A browser as far as these pages need one: keeps cookies, posts forms, follows nothing by itself. */
export class TestBrowser {
  readonly cookies = new Map<string, string>();
  readonly #api: Pick<CalendarApi, 'app'>;

  constructor(api: Pick<CalendarApi, 'app'>) {
    this.#api = api;
  }

  async open(url: URL | string, init: RequestInit = {}): Promise<Response> {
    const headers = new Headers(init.headers);
    if (this.cookies.size > 0 && !headers.has('cookie')) {
      headers.set(
        'cookie',
        [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; '),
      );
    }
    const response = await this.#api.app.request(new Request(url, { ...init, headers }));
    for (const line of response.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
      this.cookies.set(name, value);
    }
    return response;
  }

  /** Opens the page and posts its form. */
  async answer(page: URL, action = 'continue', change: Change = {}): Promise<Response> {
    return await this.post(await formOf(await this.open(page)), action, change);
  }

  async post(form: URLSearchParams, action = 'continue', change: Change = {}): Promise<Response> {
    const fields = new URLSearchParams(form);
    fields.set('action', action);
    for (const [name, value] of Object.entries(change.fields ?? {})) {
      if (value === undefined) fields.delete(name);
      else fields.set(name, value);
    }
    return await this.open(`${API}/aauth/interaction`, {
      method: 'POST',
      body: change.body ?? fields.toString(),
      headers: {
        'content-type': 'application/x-www-form-urlencoded',
        origin: 'null',
        'sec-fetch-site': 'same-origin',
        ...change.headers,
      },
    });
  }
}

export interface Change {
  readonly fields?: Readonly<Record<string, string | undefined>>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

const unescape = (text: string): string =>
  text
    .replaceAll('&quot;', '"')
    .replaceAll('&#39;', "'")
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&amp;', '&');

/** The hidden fields of a page's form. */
export async function formOf(response: Response): Promise<URLSearchParams> {
  const text = await response.text();
  const fields = new URLSearchParams();
  for (const [tag] of text.matchAll(/<input\b[^>]*>/g)) {
    const read = (name: string): string =>
      unescape(new RegExp(`\\b${name}="([^"]*)"`).exec(tag)?.[1] ?? '');
    fields.append(read('name'), read('value'));
  }
  if (fields.size === 0) throw new Error(`no form: ${response.status} ${text.slice(-400)}`);
  return fields;
}

/** Where a page leads on by itself. */
export async function onwardOf(response: Response): Promise<URL> {
  const text = await response.text();
  const found = /http-equiv="refresh"\s+content="0; url=([^"]+)"/.exec(text)?.[1];
  if (found === undefined) throw new Error(`leads nowhere: ${response.status}`);
  return new URL(unescape(found));
}

/** From a challenge to the code: the person goes on, and comes back from the other server. */
export async function visit(
  api: CalendarApi,
  challenged: Response,
  browser = new TestBrowser(api),
): Promise<string> {
  await onwardOf(await browser.answer(withReturn(pageOf(challenged))));
  const { state = '' } = api.begun.at(-1) ?? {};
  const back = await browser.open(`${API}/back?state=${state}`);
  return codeOf(back);
}

export function codeOf(response: Response): string {
  const code = new URL(response.headers.get('location') ?? 'x:').searchParams.get(
    'interaction_code',
  );
  if (response.status !== 303 || code === null) throw new Error(`no code: ${response.status}`);
  return code;
}
