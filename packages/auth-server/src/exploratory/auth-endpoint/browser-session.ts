import { hashSecret, type ReceivedRequest } from '@countersign/protocol';
import type { ServerContext } from '../../context.js';
import type { OpenSession, SessionUser } from '../../storage/index.js';

/** A browser as the server knows it: by an opaque cookie, signed in or not. */
export interface Browser {
  /** The cookie's value; absent when the browser sent none. */
  readonly cookie: string | undefined;
  readonly session: OpenSession | undefined;
  readonly user: SessionUser | undefined;
}

const COOKIE_VALUE = /^[A-Za-z0-9_-]{43}$/;

/** `__Host-` on https; on loopback, where cookies ignore ports, the port is part of the name. */
export function sessionCookieName(issuer: string): string {
  if (issuer.startsWith('https:')) return '__Host-countersign';
  return `countersign-${/:(\d+)$/.exec(issuer)?.[1] ?? '80'}`;
}

/** The one well-formed value of a cookie; undefined without it, and when there are several. */
export function cookieValue(request: ReceivedRequest, name: string): string | undefined {
  const values = (request.headers.get('cookie') ?? '')
    .split(';')
    .map((pair) => pair.trim())
    .filter((pair) => pair.startsWith(`${name}=`))
    .map((pair) => pair.slice(name.length + 1));
  const [cookie] = values;
  // Two cookies of that name: one was planted, and which cannot be told.
  return values.length === 1 && cookie !== undefined && COOKIE_VALUE.test(cookie)
    ? cookie
    : undefined;
}

/** Finds who is behind a request. Writes nothing: a GET changes nothing but the claim (PROTOCOL section 5.2). */
export async function findBrowser(
  context: ServerContext,
  request: ReceivedRequest,
): Promise<Browser> {
  const cookie = cookieValue(request, sessionCookieName(context.issuer));
  if (cookie === undefined) return { cookie: undefined, session: undefined, user: undefined };
  const session = await context.storage.sessions.open(await hashSecret(cookie), context.clock());
  return { cookie, session, user: session?.user };
}

/** The value of the `Set-Cookie` that gives a browser its cookie. */
export function setCookie(
  context: ServerContext,
  value: string,
  maxAgeSeconds?: number,
  name = sessionCookieName(context.issuer),
): string {
  const secure = context.issuer.startsWith('https:') ? '; Secure' : '';
  const age = maxAgeSeconds === undefined ? '' : `; Max-Age=${maxAgeSeconds}`;
  return `${name}=${value}; Path=/; HttpOnly; SameSite=Lax${secure}${age}`;
}

/**
 * Starts a signed-in session under a new cookie. The cookie the browser had before sign-in ends here, so that nobody
 * who planted it shares the session. Undefined when the person has been disabled in the meantime.
 */
export async function startSession(
  context: ServerContext,
  user: Pick<SessionUser, 'id'>,
  previous: Browser,
): Promise<string | undefined> {
  const now = context.clock();
  const cookie = context.secret(256);
  const session = {
    idHash: await hashSecret(cookie),
    userId: user.id,
    createdAt: now,
    authenticatedAt: now,
    lastSeenAt: now,
    expiresAt: now + context.lifetimes.session,
  };
  const { sessions } = context.storage;
  // Of a form that is posted twice, the second finds the old session gone and starts one of its own.
  const replaced =
    previous.session !== undefined && (await sessions.replace(previous.session.idHash, session));
  if (!replaced && !(await sessions.create(session))) return undefined;
  return setCookie(context, cookie, context.lifetimes.session);
}

/**
 * The token that binds a form to the browser's cookie and to the request it answers. Derived, not stored, so that
 * showing a page writes nothing; whoever cannot read the cookie cannot make it.
 */
export async function formToken(cookie: string, requestToken: string): Promise<string> {
  return await hashSecret(`form\n${cookie}\n${requestToken}`);
}

/** Compares without telling by the time taken where two texts differ. */
export function equalSecrets(one: string, other: string): boolean {
  let difference = one.length ^ other.length;
  for (let at = 0; at < one.length; at++) {
    difference |= one.charCodeAt(at) ^ other.charCodeAt(at % Math.max(1, other.length));
  }
  return difference === 0;
}
