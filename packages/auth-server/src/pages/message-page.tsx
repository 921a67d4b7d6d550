import { SignedInAs } from './consent-page.js';
import { hostOf } from './display-address.js';
import { displayText } from './display-text.js';
import { inWords } from './display-time.js';
import {
  AGENT_AUTH_PATH,
  type FormFields,
  HiddenFields,
  type RequestLink,
  requestPath,
} from './form-fields.js';
import { type Page, renderPage } from './page.js';

/** Why there is nothing to decide on. */
export type Message =
  /** The request was not answered in time. */
  | { readonly kind: 'expired' }
  /** The request has its answer; there is no second one. */
  | { readonly kind: 'answered'; readonly outcome: 'approved' | 'denied' }
  /** No such request. */
  | { readonly kind: 'unknown' }
  /** Another person opened the request first. With a session: whose, and the form to change it. */
  | {
      readonly kind: 'claimed';
      readonly session?: { readonly account: string; readonly form: FormFields } | undefined;
    }
  /** The address to return to, or `state`, differs from the request's. */
  | { readonly kind: 'redirect-mismatch' }
  /** The form's token is missing, old or another session's. With `retry`: where the request can be opened again. */
  | { readonly kind: 'form-expired'; readonly retry?: RequestLink | undefined }
  /** The person has denied this agent so often lately that it is not asked for again yet. */
  | {
      readonly kind: 'denied-before';
      readonly agent: string;
      /** Where the agent is told. */
      readonly returnTo: string;
      readonly retryAfterSeconds: number;
    }
  | { readonly kind: 'too-many-requests'; readonly retryAfterSeconds: number }
  | { readonly kind: 'unavailable'; readonly retryAfterSeconds: number }
  /** Asked under a host name that is not this server's. */
  | { readonly kind: 'wrong-host' }
  | { readonly kind: 'not-found' }
  /** Parameters missing, doubled or malformed. */
  | { readonly kind: 'bad-request' }
  | { readonly kind: 'server-error' };

export interface MessageOptions {
  /** A short identifier of this HTTP request, for whoever is asked for help. Never anything secret. */
  readonly requestId?: string | undefined;
}

interface Wording {
  readonly status: number;
  readonly heading: string;
  readonly happened: string;
  readonly next: string;
}

const START_AGAIN = 'Go back to the program that sent you here and start again.';
const CLOSE = 'There is nothing left to do here. You may close this page.';

/** A page that says what happened and what to do next, with the status that goes with it. */
export function messagePage(message: Message, options: MessageOptions = {}): Page {
  const wording = wordingOf(message);
  return renderPage({
    status: wording.status,
    title: wording.heading,
    body: <MessageBody message={message} wording={wording} requestId={options.requestId} />,
    retryAfterSeconds: 'retryAfterSeconds' in message ? message.retryAfterSeconds : undefined,
  });
}

function wordingOf(message: Message): Wording {
  switch (message.kind) {
    case 'expired':
      return {
        status: 410,
        heading: 'This request has expired',
        happened: 'A request stays open for a short time only. Nothing was approved.',
        next: START_AGAIN,
      };
    case 'answered':
      return message.outcome === 'approved'
        ? {
            status: 410,
            heading: 'This request was approved',
            happened: 'It has been answered already, and an answer is used once.',
            next: CLOSE,
          }
        : {
            status: 410,
            heading: 'This request was denied',
            happened: 'It has been answered already. Nothing was shared.',
            next: CLOSE,
          };
    case 'unknown':
      return {
        status: 404,
        heading: 'There is no such request',
        happened: 'The address may be incomplete, too old, or meant for another server.',
        next: START_AGAIN,
      };
    case 'claimed':
      return {
        status: 403,
        heading: 'This request was opened by someone else',
        happened: 'Only the person who opened it first can answer it.',
        next:
          'If that was you with another account, use that account. ' +
          'If somebody sent you the address, close this page.',
      };
    case 'redirect-mismatch':
      return {
        status: 400,
        heading: 'This address was changed on the way',
        happened:
          'It would send you somewhere other than the agent asked for. ' +
          'To be safe you were sent nowhere, and nothing was shared.',
        next: START_AGAIN,
      };
    case 'form-expired':
      return {
        status: 403,
        heading: 'This page is out of date',
        happened:
          'It was open for long, or you signed in again in the meantime. Your answer was not taken.',
        next:
          message.retry === undefined ? START_AGAIN : 'Open the request again and answer it there.',
      };
    case 'denied-before':
      return {
        status: 429,
        heading: 'You have denied this agent before',
        happened: `You have said no to ${hostOf(message.agent)} several times within an hour, so you are not asked again. Nothing was shared.`,
        next: `If you do want to answer it, wait ${inWords(message.retryAfterSeconds)} and start again.`,
      };
    case 'too-many-requests':
      return {
        status: 429,
        heading: 'Too many requests',
        happened: 'More requests came from your network than this server takes at once.',
        next: `Wait ${inWords(message.retryAfterSeconds)}, then load this page again.`,
      };
    case 'unavailable':
      return {
        status: 503,
        heading: 'Not available for the moment',
        happened: 'Something this server depends on is not answering.',
        next: `Wait ${inWords(message.retryAfterSeconds)}, then load this page again.`,
      };
    case 'wrong-host':
      return {
        status: 421,
        heading: 'This server goes by another name',
        happened: 'The address names a server that is not this one.',
        next: 'Check the address, or go back to the program that sent you here and start again.',
      };
    case 'not-found':
      return {
        status: 404,
        heading: 'There is no page here',
        happened: 'Nothing is published at this address.',
        next: 'Check the address, or go back to where you came from.',
      };
    case 'bad-request':
      return {
        status: 400,
        heading: 'This address is not complete',
        happened: 'Something that belongs to a request is missing or cannot be read.',
        next: START_AGAIN,
      };
    case 'server-error':
      return {
        status: 500,
        heading: 'Something went wrong here',
        happened: 'The fault is this server’s, not yours. It has been noted.',
        next: 'Load the page again. If it happens again, tell the operator of this server.',
      };
  }
}

interface MessageBodyProps {
  message: Message;
  wording: Wording;
  requestId: string | undefined;
}

function MessageBody({ message, wording, requestId }: MessageBodyProps) {
  const reference = displayText(requestId, 40);
  return (
    <>
      <div>
        <h1>{wording.heading}</h1>
        <p class="lead">{wording.happened}</p>
      </div>
      <p>{wording.next}</p>
      {message.kind === 'form-expired' && message.retry !== undefined ? (
        <p>
          <a href={requestPath(message.retry)}>Open the request again</a>
        </p>
      ) : null}
      {message.kind === 'denied-before' ? (
        <p>
          <a href={message.returnTo}>Go back to {hostOf(message.agent)}</a>
        </p>
      ) : null}
      {message.kind === 'claimed' && message.session !== undefined ? (
        <form method="post" action={AGENT_AUTH_PATH}>
          <HiddenFields form={message.session.form} />
          <SignedInAs account={message.session.account} />
        </form>
      ) : null}
      {reference === '' ? null : (
        <p class="reference">
          For support: <code>{reference}</code>
        </p>
      )}
    </>
  );
}
