import { utf8 } from '@countersign/httpsig';
import {
  type AuthorizationDetail,
  type AuthRequestDocument,
  canonicalJson,
  type ErrorCode,
  fetchAuthRequestDocument,
  hashSecret,
  MAX_TOKEN_LENGTH,
  type ServerIdentifier,
  strangerRefused,
} from '@countersign/protocol';
import type { ServerContext } from '../../context.js';
import { detailLines, displayText, TEXT_LIMITS } from '../../pages/index.js';
import type { QuestionDocument } from '../../question.js';
import type { AgentCaller } from './token-endpoint.js';

/** Where an `auth_request_url` was named: whose document it must be, and what is wrong when it is elsewhere. */
export interface NamedDocument {
  readonly url: string;
  readonly owner: ServerIdentifier;
  readonly urlFault: ErrorCode;
}

/** A document as far as a question is made of it, and the scope names it asks for. */
export interface AskedDocument {
  readonly scopes: readonly string[];
  readonly document: QuestionDocument;
}

/**
 * Fetches an Auth Request Document (PROTOCOL section 5.9) and freezes it: texts as they will be shown, details as they
 * will be granted. Details that a page could not show in full are refused, since nobody can approve what they have not
 * seen, and so is what would not fit into a token. `scopes` are those that were asked for beside the document.
 */
export async function readAskedDocument(
  context: ServerContext,
  { url, owner, urlFault }: NamedDocument,
  caller: AgentCaller,
  scopes: readonly string[] = [],
): Promise<AskedDocument> {
  const { discovery, clock, insecureLoopback } = context;
  const document = await fetchAuthRequestDocument(discovery, url, {
    resource: owner,
    now: clock(),
    insecureLoopback,
    urlFault,
  });
  const { authorizationDetails, expiresAt, encryptionJwk } = document;
  if (!detailLines(authorizationDetails ?? []).complete) {
    throw strangerRefused('document_authorization_details_unshowable');
  }
  const all = [...new Set([...scopes, ...document.scope])];
  if (!fitsToken(context, caller, owner, all, document)) {
    throw strangerRefused('document_too_large_for_token');
  }
  const purpose = displayText(document.purpose, TEXT_LIMITS.purpose);
  const description = displayText(document.description, TEXT_LIMITS.purpose);
  const shown = {
    ...(purpose === '' ? {} : { purpose }),
    ...(description === '' ? {} : { description }),
    ...(authorizationDetails === undefined ? {} : { details: authorizationDetails }),
    ...(expiresAt === undefined ? {} : { endsAt: expiresAt }),
  };
  // The key is left out: that a resource changes it is nothing to ask a person about.
  const hash = await hashSecret(canonicalJson({ ...shown, scopes: [...all].sort() }));
  return {
    scopes: all,
    document: { hash, ...shown, ...(encryptionJwk === undefined ? {} : { encryptionJwk }) },
  };
}

/** Bytes kept free for what is not known yet: `sub`, times, `jti` and the claims about a person. */
const RESERVED_BYTES = 640;
const JWS_OVERHEAD = 110 + 86 + 2;
/** A JWE's header with an ephemeral key, an RSA-encrypted key of 4096 bits, IV, tag and dots. */
const JWE_OVERHEAD = 330 + 683 + 16 + 22 + 4;

const base64Length = (bytes: number): number => Math.ceil((bytes * 4) / 3);

/** Told when it is asked and not when it is granted, since by then a person has decided for nothing. */
function fitsToken(
  context: ServerContext,
  caller: AgentCaller,
  audience: string,
  scopes: readonly string[],
  { authorizationDetails, encryptionJwk }: AuthRequestDocument,
): boolean {
  const claims = {
    iss: context.issuer,
    aud: audience,
    cnf: { jwk: caller.key.jwk },
    scope: scopes.join(' '),
    agent: caller.agent,
    agent_delegate: caller.delegate,
    authorization_details: authorizationDetails,
  };
  const signed = base64Length(utf8(JSON.stringify(claims)).length + RESERVED_BYTES) + JWS_OVERHEAD;
  const length = encryptionJwk === undefined ? signed : base64Length(signed) + JWE_OVERHEAD;
  return length <= MAX_TOKEN_LENGTH;
}

/** The claim that carries what was approved beside the scopes. */
export function detailClaims(details: readonly AuthorizationDetail[] | undefined) {
  return details === undefined ? {} : { authorization_details: details };
}
