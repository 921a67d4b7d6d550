import { AAuthError } from '@countersign/protocol';
import type { DocumentSource } from './document-desk.js';
import { checkScopes } from './known-scopes.js';
import {
  checkRequestDocument,
  type DocumentMaker,
  type NamedDocument,
  type RequestDocument,
} from './request-document.js';

/** What a route asks for beyond scope names. */
export interface DocumentRequirement {
  /**
   * Asks with an Auth Request Document (PROTOCOL section 5.9): one of the resource's `documents` by its name, a document
   * written here, or a function that makes one of the request (`pay 20 EUR to X`). The handler runs only with a token
   * whose approved details are those of the document, encrypted where the document asks for it.
   */
  readonly document?: string | RequestDocument | DocumentMaker;
  /**
   * Take tokens whose approval was limited by details that this route does not ask for; the handler checks them, with
   * `approvedDetails(access)`. Default `false`: what was approved for one payment does not open a route that asks for
   * scopes alone.
   */
  readonly acceptDetails?: boolean;
}

/** What the resource has for routes that ask with documents. */
export interface DocumentsKnown {
  readonly named: Readonly<Record<string, NamedDocument>>;
  /** Whether there is a `tokenOpener`. */
  readonly canOpenTokens: boolean;
  /** Whether a document without a name is short enough for an address. */
  readonly fits: (scopes: readonly string[], content: RequestDocument) => boolean;
}

const NO_DOCUMENTS: DocumentsKnown = { named: {}, canOpenTokens: false, fits: () => true };

/** Checks a route's document when the route is made: throws `AAuthError` `configuration_invalid`. */
export function readDocument(
  document: string | RequestDocument | DocumentMaker,
  scopes: readonly string[],
  { named: documents, canOpenTokens, fits }: DocumentsKnown = NO_DOCUMENTS,
): DocumentSource {
  if (typeof document === 'function') return { kind: 'made', make: document };
  if (typeof document === 'object') {
    checkRequestDocument(document, "A route's document", canOpenTokens);
    if (!fits(scopes, document)) {
      throw new AAuthError(
        'configuration_invalid',
        "A route's document is too long for an address of 2,048 characters; give it a name in documents.",
      );
    }
    return { kind: 'fixed', content: document };
  }
  const named = Object.hasOwn(documents, document) ? documents[document] : undefined;
  if (named === undefined || !scopes.every((scope) => named.scopes.includes(scope))) {
    throw new AAuthError(
      'configuration_invalid',
      named === undefined
        ? `A route asks with a document that is not in documents: ${document}.`
        : `The document ${document} does not ask for every scope of its route.`,
    );
  }
  return { kind: 'named', name: document };
}

/** Names stand in addresses. */
const NAME = /^[a-z0-9][a-z0-9-]{0,63}$/;

/** Checks the resource's own documents at start. */
export function checkNamedDocuments(
  known: Readonly<Record<string, string>>,
  { named, canOpenTokens }: DocumentsKnown,
): void {
  for (const [name, document] of Object.entries(named)) {
    if (!NAME.test(name)) {
      throw new AAuthError(
        'configuration_invalid',
        `The document name ${JSON.stringify(name)} must be of lower-case letters, digits and hyphens.`,
      );
    }
    checkScopes(document.scopes, known);
    checkRequestDocument(document, `The document ${name}`, canOpenTokens);
  }
}
