import { FORM_TYPE, hashSecret, readBody, TOKEN_BODY_LIMIT } from '@countersign/protocol';
import { asAAuthError } from '../context.js';
import {
  isEqualSecret,
  isOwnForm,
  isOwnHost,
  setVisitCookie,
  visitCookie,
  visitFormToken,
} from './browser.js';
import { endVisit } from './end-visit.js';
import {
  type InteractionContext,
  isEnd,
  REQUEST_SECONDS,
  tooMany,
  VISIT_SECONDS,
} from './interaction-context.js';
import { type OpenedVisit, openVisit } from './open-visit.js';
import { type Found, recordKey, type RequestRecord } from './records.js';
import { messagePage, onwardPage, questionPage } from './visit-page.js';

/** The cookie outlives a request that is answered in its last second, and the visit that follows. */
const COOKIE_SECONDS = REQUEST_SECONDS + VISIT_SECONDS;

/** The page of a visit. Every answer is a page or leads back to the agent; a GET writes nothing. */
export async function handleVisitPage(
  context: InteractionContext,
  request: Request,
): Promise<Response> {
  return await asPage(context, async () => {
    if (!isOwnHost(request, context.resource.id)) return await messagePage('wrong-host');
    switch (request.method) {
      case 'GET':
        return await show(context, request);
      case 'HEAD': {
        const { status, headers } = await show(context, request);
        return new Response(null, { status, headers });
      }
      case 'POST':
        return await submit(context, request);
      default:
        return await messagePage('method');
    }
  });
}

/** Whatever goes wrong is a page for the person and an entry for the operator. */
export async function asPage(
  { resource }: InteractionContext,
  work: () => Promise<Response>,
): Promise<Response> {
  try {
    return await work();
  } catch (error) {
    const known = asAAuthError(error);
    resource.report(known);
    const { code } = known;
    if (code === 'temporarily_unavailable') return await messagePage('unavailable');
    const theirs = code === 'body_too_large' || code === 'invalid_request';
    return await messagePage(theirs ? 'incomplete' : 'fault');
  }
}

async function show(context: InteractionContext, request: Request): Promise<Response> {
  const { searchParams } = new URL(request.url);
  const opened = await openVisit(context, request, searchParams);
  if (typeof opened === 'string') return await messagePage(opened);
  const { id: resource } = context.resource;
  const { connection, agent, id, returnUrl } = opened;
  const cookie = opened.cookie ?? context.secret();
  const response = await questionPage({
    resource,
    agent,
    delegate: opened.request.value.caller.delegate,
    title: connection.title,
    description: connection.description,
    lifetimeSeconds: connection.lifetimeSeconds,
    request: id,
    returnUrl,
    formToken: await visitFormToken(cookie, id, returnUrl),
  });
  response.headers.append('Set-Cookie', setVisitCookie(resource, cookie, COOKIE_SECONDS));
  return response;
}

/** The person's answer. In order: one of our own forms, this browser's, for this request; then what {@link openVisit} checks. */
async function submit(context: InteractionContext, request: Request): Promise<Response> {
  const { id: resource } = context.resource;
  if (!isOwnForm(request, resource)) return await messagePage('form-expired');
  const type = request.headers.get('content-type')?.split(';', 1)[0]?.trim().toLowerCase();
  if (type !== FORM_TYPE) return await messagePage('incomplete');
  const body = await readBody(request, TOKEN_BODY_LIMIT);
  const form = new URLSearchParams(new TextDecoder().decode(body));
  const [cookie, token] = [visitCookie(request, resource), form.get('form_token')];
  const [id, returnUrl] = [form.get('request') ?? '', form.get('return_url') ?? ''];
  if (cookie === undefined || token === null) return await messagePage('form-expired');
  const expected = await visitFormToken(cookie, id, returnUrl);
  if (!(await isEqualSecret(token, expected))) return await messagePage('form-expired');
  const opened = await openVisit(context, request, form);
  if (typeof opened === 'string') return await messagePage(opened);
  switch (form.get('action') ?? '') {
    case 'continue':
      return await begin(context, opened, cookie);
    case 'cancel':
      return await cancel(context, opened);
    default:
      return await messagePage('incomplete');
  }
}

async function cancel(context: InteractionContext, opened: OpenedVisit): Promise<Response> {
  const { value } = opened.request;
  if (!(await close(context, opened))) return await messagePage('unknown');
  return await endVisit(context, { ...value, returnUrl: opened.returnUrl }, { denied: true });
}

/** Ends the request, and the visit its browser may be on. False when somebody was faster. */
async function close(context: InteractionContext, { request }: OpenedVisit): Promise<boolean> {
  const now = context.resource.clock();
  if (!(await context.records.take(request, now))) return false;
  await abandon(context, request.value.visit);
  return true;
}

async function abandon(context: InteractionContext, visitKey: string | undefined): Promise<void> {
  if (visitKey === undefined) return;
  const now = context.resource.clock();
  const visit = await context.records.find('visit', visitKey, now);
  if (visit !== undefined) await context.records.take(visit, now);
}

/**
 * The application begins what it must. Its browser is noted in the request first, so that no other can go on, and a
 * visit that this browser began before is over: one request has one visit at a time.
 */
async function begin(
  context: InteractionContext,
  opened: OpenedVisit,
  cookie: string,
): Promise<Response> {
  const { resource, records, pendingLimit } = context;
  const { connection, returnUrl } = opened;
  const state = context.secret();
  const [browser, key] = await Promise.all([hashSecret(cookie), recordKey('visit', state)]);
  const request = await claim(context, opened.request, { browser, visit: key });
  if (request === undefined) return await messagePage('other-browser');
  await abandon(context, request.value.visit);
  const { caller } = request.value;
  const step = await connection.begin({ ...caller, state });
  const now = resource.clock();
  if (isEnd(step)) {
    const latest = await records.find('request', request.key, now);
    if (latest?.value.visit !== key || !(await records.take(latest, now))) {
      return await messagePage('unknown');
    }
    return await endVisit(context, { connection: connection.name, caller, returnUrl }, step);
  }
  const visit = {
    connection: connection.name,
    caller,
    expiresAt: now + VISIT_SECONDS,
    request: request.key,
    browser,
    returnUrl,
    keep: step.keep ?? null,
  };
  const limits = { agent: caller.agent, limit: pendingLimit, now };
  if (!(await records.put('visit', key, visit, limits))) {
    resource.report(tooMany(caller.agent));
    return await messagePage('unavailable');
  }
  const response = await onwardPage(new URL(step.redirect).href);
  response.headers.append('Set-Cookie', setVisitCookie(resource.id, cookie, COOKIE_SECONDS));
  return response;
}

/** Notes the browser and its visit in the request, and returns the request as it was; `undefined` when another has it. */
async function claim(
  { resource, records }: InteractionContext,
  opened: Found<RequestRecord>,
  mine: { readonly browser: string; readonly visit: string },
): Promise<Found<RequestRecord> | undefined> {
  const now = resource.clock();
  let request: Found<RequestRecord> | undefined = opened;
  while (request !== undefined && (request.value.browser ?? mine.browser) === mine.browser) {
    if (await records.replace('request', request, { ...request.value, ...mine }, now)) {
      return request;
    }
    // A button pressed twice: the same browser was faster than itself.
    request = await records.find('request', request.key, now);
  }
  return undefined;
}
