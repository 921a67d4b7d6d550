import { type Agent, isInteractionRequired, type SignedInPerson } from '@countersign/agent';
import { createAccount } from '@countersign/auth-server';
import { decodeJws, randomSecret, systemRandom } from '@countersign/protocol';
import { out } from '../terminal.js';
import { titledBlock } from '../trace/block.js';
import { decodedLines } from './observed.js';
import type { Play } from './play.js';
import type { Seat, Stage } from './stage.js';

const ADA = { username: 'ada', password: 'adas-password' };
const EVE = { username: 'eve', password: 'eves-password' };

/** A web application on an agent: a home page that says who is signed in, and a page that fetches their data. */
class WebApplication {
  readonly agent: Agent;
  readonly #seat: Seat;
  readonly #authServer: string;
  readonly #dataUrl: string;
  readonly #sessions = new Map<string, SignedInPerson>();
  /** Callbacks that are kept from the application, to show what becomes of their addresses elsewhere. */
  heldBack: string[] | undefined;
  /** Called with everybody who signs in. */
  onSignedIn: (person: SignedInPerson) => void = () => undefined;

  private constructor(agent: Agent, seat: Seat, authServer: string, dataUrl: string) {
    this.agent = agent;
    this.#seat = seat;
    this.#authServer = authServer;
    this.#dataUrl = dataUrl;
  }

  static async open(stage: Stage, authServer: string, dataUrl: string, seat: Seat) {
    let application: WebApplication | undefined;
    const { agent } = await stage.agent({
      seat,
      interaction: { mode: 'redirect' },
      onSignedIn: (person, { returnTo = '/' }) =>
        application?.startSession(person, returnTo) ?? notFound(),
    });
    application = new WebApplication(agent, seat, authServer, dataUrl);
    const own = application;
    seat.serve((request) => own.answer(request));
    return application;
  }

  startSession(person: SignedInPerson, returnTo: string): Response {
    const session = randomSecret(systemRandom, 256);
    this.#sessions.set(session, person);
    this.onSignedIn(person);
    const cookie = `${this.#cookieName}=${session}; Path=/; HttpOnly; SameSite=Lax`;
    return new Response(null, {
      status: 303,
      headers: { Location: returnTo, 'Set-Cookie': cookie },
    });
  }

  async answer(request: Request): Promise<Response> {
    const { pathname } = new URL(request.url);
    if (pathname === '/callback' && this.heldBack !== undefined) {
      this.heldBack.push(request.url);
      return new Response('Not now', { status: 503, headers: { 'Retry-After': '1' } });
    }
    const own = await this.agent.handle(request);
    if (own !== undefined) return own;
    const person = this.#personOf(request);
    if (pathname === '/sign-in' && request.method === 'POST') {
      const scopes = ['openid', 'profile', 'email'];
      return await this.agent.startSignIn(this.#authServer, { scopes, returnTo: '/' });
    }
    if (pathname === '/') return html(person === undefined ? SIGN_IN_FORM : signedInAs(person));
    if (pathname === '/data' && person !== undefined) return await this.#data(person);
    return notFound();
  }

  async #data(person: SignedInPerson): Promise<Response> {
    try {
      return await this.agent.for(person.key, { returnTo: '/data' }).fetch(this.#dataUrl);
    } catch (error) {
      if (isInteractionRequired(error)) return error.interaction.response();
      throw error;
    }
  }

  #personOf(request: Request): SignedInPerson | undefined {
    const cookies = (request.headers.get('cookie') ?? '').split('; ');
    const own = cookies.find((cookie) => cookie.startsWith(`${this.#cookieName}=`));
    return this.#sessions.get(own?.slice(this.#cookieName.length + 1) ?? '');
  }

  /** Cookies ignore ports. */
  get #cookieName(): string {
    return `session-${new URL(this.#seat.id).port}`;
  }
}

const SIGN_IN_FORM =
  '<form method="post" action="/sign-in"><button type="submit">Sign in</button></form>';

function signedInAs({ claims, subject }: SignedInPerson): string {
  const text = `Signed in as ${claims.name ?? subject} (${claims.email ?? 'no address'})`;
  return `<p>${text.replaceAll('&', '&amp;').replaceAll('<', '&lt;')}</p>`;
}

function html(body: string): Response {
  return new Response(`<!doctype html><title>Application</title>${body}`, {
    headers: { 'Content-Type': 'text/html; charset=utf-8', 'Cache-Control': 'no-store' },
  });
}

