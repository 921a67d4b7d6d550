import {
  type JsonObject,
  parseScope,
  type ReceivedRequest,
  type TextAnswer,
} from '@countersign/protocol';
import type { Connection } from '../../connection.js';
import type { ServerContext } from '../../context.js';
import {
  type ConsentView,
  consentPage,
  type FormFields,
  type IdentityShare,
  messagePage,
  type Page,
  pageAnswer,
  signInPage,
  type SignInProblem,
} from '../../pages/index.js';
import { recogniseBrowser } from '../../limits/page-admission.js';
import type { SessionUser } from '../../storage/index.js';
import { askedTooOften, deniedTooOften } from './denied-before.js';
import { type Browser, findBrowser, formToken, setCookie } from './browser-session.js';
import { type OpenedRequest, openRequest, readLink, readQuery } from './opened-request.js';
import { isNavigation } from './request-origin.js';

/**
 * `GET /agent/auth` (PROTOCOL section 5.2): sign-in for who is not, the question for who is. Changes nothing but the
 * claim, and that only for a person's own navigation.
 */
export async function showAuthPage(
  context: ServerContext,
  request: ReceivedRequest,
  connection: Connection,
): Promise<TextAnswer> {
  const parameters = readQuery(request.url);
  const link = parameters === undefined ? undefined : readLink(parameters);
  if (link === undefined) return pageAnswer(messagePage({ kind: 'bad-request' }));
  const opened = await openRequest(context, link);
  if ('kind' in opened) return pageAnswer(messagePage(opened));
  if (!isNavigation(request)) {
    // Nothing to see for a prefetch, an image or a HEAD: the page is for the person who opens it.
    return { status: 204, headers: { 'Cache-Control': 'no-store' }, text: '' };
  }
  const browser = await findBrowser(context, request);
  if (browser.user === undefined) return await showSignIn(context, opened, browser);
  recogniseBrowser(context.limits, request, connection);
  const wait = await deniedTooOften(context, opened, browser.user);
  if (wait > 0) return pageAnswer(askedTooOften(context, opened, wait));
  return await showConsent(context, opened, browser, browser.user);
}

async function fieldsFor(cookie: string, { link }: OpenedRequest): Promise<FormFields> {
  const { requestToken, redirectUri, state } = link;
  return { requestToken, redirectUri, state, csrf: await formToken(cookie, requestToken) };
}

/** The sign-in page; gives a browser without one the cookie that its form is bound to. */
export async function showSignIn(
  context: ServerContext,
  opened: OpenedRequest,
  browser: Browser,
  attempt: { problem?: SignInProblem; username?: string } = {},
): Promise<TextAnswer> {
  const cookie = browser.cookie ?? context.secret(256);
  const { question, decision } = opened;
  const page = signInPage({
    agent: { ...question.agent, delegate: decision.delegate ?? undefined },
    ...(question.kind === 'access' ? { resource: question.resource } : {}),
    form: await fieldsFor(cookie, opened),
    ...attempt,
  });
  return pageAnswer(page, browser.cookie === undefined ? [setCookie(context, cookie)] : []);
}

async function showConsent(
  context: ServerContext,
  opened: OpenedRequest,
  browser: Browser,
  user: SessionUser,
): Promise<TextAnswer> {
  const { decision, link } = opened;
  const { storage } = context;
  const form = await fieldsFor(browser.cookie ?? '', opened);
  const claim = await storage.pendingDecisions.claim(decision.idHash, user.id, context.clock());
  switch (claim) {
    case 'claimed-by-another':
      return pageAnswer(
        messagePage({ kind: 'claimed', session: { account: user.username, form } }),
      );
    case 'unavailable': {
      const closed = await openRequest(context, link);
      return pageAnswer(messagePage('kind' in closed ? closed : { kind: 'expired' }));
    }
    case 'claimed':
    case 'already-claimed-by-you':
      return pageAnswer(await consent(context, opened, user, form));
  }
}

async function consent(
  context: ServerContext,
  opened: OpenedRequest,
  user: SessionUser,
  form: FormFields,
): Promise<Page> {
  const { decision, question } = opened;
  const grant = await context.storage.grants.findActive({
    userId: user.id,
    agent: decision.agent,
    delegate: decision.delegate,
    audience: decision.audience,
    documentHash: question.document?.hash ?? null,
  });
  const granted = parseScope(grant?.scope) ?? [];
  const scopes = question.scopes.map(({ name, description }) => ({
    name,
    description,
    granted: granted.includes(name),
  }));
  const { id, name, homepage, policyUri, tosUri } = question.agent;
  const delegate = decision.delegate ?? undefined;
  const { purpose, description, details, endsAt } = question.document ?? {};
  const common = {
    agent: { id, name, homepage, policyUri, tosUri, delegate },
    account: user.username,
    form,
    remembered: grant !== undefined && scopes.every((scope) => scope.granted),
    tokenLifetimeSeconds: context.lifetimes.authToken,
    purpose,
    description,
    details,
    until: endsAt,
  };
  const view: ConsentView =
    question.kind === 'access'
      ? { ...common, kind: 'access', resource: question.resource, scopes }
      : {
          ...common,
          kind: 'sign-in',
          identity: identityShares(question.scopes, user),
          scopes: scopes.filter(({ name }) => !isIdentityScope(name)),
        };
  return consentPage(view);
}

const isIdentityScope = (name: string): name is IdentityShare['scope'] =>
  name === 'openid' || name === 'profile' || name === 'email';

function identityShares(
  scopes: readonly { readonly name: string }[],
  user: SessionUser,
): IdentityShare[] {
  const values: Record<IdentityShare['scope'], string | undefined> = {
    openid: undefined,
    profile: user.name ?? undefined,
    email: user.email ?? undefined,
  };
  return scopes
    .map(({ name }) => name)
    .filter(isIdentityScope)
    .map((scope) => ({ scope, value: values[scope] }));
}

/** The claims that a sign-in's identity scopes ask for (PROTOCOL section 5.6). */
export function identityClaims(
  scopes: readonly { readonly name: string }[],
  user: SessionUser,
): JsonObject {
  const asked = scopes.map(({ name }) => name);
  return {
    ...(asked.includes('profile') && user.name !== null ? { name: user.name } : {}),
    ...(asked.includes('email') && user.email !== null
      ? { email: user.email, email_verified: user.emailVerified }
      : {}),
  };
}
