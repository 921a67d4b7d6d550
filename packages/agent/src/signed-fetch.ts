import {
  AAuthError,
  INTERACTION_CODE,
  INTERACTION_SESSION,
  isAAuthError,
  isServerIdentifier,
  type ServerIdentifier,
} from '@countersign/protocol';
import type { AccessSource, Person } from './access.js';
import type { AgentContext } from './context.js';
import { type HeldToken, isDueForRenewal } from './held-token.js';
import type { Agent } from './options.js';
import { readOutgoing, type ReadRequest } from './outgoing-request.js';
import { levelOf, mayProve } from './climb.js';
import {
  type Answer,
  ASKING,
  begin,
  beginningLevel,
  react,
  type Signing,
  type Situation,
  type Step,
} from './reaction.js';
import { baseSigning, type OutgoingRequest, signRequest } from './signer.js';

/** Makes a person's `fetch`: reads the request once, then carries out the steps that {@link react} decides. */
export function createSignedFetch(
  context: AgentContext,
  access: AccessSource,
  person: Person,
): Agent['fetch'] {
  return async (input, init) => {
    const read = await readOutgoing(input, init, {
      ...context.identifiers,
      maxBodyBytes: context.maxBodyBytes,
    });
    read.signal?.throwIfAborted();
    return await new Call(context, access, person, read).run();
  };
}

/** Fields that describe a body: left behind when a redirect turns the request into a GET. */
const ABOUT_BODY = [
  'content-type',
  'content-length',
  'content-encoding',
  'content-language',
  'content-location',
];
/** What the caller meant for one origin only. */
const CREDENTIALS = ['authorization', 'proxy-authorization', 'cookie'];

/** A resource's session for a person is one of these: 256 random bits. */
const SESSION_NAME = /^[A-Za-z0-9_-]{43}$/;
/** How long the name of a session is kept; the resource may end the session itself at any time. */
const SESSION_SECONDS = 90 * 86_400;

/** One call of `fetch`, from the first request to the response that is delivered. */
class Call {
  readonly #context: AgentContext;
  readonly #access: AccessSource;
  readonly #person: Person;
  readonly #read: ReadRequest;
  #request: OutgoingRequest;
  #interactionCode: string | undefined;
  readonly #sent = new Set<string>();
  readonly #refreshed = new Set<string>();
  #freshTokens = 0;
  #visits = 0;
  #redirects = 0;
  /** How the first request to the present origin was signed. */
  #begun: Signing = { by: 'identity' };

  constructor(context: AgentContext, access: AccessSource, person: Person, read: ReadRequest) {
    this.#context = context;
    this.#access = access;
    this.#person = person;
    this.#read = read;
    this.#request = read.request;
  }

