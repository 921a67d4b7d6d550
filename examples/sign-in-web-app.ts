/**
 * A web application that signs people in with AAuth and then acts for them at an API.
 *
 *   APP_URL=https://app.example AUTH_SERVER=https://auth.example DATA_URL=https://api.example/data node sign-in-web-app.js
 *
 * APP_URL is where this program's port 8001 can be reached from outside, behind a TLS proxy.
 */
import { serve } from '@hono/node-server';
import { type AgentOptions, createAgent, isInteractionRequired } from '@countersign/agent';
import { fileStore } from '@countersign/agent/node';
import { isAAuthError, loadKeySet } from '@countersign/protocol';
import { Hono } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { generateCookie, getCookie, setCookie } from 'hono/cookie';
import { csrf } from 'hono/csrf';
import { HTTPException } from 'hono/http-exception';
import { secureHeaders } from 'hono/secure-headers';
import { parse } from 'hono/utils/cookie';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { dataPage, problemPage, signedInPage, signedOutPage, STYLESHEET } from './sign-in-pages.js';
import { SESSION_SECONDS, type SessionStore, sessionStore } from './sign-in-sessions.js';

export interface SignInWebAppOptions extends Pick<AgentOptions, 'keys' | 'insecureLoopback'> {
  /** The application's origin, which is its agent identifier. */
  readonly url: string;
  /** The one auth server whose people may come in. */
  readonly authServer: string;
  /** What is fetched for a person who is signed in. */
  readonly dataUrl: string;
  readonly sessions: SessionStore;
  /** Where sign-ins that are under way, and the tokens for `dataUrl`, are kept. */
  readonly store: NonNullable<AgentOptions['store']>;
}

/** Where a person may go on to after signing in. A list, so that no link can choose. */
const PAGES = ['/', '/data'];
const knownPage = (wanted: unknown): string => PAGES.find((one) => one === wanted) ?? '/';

const NOTICES = new Map([
  ['denied', 'You were not signed in: the request was denied.'],
  ['failed', 'You were not signed in: the answer could not be used. Please try again.'],
]);

export function signInWebApp(options: SignInWebAppOptions): Hono {
  const { url, authServer, sessions } = options;
  const secure = url.startsWith('https:');
  // Cookies ignore ports: on loopback the port is part of the name.
  const cookieName = secure ? '__Host-session' : `session-${new URL(url).port}`;
  const cookieOptions = { path: '/', httpOnly: true, sameSite: 'Lax', secure } as const;

  const agent = createAgent({
    id: url,
    keys: options.keys,
    name: 'Notebook',
    interaction: { mode: 'redirect' },
    store: options.store,
    insecureLoopback: options.insecureLoopback === true,
    // Here the person is verified, in the browser that started. The session begins under a new cookie, and one that the
    // browser had before is over.
    async onSignedIn(person, { request, returnTo = '/' }) {
      const before = parse(request.headers.get('cookie') ?? '', cookieName)[cookieName];
      if (before !== undefined) await sessions.end(before);
      const cookie = generateCookie(cookieName, await sessions.start(person), {
        ...cookieOptions,
        maxAge: SESSION_SECONDS,
      });
      const headers = { Location: returnTo, 'Set-Cookie': cookie };
      return new Response(null, { status: 303, headers });
    },
    onSignInFailed(error) {
      const notice = error.code === 'interaction_denied' ? 'denied' : 'failed';
      return new Response(null, { status: 303, headers: { Location: `/?notice=${notice}` } });
    },
  });

  const app = new Hono();
  // Before everything else: /.well-known/aauth-agent, /jwks.json and /callback.
  app.use(async (c, next) => (await agent.handle(c.req.raw)) ?? (await next()));
  app.use(
    secureHeaders({
      referrerPolicy: 'same-origin',
      contentSecurityPolicy: {
        defaultSrc: ["'none'"],
        styleSrc: ["'self'"],
        imgSrc: ['data:'],
        // Browsers apply it to the redirect that follows a form, too: signing in leads to the auth server.
        formAction: ["'self'", authServer],
        frameAncestors: ["'none'"],
        baseUri: ["'none'"],
      },
    }),
  );
  // Forms of other sites neither sign anybody out nor start a sign-in.
  app.use(csrf({ origin: url }));
  app.use(bodyLimit({ maxSize: 16 * 1024 }));
  app.use(async (c, next) => {
    await next();
    c.header('Cache-Control', 'no-store');
  });

  app.get('/style.css', (c) => c.body(STYLESHEET, 200, { 'Content-Type': 'text/css' }));

  app.get('/', async (c) => {
    const session = await sessions.find(getCookie(c, cookieName) ?? '');
    if (session !== undefined) return c.html(signedInPage(session));
    const notice = NOTICES.get(c.req.query('notice') ?? '');
    return c.html(signedOutPage(authServer, knownPage(c.req.query('to')), notice));
  });

  app.post('/sign-in', async (c) => {
    const to = new URLSearchParams(await c.req.text()).get('to');
    const scopes = ['openid', 'profile', 'email'];
    return await agent.startSignIn(authServer, { scopes, returnTo: knownPage(to) });
  });

  app.post('/sign-out', async (c) => {
    await sessions.end(getCookie(c, cookieName) ?? '');
    setCookie(c, cookieName, '', { ...cookieOptions, maxAge: 0 });
    return c.redirect('/', 303);
  });

  app.get('/data', async (c) => {
    const session = await sessions.find(getCookie(c, cookieName) ?? '');
    if (session === undefined) return c.redirect('/?to=%2Fdata', 303);
    try {
      // The person who signed in is the person for whom access is asked and kept.
      const { fetch } = agent.for(session.personKey, { returnTo: '/data' });
      const response = await fetch(options.dataUrl);
      return c.html(dataPage(await response.text()), response.ok ? 200 : 502);
    } catch (error) {
      if (isInteractionRequired(error)) return error.interaction.response();
      throw error;
    }
  });

  app.notFound((c) => c.html(problemPage('Not found', 'There is no such page here.'), 404));
  app.onError((error, c) => {
    if (error instanceof HTTPException) {
      return c.html(
        problemPage('That was not accepted', 'Please try again from here.'),
        error.status,
      );
    }
    if (isAAuthError(error)) {
      console.error(error.code, error.rule, error.detail);
      const status = error.code === 'access_denied' ? 403 : 503;
      return c.html(problemPage('That did not work', 'Please try again in a few minutes.'), status);
    }
    console.error(error);
    return c.html(problemPage('That did not work', 'Something is wrong on our side.'), 500);
  });
  return app;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { APP_URL, AUTH_SERVER, DATA_URL } = process.env;
  const app = signInWebApp({
    url: APP_URL ?? 'https://app.example',
    authServer: AUTH_SERVER ?? 'https://auth.example',
    dataUrl: DATA_URL ?? 'https://api.example/data',
    // `countersign keygen app-keys.json` makes the file.
    keys: await loadKeySet(JSON.parse(await readFile('app-keys.json', 'utf8'))),
    sessions: sessionStore('app-sessions.db'),
    store: fileStore('app-tokens.json'),
  });
  serve({ fetch: app.fetch, port: 8001, hostname: '127.0.0.1' });
}
