import {
  type Bytes,
  type HttpMessage,
  parsePublicJwk,
  SignatureError,
  thumbprint,
} from '@countersign/httpsig';
import {
  AAuthError,
  type IdentifierOptions,
  isJsonObject,
  isServerIdentifier,
  parseStrictJsonBytes,
  type ServerIdentifier,
} from '@countersign/protocol';
import { isDelegateName } from '../../delegates/delegate-name.js';
import { MAX_AUDIENCES, MEMBERS } from './names.js';

/** What a delegate asks, in form; who it is has not been proved. */
export interface DelegateTokenRequest {
  readonly delegate: string;
  /** Of `cnf_jwk`. */
  readonly keyThumbprint: string;
  readonly audience: readonly ServerIdentifier[] | undefined;
  /** As it was sent: one identifier is not a list of one. */
  readonly audienceClaim: ServerIdentifier | readonly ServerIdentifier[] | undefined;
  readonly enrolmentSecret: string | undefined;
}

const MAX_SECRET_LENGTH = 8192;

/** Members of a private key. One that is sent has to be given up. */
const PRIVATE_MEMBERS = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k'];

/** Refuses another media type with `unsupported_media_type`; a second `Content-Type` line is another one. */
export function checkJsonType({ headers }: Pick<HttpMessage, 'headers'>): void {
  const types = headers.filter(([name]) => name.toLowerCase() === 'content-type');
  const type = types[0]?.[1].split(';', 1)[0]?.trim().toLowerCase();
  if (types.length !== 1 || type !== 'application/json') {
    throw new AAuthError('unsupported_media_type', 'Send the request as application/json.');
  }
}

/** Reads the body (PROTOCOL section 5.7). Throws `invalid_request` naming the member that is wrong. */
export async function readDelegateTokenRequest(
  body: Bytes | undefined,
  identifiers: IdentifierOptions,
): Promise<DelegateTokenRequest> {
  const json = body === undefined ? undefined : parseStrictJsonBytes(body);
  if (!isJsonObject(json)) {
    refuse('The body must be a JSON object with each member once.', 'body_not_json');
  }
  if (!Object.keys(json).every((name) => MEMBERS.includes(name))) {
    refuse(`The body may have the members ${MEMBERS.join(', ')} and no others.`, 'member_unknown');
  }
  const { sub, cnf_jwk: jwk, aud, enrolment_secret: secret } = json;
  if (!isDelegateName(sub)) {
    refuse('The sub must be 1 to 255 visible ASCII characters without spaces.', 'sub_invalid');
  }
  const audience = readAudience(aud, identifiers);
  if (
    secret !== undefined &&
    (typeof secret !== 'string' || secret === '' || secret.length > MAX_SECRET_LENGTH)
  ) {
    refuse('The enrolment_secret must be a string.', 'enrolment_secret_invalid');
  }
  return {
    delegate: sub,
    keyThumbprint: await readKey(jwk),
    audience: typeof audience === 'string' ? [audience] : audience,
    audienceClaim: audience,
    enrolmentSecret: secret,
  };
}

/** `aud` is one server identifier or a list of different ones. */
function readAudience(
  aud: unknown,
  identifiers: IdentifierOptions,
): ServerIdentifier | readonly ServerIdentifier[] | undefined {
  if (aud === undefined) return undefined;
  const one = (value: unknown): value is ServerIdentifier =>
    typeof value === 'string' && isServerIdentifier(value, identifiers);
  if (one(aud)) return aud;
  const list: unknown[] = Array.isArray(aud) ? aud : [];
  if (
    list.length === 0 ||
    list.length > MAX_AUDIENCES ||
    new Set(list).size !== list.length ||
    !list.every(one)
  ) {
    refuse(
      `The aud must be a server identifier, or a list of 1 to ${MAX_AUDIENCES} different ones.`,
      'aud_invalid',
    );
  }
  return list;
}

async function readKey(jwk: unknown): Promise<string> {
  if (!isJsonObject(jwk)) refuse('The cnf_jwk must be a public JWK.', 'cnf_jwk_invalid');
  if (PRIVATE_MEMBERS.some((name) => Object.hasOwn(jwk, name))) {
    refuse(
      'The cnf_jwk has private members: give that key up, and send public members only.',
      'cnf_jwk_private',
    );
  }
  try {
    return await thumbprint(parsePublicJwk(jwk).jwk);
  } catch (error) {
    if (!(error instanceof SignatureError)) throw error;
    refuse(`The cnf_jwk cannot be used. ${error.message}`, `cnf_jwk_${error.rule}`);
  }
}

function refuse(message: string, rule: string): never {
  throw new AAuthError('invalid_request', message, { rule });
}
