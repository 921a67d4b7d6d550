import {
  AAuthError,
  hashSecret,
  isAAuthError,
  parseForm,
  readBody,
  type ReceivedRequest,
  type TextAnswer,
} from '@countersign/protocol';
import { signIn, type SignInResult } from '../../accounts/index.js';
import type { Connection } from '../../connection.js';
import type { ServerContext } from '../../context.js';
import { limited } from '../../limits/server-limits.js';
import { type Message, messagePage, pageAnswer, requestPath } from '../../pages/index.js';
import { tokenScope } from '../../question.js';
import { withCookies } from '../../with-cookies.js';
import type { LostDecision, SessionUser } from '../../storage/index.js';
import {
  type Browser,
  equalSecrets,
  findBrowser,
  formToken,
  startSession,
} from './browser-session.js';
import { detailClaims } from '../token-endpoint/asked-document.js';
import { browserCookie, knownBrowser } from './known-browser.js';
import { type OpenedRequest, openRequest, readLink } from './opened-request.js';
import { isOwnForm } from './request-origin.js';
import { returnAddress } from './return-address.js';
import { identityClaims, showSignIn } from './show.js';

const PAGE_BODY_LIMIT = 64 * 1024;

/** A form of ours, from the browser it was shown in, about a request that is still open. */
interface Submission {
  readonly request: ReceivedRequest;
  readonly opened: OpenedRequest;
  readonly browser: Browser;
  readonly form: ReadonlyMap<string, string>;
}

type Action = (
  context: ServerContext,
  submission: Submission,
  connection: Connection,
) => Promise<TextAnswer>;

const actions = new Map<string, Action>([
  ['sign-in', submitSignIn],
  ['approve', (context, submission) => submitDecision(context, submission, 'granted')],
  ['deny', (context, submission) => submitDecision(context, submission, 'denied')],
  ['switch-account', switchAccount],
]);

/**
 * `POST /agent/auth` (PROTOCOL section 5.2). The checks in order: size and form, own page, the request and its address,
 * the form's token, the action; then who is signed in. Answers are `303`.
 */
export async function submitAuthPage(
  context: ServerContext,
  request: ReceivedRequest,
  connection: Connection,
): Promise<TextAnswer> {
  const body = await readBody(request, PAGE_BODY_LIMIT, connection.incoming);
  const form = readForm(request, body);
  const link = form === undefined ? undefined : readLink(form);
  if (form === undefined || link === undefined) return message({ kind: 'bad-request' });
  if (!isOwnForm(context, request)) return message({ kind: 'form-expired' });
  const opened = await openRequest(context, link);
  if ('kind' in opened) return message(opened);
  const browser = await findBrowser(context, request);
  const expected = browser.cookie && (await formToken(browser.cookie, link.requestToken));
  if (!expected || !equalSecrets(expected, form.get('csrf') ?? '')) {
    return message({ kind: 'form-expired', retry: link });
  }
  const action = actions.get(form.get('action') ?? '');
  if (action === undefined) return message({ kind: 'bad-request' });
  return await action(context, { request, opened, browser, form }, connection);
}

function message(one: Message): TextAnswer {
  return pageAnswer(messagePage(one));
}

function readForm(
  request: ReceivedRequest,
  body: Uint8Array<ArrayBuffer> | undefined,
): ReadonlyMap<string, string> | undefined {
  try {
    // The one line that it reads: on Node, to list the lines would build all of Fetch's headers.
    const type = request.headers.get('content-type');
    return parseForm({ headers: type === null ? [] : [['content-type', type]], body });
  } catch (error) {
    if (isAAuthError(error)) return undefined;
    throw error;
  }
}

function seeOther(location: string, cookies: readonly string[] = []): TextAnswer {
  const headers = {
    Location: location,
    'Cache-Control': 'no-store',
    'Referrer-Policy': 'no-referrer',
  };
  return { status: 303, headers: withCookies(headers, cookies), text: '' };
}

