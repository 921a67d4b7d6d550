import { createHash, type JsonWebKey } from 'node:crypto';
import { getJson, type Headers, type Received } from './http.js';
import { checkToken, isSignedBy, type Payload, type PeerKey, readToken, signWith } from './keys.js';

/** The encodings of January and of February 2026. */
export type PeerWire = '2026-01' | '2026-02';

interface Target {
  readonly method: string;
  readonly authority: string;
  readonly path: string;
  readonly query: string | undefined;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
}

function componentValue(wire: PeerWire, name: string, target: Target): string {
  switch (name) {
    case '@method':
      return target.method;
    case '@authority':
      return target.authority;
    case '@path':
      return target.path;
    case '@query':
      if (target.query === undefined) throw new Error('no query is there to cover');
      return wire === '2026-01' ? target.query : `?${target.query}`;
    case 'nonce':
      if (wire === '2026-01') throw new Error('unknown component nonce');
  }
  const value = target.headers[name];
  if (typeof value !== 'string' || name.startsWith('@'))
    throw new Error(`unknown component ${name}`);
  return value;
}

/** January: the lines, each with its line end. February: as RFC 9421 has it. */
function signatureBase(wire: PeerWire, names: string[], params: string, target: Target): string {
  const lines = names.map((name) => `"${name}": ${componentValue(wire, name, target)}\n`).join('');
  return wire === '2026-01' ? lines : `${lines}"@signature-params": ${params}`;
}

const digestOf = (body: string): string =>
  `sha-256=:${createHash('sha256').update(body).digest('base64')}:`;

/** The headers of a signed request. `signatureKey` is what stands behind `sig1=`. */
export function signedHeaders(
  wire: PeerWire,
  key: PeerKey,
  signatureKey: string,
  request: { readonly method: string; readonly url: string; readonly form?: string },
): Headers {
  const { method, url, form } = request;
  const { host, pathname, search } = new URL(url);
  const headers: Record<string, string> = { 'signature-key': `sig1=${signatureKey}` };
  const names = ['@method', '@authority', '@path'];
  if (search !== '') names.push('@query');
  if (form !== undefined) {
    headers['content-type'] = 'application/x-www-form-urlencoded';
    headers['content-digest'] = digestOf(form);
    names.push('content-type', 'content-digest');
  }
  names.push('signature-key');
  const created = Math.floor(Date.now() / 1000);
  const params = `(${names.map((name) => `"${name}"`).join(' ')});created=${created}`;
  const query = search === '' ? undefined : search.slice(1);
  const base = signatureBase(wire, names, params, {
    method,
    authority: host,
    path: pathname,
    query,
    headers,
  });
  return {
    ...headers,
    'signature-input': `sig1=${params}`,
    signature: `sig1=:${signWith(key, base)}:`,
  };
}

/** Who signed a request: the agent, its key, and the auth token when it showed one. */
export interface Signer {
  readonly agent: string;
  readonly jwk: JsonWebKey;
  readonly token: Payload | undefined;
}

const parameter = (text: string, name: string): string | undefined =>
  new RegExp(`\\b${name}="([^"]*)"`).exec(text)?.[1];

/** Verifies a request as one wire has it, and no other. Throws with the reason. */
export async function verifyRequest(wire: PeerWire, received: Received): Promise<Signer> {
  const { headers, body } = received;
  const field = String(headers['signature-key'] ?? '');
  const signer = await findSigner(field);
  verifySignature(wire, signer.jwk, { ...received, authority: String(headers.host) });
  if (body !== '' && headers['content-digest'] !== digestOf(body)) throw new Error('bad digest');
  return signer;
}

/** The signature alone, with a key that is known. */
export function verifySignature(
  wire: PeerWire,
  jwk: JsonWebKey,
  target: Target & { readonly body: string },
): void {
  const input = /^sig1=(\(([^)]*)\).*)$/.exec(String(target.headers['signature-input']));
  const signature = /^sig1=:(.*):$/.exec(String(target.headers['signature']))?.[1] ?? '';
  const [, params = '', list = ''] = input ?? [];
  const names = list.split(' ').map((name) => name.replaceAll('"', ''));
  const needed = ['@method', '@authority', '@path', 'signature-key'];
  if (target.body !== '') needed.push('content-type', 'content-digest');
  if (!needed.every((name) => names.includes(name))) throw new Error('too little is covered');
  if (!isSignedBy(jwk, signatureBase(wire, names, params, target), signature)) {
    throw new Error('bad signature');
  }
}

async function findSigner(field: string): Promise<Signer> {
  const jwt = parameter(field, 'jwt');
  if (jwt !== undefined) {
    const issuer = String(readToken(jwt).payload['iss']);
    const key = await publishedKey(issuer, 'aauth-issuer', String(readToken(jwt).header['kid']));
    const token = checkToken(jwt, 'auth+jwt', key);
    const { jwk } = token['cnf'] as { jwk: JsonWebKey };
    return { agent: String(token['agent']), jwk, token };
  }
  const [id, kid] = [parameter(field, 'id'), parameter(field, 'kid')];
  if (!field.includes('scheme=jwks') || id === undefined || kid === undefined) {
    throw new Error('unknown scheme');
  }
  return { agent: id, jwk: await publishedKey(id, 'aauth-agent', kid), token: undefined };
}

/** Looks a key up every time, as the captured run does. */
export async function publishedKey(
  id: string,
  wellKnown: string,
  kid: string,
): Promise<JsonWebKey> {
  const metadata = await getJson(`${id}/.well-known/${wellKnown}`);
  const { keys } = await getJson(String(metadata['jwks_uri']));
  const found = (keys as JsonWebKey[]).find((key) => key['kid'] === kid);
  if (found === undefined) throw new Error(`${id} has no key ${kid}`);
  return found;
}
