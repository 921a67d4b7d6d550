import { decodeJws, parseChallenge } from '@countersign/protocol';

/** One request of a party or of the person's browser, and its answer, without anything that differs between runs. */
export interface Message {
  readonly from: string;
  readonly to: string;
  readonly request: string;
  readonly answer: string;
}

const SIGNED_WITH: Readonly<Record<string, string>> = {
  'agent+jwt': 'agent token',
  'auth+jwt': 'auth token',
};

/** How a request is signed, in a word: its scheme, or the kind of token it carries. */
function signedWith(headers: Headers): string | undefined {
  const field = headers.get('signature-key');
  if (field === null) return undefined;
  const jwt = /\bjwt="([^"]+)"/.exec(field)?.[1];
  const scheme = /\bscheme=([a-z0-9]+)/.exec(field)?.[1] ?? 'unknown scheme';
  if (jwt === undefined) return scheme;
  const decoded = decodeJws(jwt);
  if (typeof decoded === 'string') return 'encrypted auth token';
  return SIGNED_WITH[decoded.header.typ] ?? 'unknown token';
}

function names(parameters: URLSearchParams): string {
  return [...parameters.keys()].join(', ');
}

/** The names of a query's or a form's parameters; of `request_type` the value too, which says what is asked. */
function described(path: string, parameters: URLSearchParams): string {
  const type = parameters.get('request_type');
  if (type === null) return path + (parameters.size === 0 ? '' : ` (${names(parameters)})`);
  const others = new URLSearchParams(parameters);
  others.delete('request_type');
  return `${path} request_type=${type} (${names(others)})`;
}

/** The line of a request: method, path, what it asks, how it is signed. */
export async function requestLine(request: Request): Promise<string> {
  const { pathname, searchParams } = new URL(request.url);
  const isForm = request.headers
    .get('content-type')
    ?.startsWith('application/x-www-form-urlencoded');
  const form = isForm === true ? new URLSearchParams(await request.clone().text()) : searchParams;
  const signed = signedWith(request.headers);
  const person = form.get('action');
  // What a person's browser posts is named by the button, not by hidden fields.
  const path = person === null ? described(pathname, form) : `${pathname} (${person})`;
  return `${request.method} ${path}${signed === undefined ? '' : ` — ${signed}`}`;
}

const CHALLENGES: Readonly<Record<string, string>> = {
  signature: 'sign it',
  identity: 'sign with an identity',
  'auth-token': 'get an auth token for this resource token',
  interaction: 'send the person to this page',
};

/** The line of an answer: its status and what it says, or where it leads. */
export async function answerLine(response: Response): Promise<string> {
  const { status, headers } = response;
  const challenge = headers.get('agent-auth');
  const retryAfter = headers.get('retry-after');
  const location = headers.get('location');
  const json = headers.get('content-type')?.startsWith('application/json') === true;
  const body: unknown = json ? await response.clone().json() : undefined;
  const members = typeof body === 'object' && body !== null ? body : {};
  const said = [
    ...(challenge === null ? [] : [CHALLENGES[parseChallenge(challenge).kind] ?? 'a challenge']),
    ...('error' in members ? [String(members.error)] : []),
    ...Object.keys(members).filter((name) => /^(?:.+_token|interaction_code)$/.test(name)),
    ...(location === null ? [] : [`to ${relative(location)}`]),
    ...(retryAfter === null ? [] : ['Retry-After']),
  ];
  return [String(status), said.join(', ')].filter((part) => part !== '').join(' ');
}

function relative(location: string): string {
  const { pathname, searchParams } = new URL(location, 'http://127.0.0.1');
  return described(pathname, searchParams);
}