function notFound(): Response {
  return new Response('Not found', { status: 404 });
}

/** The agent is the resource: a person signs in to a web application (PROTOCOL section 5.6). */
export const signIn: Play = {
  flow: 'sign-in',
  title: 'Sign-in',
  steps: [
    'A person presses "Sign in" at a web application, which is an agent',
    'The agent asks the auth server with scope instead of a resource token, and sends the browser there',
    `The person signs in (${ADA.username} / ${ADA.password}) and decides what the application learns`,
    'The agent exchanges the code and verifies the token in full: it is for itself and names no agent',
    'The signed-in person goes on to their data at a resource',
    'Somebody else sends the address of their own callback to the person: it is refused in that browser',
  ],
  async perform(stage) {
    const agentSeat = await stage.seat('Agent');
    const resourceSeat = await stage.seat('Resource');
    const authServerSeat = await stage.seat('Auth server');
    const dataUrl = `${resourceSeat.id}/data-auth`;
    const application = await WebApplication.open(stage, authServerSeat.id, dataUrl, agentSeat);
    await stage.resource([authServerSeat.id], { seat: resourceSeat });
    const { storage } = await stage.authServer({ seat: authServerSeat, people: [EVE] });
    const [name, email] = ['Ada', 'ada@mail.example'];
    const account = { id: 'ada', subject: 'sub-ada', ...ADA, name, email, emailVerified: true };
    await createAccount(storage, { ...account, now: stage.clock(), development: true });
    if (stage.options.manual) await waitForPerson(stage, application, agentSeat.id);

    const browser = stage.browser(ADA);
    const home = await browser.visit(agentSeat.id);
    stage.check(home.html.includes(`Signed in as ${name} (${email})`), `${name} is signed in`);
    const { authToken } = stage.observed;
    checkToken(stage, authToken, agentSeat.id);
    const data = await browser.visit(`${agentSeat.id}/data`);
    stage.check(
      data.status === 200 && data.html.includes('Access granted'),
      'the person who signed in has access to their data at the resource',
    );

    // Eve keeps the address of her own callback and has Ada open it, so that Ada would work in Eve's account.
    const eve = stage.browser(EVE, 'Another person');
    application.heldBack = [];
    await eve.visit(agentSeat.id);
    const [address = ''] = application.heldBack;
    application.heldBack = undefined;
    const asked = stage.observed.messages.length;
    const refused = await browser.visit(address);
    stage.check(refused.status === 400, "another browser's callback is refused");
    stage.check(
      stage.observed.messages.length === asked + 1,
      'nothing was asked of anybody for it',
    );
    const again = await browser.visit(agentSeat.id);
    stage.check(again.html.includes(`Signed in as ${name}`), `${name} is still signed in`);
    const finished = await eve.visit(address);
    stage.check(
      finished.html.includes('Signed in as eve'),
      'the browser that started can still finish',
    );
    stage.check((await eve.visit(address)).status === 400, 'an answer is taken once');

    if (!stage.options.json && !stage.options.quiet) {
      out(titledBlock('SIGN-IN TOKEN (decoded)', decodedLines(authToken)));
    }
    return "a person signed in, in the browser that started; another browser's callback was refused";
  },
};

function checkToken(stage: Stage, token: string | undefined, agent: string): void {
  const jws = decodeJws(token ?? '');
  const { payload } = typeof jws === 'string' ? { payload: {} } : jws;
  const { aud, sub } = payload as { aud?: unknown; sub?: unknown };
  stage.check(
    aud === agent && sub === 'sub-ada',
    'the token is for the agent and names the person',
  );
  stage.check(!('agent' in payload), 'the token names no agent: it opens nothing at a resource');
}

/** With `--manual` a person tries it first; the rest follows by itself. */
async function waitForPerson(stage: Stage, application: WebApplication, url: string) {
  process.stderr.write(
    titledBlock('MANUAL SIGN-IN REQUIRED', [
      '',
      'Please open the following URL in your browser and press "Sign in":',
      '',
      `  ${url}`,
      '',
      `Sign in as ${ADA.username} with the password ${ADA.password}.`,
      'After you approve, the demonstration goes on by itself.',
    ]),
  );
  await new Promise<void>((resolve, reject) => {
    stage.signal.addEventListener('abort', () => reject(stage.signal.reason as Error));
    application.onSignedIn = () => resolve();
  });
}
