import {
  AAuthError,
  type AuthorizationDetail,
  readAuthorizationDetails,
  type ServerIdentifier,
} from '@countersign/protocol';

/** What a route asks a person, beyond scope names: the content of an Auth Request Document (PROTOCOL section 5.9). */
export interface RequestDocument {
  /** Why, in a sentence for the person. At most 300 characters, which is what an auth server shows. */
  readonly purpose?: string;
  /** What is asked for, in a sentence for the person. At most 300 characters. */
  readonly description?: string;
  /**
   * What exactly (RFC 9396): 1 to 16 objects, each with a `type`, in all at most 3,072 bytes of JSON. A person must be
   * shown all of it: keep values below 120 characters, and lines below 40. Only a token approved for these very details
   * opens the route.
   */
  readonly details?: readonly AuthorizationDetail[];
  /** Seconds from the moment the person is asked until the approval ends by itself. Default: no end. */
  readonly expiresIn?: number;
  /** Unix seconds at which the approval ends by itself, instead of `expiresIn`. */
  readonly expiresAt?: number;
  /**
   * Ask for an encrypted token and take no other. Default: when the resource has a `tokenOpener`. `true` without one is
   * refused at start.
   */
  readonly encrypted?: boolean;
}

/** A document with an address of its own, which agents may name at the resource token endpoint. */
export interface NamedDocument extends RequestDocument {
  readonly scopes: readonly string[];
}

/** Who makes the request that a document is made for. */
export interface DocumentAudience {
  readonly agent: ServerIdentifier;
  readonly delegate: string | undefined;
  /** The person whose token came with the request, if one did. */
  readonly subject: string | undefined;
  /** The auth server whose name for the person `subject` is: equal names of two servers are two people. */
  readonly subjectIssuer: ServerIdentifier | undefined;
}

/** Makes a document for one request. Runs for every request to the route; what it throws is answered with 400. */
export type DocumentMaker = (
  request: Request,
  audience: DocumentAudience,
) => RequestDocument | Promise<RequestDocument>;

/** Longer texts would be cut when they are shown. */
const MAX_TEXT = 300;

/**
 * Checks a document's content. Throws `AAuthError` `configuration_invalid` that says what is wrong with it; `what` names
 * the document there.
 */
export function checkRequestDocument(
  document: RequestDocument,
  what: string,
  canOpenTokens: boolean,
): void {
  const { purpose, description, details, expiresIn, expiresAt, encrypted } = document;
  const refuse = (problem: string): never => {
    throw new AAuthError('configuration_invalid', `${what} ${problem}.`);
  };
  for (const text of [purpose, description]) {
    if (text !== undefined && (text === '' || text.length > MAX_TEXT)) {
      refuse(`has a purpose or description that is empty or longer than ${MAX_TEXT} characters`);
    }
  }
  if (details !== undefined && readAuthorizationDetails(details) === undefined) {
    refuse('needs 1 to 16 details, each an object with a "type", of at most 3,072 bytes in all');
  }
  for (const time of [expiresIn, expiresAt]) {
    if (time !== undefined && (!Number.isSafeInteger(time) || time < 1)) {
      refuse('needs its time of expiry in whole seconds');
    }
  }
  if (expiresIn !== undefined && expiresAt !== undefined) {
    refuse('has both expiresIn and expiresAt; give one');
  }
  if (encrypted === true && !canOpenTokens) {
    refuse('asks for encrypted tokens, which this resource cannot open without a tokenOpener');
  }
}