async function submitSignIn(
  context: ServerContext,
  { request, opened, browser, form }: Submission,
  connection: Connection,
): Promise<TextAnswer> {
  const username = form.get('username') ?? '';
  const result = await signIn(context.storage, {
    username,
    password: form.get('password') ?? '',
    address: connection.remoteAddress ?? 'unknown',
    ...knownBrowser(context, request),
    newBrowser: context.secret(256),
    limits: context.limits.signIn,
    now: context.clock(),
  });
  if (result.outcome === 'signed-in') {
    const cookie = await startSession(context, result.user, browser);
    if (cookie !== undefined) {
      context.emit?.({ type: 'sign-in', result: 'succeeded', account: result.user.id });
      const { browser: recognisable } = result;
      const more = recognisable === undefined ? [] : [browserCookie(context, recognisable)];
      return seeOther(requestPath(opened.link), [cookie, ...more]);
    }
  }
  if (result.outcome === 'too-many-attempts') {
    const { retryAfterSeconds } = result;
    context.emit?.({ type: 'sign-in', result: 'limited' });
    context.report(limited('limit_sign_in', retryAfterSeconds, 'Too many attempts to sign in.'));
    return await showSignIn(context, opened, browser, {
      problem: { kind: 'too-many-attempts', retryAfterSeconds },
      username,
    });
  }
  context.emit?.({ type: 'sign-in', result: 'failed', ...accountOf(result) });
  context.report(
    new AAuthError('access_denied', 'The sign-in did not succeed.', { rule: 'sign_in_refused' }),
  );
  return await showSignIn(context, opened, browser, {
    problem: { kind: 'wrong-credentials' },
    username,
  });
}

/** Whose account it was, where the name is somebody's. */
function accountOf(result: SignInResult): { readonly account?: string } {
  switch (result.outcome) {
    case 'signed-in':
      return { account: result.user.id };
    case 'refused':
      return result.account === undefined ? {} : { account: result.account };
    case 'too-many-attempts':
      return {};
  }
}

/** Gives the request back and ends the session, so that another person can sign in. */
async function switchAccount(
  context: ServerContext,
  { opened, browser }: Submission,
): Promise<TextAnswer> {
  const { session, user } = browser;
  if (user !== undefined) {
    await context.storage.pendingDecisions.release(opened.decision.idHash, user.id);
  }
  if (session !== undefined) await context.storage.sessions.delete(session.idHash);
  return seeOther(requestPath(opened.link));
}

async function submitDecision(
  context: ServerContext,
  { opened, browser }: Submission,
  outcome: 'granted' | 'denied',
): Promise<TextAnswer> {
  const { user } = browser;
  // The session ended while the page was open: sign in again, then answer.
  if (user === undefined) return seeOther(requestPath(opened.link));
  const answer =
    outcome === 'granted' ? await grant(context, opened, user) : await deny(context, opened, user);
  if (typeof answer === 'string') return await lost(context, opened, answer);
  const { agent, audience } = opened.decision;
  context.emit?.({ type: 'question-decided', outcome, agent, audience, account: user.id });
  return seeOther(returnAddress(context, opened, answer));
}

async function grant(
  context: ServerContext,
  { decision, question }: OpenedRequest,
  user: SessionUser,
): Promise<Record<string, string> | LostDecision> {
  const { storage, clock } = context;
  const now = clock();
  const code = context.secret(256);
  const subject = await storage.subjects.subjectFor(user.id, decision.audience);
  if (subject === undefined) return 'user-disabled';
  const { document } = question;
  const endsAt = document?.endsAt ?? null;
  const result = await storage.pendingDecisions.decide({
    idHash: decision.idHash,
    userId: user.id,
    now,
    outcome: 'granted',
    grant: {
      id: context.secret(128),
      scope: question.scopes.map(({ name }) => name).join(' '),
      ...(document === undefined
        ? {}
        : {
            document: { documentHash: document.hash, purpose: document.purpose ?? null, endsAt },
          }),
    },
    code: {
      hash: await hashSecret(code),
      subject,
      scope: tokenScope(question).join(' '),
      claims: {
        ...(question.kind === 'sign-in' ? identityClaims(question.scopes, user) : {}),
        ...detailClaims(document?.details),
      },
      accessEndsAt: endsAt,
      encryptionJwk: document?.encryptionJwk ?? null,
      expiresAt: now + context.lifetimes.code,
    },
  });
  return result.won ? { code } : result.reason;
}

async function deny(
  context: ServerContext,
  { decision }: OpenedRequest,
  user: SessionUser,
): Promise<Record<string, string> | LostDecision> {
  const result = await context.storage.pendingDecisions.decide({
    idHash: decision.idHash,
    userId: user.id,
    now: context.clock(),
    outcome: 'denied',
  });
  return result.won
    ? { error: 'access_denied', error_description: 'The person denied the request.' }
    : result.reason;
}

/** Somebody or something was faster. */
async function lost(
  context: ServerContext,
  opened: OpenedRequest,
  reason: LostDecision,
): Promise<TextAnswer> {
  switch (reason) {
    case 'unknown':
      return message({ kind: 'unknown' });
    case 'expired':
      return message({ kind: 'expired' });
    case 'claimed-by-another':
      return message({ kind: 'claimed' });
    case 'not-claimed':
    case 'user-disabled':
      return seeOther(requestPath(opened.link));
    case 'already-decided': {
      const closed = await openRequest(context, opened.link);
      return message('kind' in closed ? closed : { kind: 'expired' });
    }
  }
}
