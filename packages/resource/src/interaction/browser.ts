import { hashSecret, type ServerIdentifier } from '@countersign/protocol';

/** A secret of 256 bits as this resource writes them: cookies, request ids, states, codes, sessions. */
const SECRET = /^[A-Za-z0-9_-]{43}$/;

/** The secret, if the text can be one: anything else need not be looked for. */
export function asSecret(text: string | null | undefined): string | undefined {
  return typeof text === 'string' && SECRET.test(text) ? text : undefined;
}

/** `__Host-` on https; on loopback, where cookies ignore ports, the port is part of the name. */
export function visitCookieName(resource: ServerIdentifier): string {
  const { protocol, port } = new URL(resource);
  return protocol === 'https:' ? '__Host-countersign-visit' : `countersign-visit-${port || '80'}`;
}

/** The cookie of the browser; `undefined` when it has none, or two of which one was planted. */
export function visitCookie(request: Request, resource: ServerIdentifier): string | undefined {
  const name = visitCookieName(resource);
  const values = (request.headers.get('cookie') ?? '')
    .split(';')
    .map((pair) => pair.trim())
    .filter((pair) => pair.startsWith(`${name}=`))
    .map((pair) => pair.slice(name.length + 1));
  return values.length === 1 ? asSecret(values[0]) : undefined;
}

/** `Lax`, because the person comes back from elsewhere by a navigation. It lives as long as a request and a visit. */
export function setVisitCookie(
  resource: ServerIdentifier,
  value: string,
  maxAgeSeconds: number,
): string {
  const secure = resource.startsWith('https:') ? '; Secure' : '';
  const name = visitCookieName(resource);
  return `${name}=${value}; Path=/; Max-Age=${maxAgeSeconds}; HttpOnly; SameSite=Lax${secure}`;
}

/** The token that binds a form to the browser's cookie, to the request and to where the answer goes. Derived, not stored. */
export async function visitFormToken(
  cookie: string,
  request: string,
  returnUrl: string,
): Promise<string> {
  return await hashSecret(`visit\n${cookie}\n${request}\n${returnUrl}`);
}

/** Compares without telling by the time taken where two texts differ. */
export async function isEqualSecret(one: string, other: string): Promise<boolean> {
  return (await hashSecret(one)) === (await hashSecret(other));
}

/**
 * Whether a form was posted from a page of this resource. Pages name no referrer, so browsers send `Origin: null` on
 * our own posts: it counts together with `Sec-Fetch-Site: same-origin` only. A client that sends neither is no browser
 * with somebody else's page in it; the form token decides.
 */
export function isOwnForm(request: Request, resource: ServerIdentifier): boolean {
  const origin = request.headers.get('origin');
  const site = request.headers.get('sec-fetch-site');
  if (site !== null && site !== 'same-origin') return false;
  if (origin === null || origin === resource) return true;
  return origin === 'null' && site === 'same-origin';
}

/** Whether a request was sent to the resource under its own name: cookies and links belong to that one. */
export function isOwnHost(request: Request, resource: ServerIdentifier): boolean {
  const { host, protocol } = new URL(resource);
  const sent = (request.headers.get('host') ?? new URL(request.url).host).toLowerCase();
  return sent === host || sent === `${host}${protocol === 'https:' ? ':443' : ':80'}`;
}