  async run(): Promise<Response> {
    let signing = await this.#begin();
    this.#begun = signing;
    for (;;) {
      const response = await this.#send(signing);
      const { status, headers } = response;
      const answer = {
        status,
        agentAuth: headers.get('agent-auth'),
        location: headers.get('location'),
      };
      const step = react(answer, await this.#situation(signing));
      if (step.kind === 'deliver') {
        if (!ASKING.includes(status)) this.#rememberLevel(signing);
        return response;
      }
      if ('request' in step) {
        this.#context.routes.learn(this.#request.method, this.#request.url, step.request);
      }
      // An unread body would keep its connection until it is collected, and a person may take minutes.
      await response.body?.cancel().catch(() => undefined);
      signing = await this.#carryOut(step, answer, signing);
    }
  }

  get #resource(): ServerIdentifier {
    const { origin } = new URL(this.#request.url);
    if (!isServerIdentifier(origin, this.#context.identifiers)) {
      throw new AAuthError('configuration_invalid', 'The address cannot be called.');
    }
    return origin;
  }

  async #situation(signing: Signing): Promise<Situation> {
    const { id, keys, climb, clock, identifiers, allowCrossOriginRedirects, store } = this.#context;
    const resource = this.#resource;
    return {
      ...identifiers,
      resource,
      agent: id,
      keyThumbprint: keys.current.thumbprint,
      now: clock(),
      signing,
      climb,
      held: await store.tokens(this.#person.key, resource),
      sent: this.#sent,
      refreshed: this.#refreshed,
      freshTokens: this.#freshTokens,
      visits: this.#visits,
      remembered: this.#context.routes.of(this.#request.method, this.#request.url),
      url: this.#request.url,
      method: this.#request.method,
      redirects: this.#redirects,
      redirectMode: this.#read.redirectMode,
      allowCrossOriginRedirects,
    };
  }

  /** How the first request is signed. A token that has run out is renewed before it is sent in vain. */
  async #begin(): Promise<Signing> {
    const { scheme, climb, climbed } = this.#context;
    const remembered = climbed.get(this.#person.key, this.#resource);
    const level = beginningLevel(scheme, climb, remembered);
    if (level === 'signature') return { by: 'key' };
    const identity: Signing = { by: 'identity' };
    await this.#takeInteractionCode();
    for (;;) {
      const start = begin(await this.#situation(identity), level);
      if (start.by !== 'refresh') {
        if (start.by === 'token' && isDueForRenewal(start.token, this.#context.clock())) {
          this.#access.renewAhead?.(this.#person, start.token);
        }
        return start;
      }
      try {
        const renewed = await this.#refresh(start.token);
        if (renewed !== undefined) return { by: 'token', token: renewed };
      } catch (error) {
        // The resource may not even ask for a token: it is asked first when the auth server cannot be.
        if (!isAAuthError(error) || !isTemporary(error)) throw error;
        return identity;
      }
    }
  }

  /** An agent that began with less than was needed begins with it the next time. */
  #rememberLevel(signing: Signing): void {
    const { scheme, climbed } = this.#context;
    const level = levelOf(signing);
    if (scheme !== 'hwk' || mayProve(levelOf(this.#begun), level)) return;
    climbed.set(this.#person.key, this.#resource, level);
  }

  async #send(signing: Signing): Promise<Response> {
    const { transport } = this.#context;
    const request = this.#request;
    const headers = new Headers(request.headers);
    const code = this.#interactionCode;
    this.#interactionCode = undefined;
    if (code !== undefined) headers.set(INTERACTION_CODE, code);
    const session = await this.#interactionSession(signing);
    if (session !== undefined) headers.set(INTERACTION_SESSION, session);
    if (signing.by === 'token') this.#sent.add(signing.token.token);
    const { signal, passedOn } = this.#read;
    const response = await transport(request.url, {
      ...passedOn,
      method: request.method,
      headers: await signRequest({ ...request, headers }, signing, this.#context),
      body: request.body ?? null,
      redirect: 'manual',
      ...(signal === undefined ? {} : { signal }),
    });
    if (code !== undefined) await this.#keepInteractionSession(response);
    return response;
  }

  /** Which of this agent's people the resource is to go on with (PROTOCOL section 5.11). */
  async #interactionSession(signing: Signing): Promise<string | undefined> {
    if (signing.by === 'key') return undefined;
    const { store, clock } = this.#context;
    return await store.interactionSession(this.#person.key, this.#resource, clock());
  }

  /** The resource names a session in its answer to a code, and at no other time. */
  async #keepInteractionSession(response: Response): Promise<void> {
    const name = response.headers.get(INTERACTION_SESSION);
    if (name === null || !SESSION_NAME.test(name)) return;
    const { store, clock } = this.#context;
    const now = clock();
    const session = { code: name, expiresAt: now + SESSION_SECONDS };
    await store.saveInteractionSession(this.#person.key, this.#resource, session, now);
  }

  async #carryOut(first: Step, answer: Answer, signing: Signing): Promise<Signing> {
    let step = first;
    for (;;) {
      switch (step.kind) {
        case 'give-up':
          throw step.error;
        case 'retry-with-identity':
          return { by: 'identity' };
        case 'retry-with-token':
          await this.#drop(step.drop);
          return { by: 'token', token: step.token };
        case 'refresh-token': {
          if (step.drop?.token !== step.token.token) await this.#drop(step.drop);
          const renewed = await this.#refresh(step.token);
          if (renewed !== undefined) return { by: 'token', token: renewed };
          // Refused: the same answer, with one thing less to try.
          step = react(answer, await this.#situation(signing));
          continue;
        }
        case 'ask-for-token': {
          await this.#drop(step.drop);
          const { signal } = this.#read;
          const token = await this.#access.obtain(this.#person, step.request, this.#sent, signal);
          this.#freshTokens += 1;
          return { by: 'token', token };
        }
        case 'send-person':
          await this.#access.visit(this.#person, this.#resource, step.url, this.#read.signal);
          this.#visits += 1;
          await this.#takeInteractionCode();
          return signing;
        case 'follow-redirect':
          this.#follow(step);
          if (!step.crossOrigin) return signing;
          this.#begun = baseSigning(this.#context);
          return this.#begun;
        case 'deliver':
          throw new TypeError('a challenge that was acted on cannot be delivered');
      }
    }
  }

  async #refresh(token: HeldToken): Promise<HeldToken | undefined> {
    const renewed = await this.#access.refresh(this.#person, token, this.#read.signal);
    if (token.refreshToken !== undefined) this.#refreshed.add(token.refreshToken);
    if (renewed !== undefined) this.#freshTokens += 1;
    return renewed;
  }

  async #drop(token: HeldToken | undefined): Promise<void> {
    if (token === undefined) return;
    await this.#context.store.removeToken(this.#person.key, token.resource, token.token);
  }

  async #takeInteractionCode(): Promise<void> {
    const { store, clock } = this.#context;
    const code = await store.takeInteractionCode(this.#person.key, this.#resource, clock());
    this.#interactionCode = code;
  }

  #follow(step: Extract<Step, { kind: 'follow-redirect' }>): void {
    const headers = new Headers(this.#request.headers);
    if (!step.keepBody) for (const name of ABOUT_BODY) headers.delete(name);
    if (step.crossOrigin) for (const name of CREDENTIALS) headers.delete(name);
    this.#request = {
      url: step.url,
      method: step.method,
      headers,
      body: step.keepBody ? this.#request.body : undefined,
    };
    this.#redirects += 1;
  }
}

function isTemporary(error: AAuthError): boolean {
  return ['temporarily_unavailable', 'too_many_requests', 'discovery_failed'].includes(error.code);
}
