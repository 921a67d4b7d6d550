/**
 * What goes on at the auth server while it is killed, and what must be true afterwards. Every answer that was received
 * is a promise that the server must keep; of what was sent and not answered, either may be true, but only one.
 */
import { hashPassword, openStorage } from '@countersign/auth-server';
import { randomSecret, systemRandom } from '@countersign/protocol';
import { DemoBrowser } from '../../packages/cli/dist/demo/browser.js';
import { now } from './parties.js';
import { send } from './server-process.js';

const PASSWORD = 'a password for this check';
const LIFETIME_SECONDS = 50;

/** A promise of the server's that was not kept. */
export class BrokenPromise extends Error {}

export class World {
  /** Everything that was answered, and everything whose answer was lost. */
  requests = [];
  codes = [];
  tokens = [];
  revocations = [];
  accepted = [];
  counts = {};
  #busy = new Set();
  #gate;
  #open = () => undefined;
  #browsers = new Map();

  constructor({ issuer, agents, replicas, url, random }) {
    Object.assign(this, { issuer, agents, replicas, url, random });
    this.pause();
  }

  async openStorage() {
    this.storage = await openStorage(this.url);
    const passwordHash = await hashPassword(PASSWORD);
    this.people = [];
    for (const username of ['ada', 'ben', 'cyd', 'dan', 'eve', 'fay']) {
      const id = `person-${username}`;
      const subject = `subject-${username}`;
      await this.storage.users.create({
        id,
        username,
        subject,
        passwordHash,
        name: null,
        email: null,
        emailVerified: false,
        createdAt: now(),
      });
      this.people.push({ id, username, subject, disabled: false });
    }
  }

  count(name) {
    this.counts[name] = (this.counts[name] ?? 0) + 1;
  }

  pick(list) {
    return list[Math.floor(this.random() * list.length)];
  }

  pause() {
    this.#gate = new Promise((resolve) => (this.#open = resolve));
  }

  resume() {
    this.#open();
  }

  /** Until everything that is under way has ended. */
  async settled() {
    while (this.#busy.size > 0) await Promise.allSettled(this.#busy);
  }

  /** Does `step` again and again, until `stop` is set; not while the world is paused. */
  async loop(step) {
    while (!this.stopped) {
      await this.#gate;
      if (this.stopped) return;
      const doing = step();
      this.#busy.add(doing);
      try {
        await doing;
      } catch (error) {
        if (error instanceof BrokenPromise) this.broken ??= error;
        // A connection that failed: the server may have been killed. What is known by then has been written down.
        this.count('answers lost');
      } finally {
        this.#busy.delete(doing);
      }
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  #port() {
    return this.pick(this.replicas).port;
  }

  /** A request to the token endpoint. 503 is an honest answer: nothing has been done. */
  async token(agent, form, port = this.#port()) {
    const signed = await agent.sign(form);
    const answer = await send(port, 'POST', '/agent/token', signed.headers, signed.body);
    if (answer.status === 200) this.accepted.push(signed);
    if (answer.status >= 500 && answer.status !== 503) {
      throw new BrokenPromise(`${form.request_type} was answered ${answer.status}: ${answer.text}`);
    }
    return { status: answer.status, json: JSON.parse(answer.text) };
  }

  async ask() {
    const agent = this.pick(this.agents);
    const form = {
      request_type: 'auth',
      resource_token: await agent.resourceToken(),
      redirect_uri: agent.redirectUri,
      state: randomSecret(systemRandom, 96),
    };
    const { status, json } = await this.token(agent, form);
    if (status !== 200) return undefined;
    this.count('requests asked');
    const one = { agent, state: form.state, token: json.request_token, at: now(), fate: 'open' };
    this.requests.push(one);
    return one;
  }

  #browser(person, decision) {
    const key = `${person.username} ${decision}`;
    const transport = async (url, { method = 'GET', headers, body } = {}) => {
      if (url.origin !== this.issuer) return new Response('', { status: 200 });
      const lines = [['Host', new URL(this.issuer).host], ...Object.entries(headers)];
      if (body !== undefined) lines.push(['Content-Type', 'application/x-www-form-urlencoded']);
      const { pathname, search } = url;
      const answer = await send(this.#port(), method, pathname + search, lines, body?.toString());
      if (answer.status >= 500 && answer.status !== 503) {
        throw new BrokenPromise(`a page was answered ${answer.status}: ${answer.text}`);
      }
      const response = new Response(answer.status === 204 ? null : answer.text, {
        status: answer.status,
      });
      for (const [name, values] of Object.entries(answer.headers)) {
        for (const value of values) response.headers.append(name, value);
      }
      return response;
    };
    const { username } = person;
    const made =
      this.#browsers.get(key) ??
      new DemoBrowser({ username, password: PASSWORD, decision }, transport);
    this.#browsers.set(key, made);
    return made;
  }

  addressOf({ agent, token, state }) {
    const query = new URLSearchParams({
      request_token: token,
      redirect_uri: agent.redirectUri,
      state,
    });
    return `${this.issuer}/agent/auth?${query}`;
  }

  /** A person opens the request and answers it. Whatever comes back is written down. */
  async answer(one, person, decision) {
    one.fate = 'lost';
    const page = await this.#browser(person, decision).visit(this.addressOf(one));
    if (page.url.origin !== one.agent.id) {
      // 503, or a person who has been disabled: nothing has been decided.
      if (page.status === 503 || person.disabled) one.fate = 'unsure';
      return undefined;
    }
    const parameters = page.url.searchParams;
    if (parameters.get('state') !== one.state || parameters.get('iss') !== this.issuer) {
      throw new BrokenPromise('an answer was mixed up with another');
    }
    if (decision === 'deny') {
      one.fate = 'denied';
      this.count('requests denied');
      return undefined;
    }
    one.fate = 'approved';
    this.count('requests approved');
    const code = {
      agent: one.agent,
      person,
      value: parameters.get('code'),
      at: now(),
      answered: 0,
      lost: 0,
      begun: performance.now(),
    };
    this.codes.push(code);
    return code;
  }

  async redeem(code) {
    const { agent, person, value } = code;
    const form = { request_type: 'code', code: value, redirect_uri: agent.redirectUri };
    const begun = performance.now();
    code.lost += 1;
    const { status, json } = await this.token(agent, form);
    code.lost -= 1;
    if (status !== 200) return { status, json };
    code.answered += 1;
    this.count('codes redeemed');
    if (code.answered > 1) throw new BrokenPromise('a code was redeemed twice');
    const claims = JSON.parse(Buffer.from(json.auth_token.split('.')[1], 'base64url').toString());
    if (claims.sub !== person.subject || claims.agent !== agent.id) {
      throw new BrokenPromise('a token belongs to somebody else');
    }
    this.tokens.push({
      agent,
      person,
      code,
      jti: claims.jti,
      refresh: json.refresh_token,
      begun,
      dead: false,
      unsure: false,
    });
    return { status, json };
  }

  /** Everybody signs in, so that later lives of the server need not be spent on passwords. */
  async signIn() {
    for (const person of this.people) {
      for (const decision of ['approve', 'deny']) {
        const one = await this.ask();
        if (one === undefined) throw new Error('the first request was refused');
        await this.answer(one, person, decision);
      }
    }
  }

  /** Until so many more requests have been approved; at most 5 seconds. */
  async approvals(more) {
    const goal = (this.counts['requests approved'] ?? 0) + more;
    for (let waited = 0; waited < 5_000; waited += 10) {
      if ((this.counts['requests approved'] ?? 0) >= goal || this.broken !== undefined) return;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  /** The whole way, now and then with a code that is sent several times at once. */
  async consent() {
    const person = this.pick(this.people);
    const one = await this.ask();
    if (one === undefined) return;
    const code = await this.answer(one, person, this.random() < 0.15 ? 'deny' : 'approve');
    if (code === undefined) return;
    const attempts = this.random() < 0.3 ? 3 : 1;
    const results = await Promise.allSettled(
      Array.from({ length: attempts }, () => this.redeem(code)),
    );
    // Once a second attempt has been seen, the refresh token of the first is gone: it might have been stolen.
    if (attempts > 1) for (const token of this.tokens) if (token.code === code) token.unsure = true;
    const failed = results.find(({ status }) => status === 'rejected');
    if (failed !== undefined) throw failed.reason;
  }

  async refresh(token = this.pick(this.tokens)) {
    if (token === undefined) {
      await new Promise((resolve) => setTimeout(resolve, 20));
      return;
    }
    const wasDead = token.dead;
    const form = { request_type: 'refresh', refresh_token: token.refresh };
    const { status, json } = await this.token(token.agent, form);
    if (status === 503) return;
    if (status === 200) {
      if (wasDead) throw new BrokenPromise('a revoked refresh token works again');
      this.count('tokens refreshed');
      token.jti = JSON.parse(
        Buffer.from(json.auth_token.split('.')[1], 'base64url').toString(),
      ).jti;
      return;
    }
    if (!token.dead && !token.unsure) {
      throw new BrokenPromise(`a refresh token was lost: ${status} ${JSON.stringify(json)}`);
    }
    token.dead = true;
  }

  /** An operator revokes a grant or, seldom, disables a person for good. */
  async administrate() {
    await new Promise((resolve) => setTimeout(resolve, 120));
    if (this.random() < 0.02 && this.people.filter(({ disabled }) => !disabled).length > 2) {
      const person = this.pick(this.people);
      person.disabled = true;
      for (const token of this.tokens) if (token.person === person) token.unsure = true;
      await this.storage.users.disable(person.id, now());
      for (const token of this.tokens) if (token.person === person) token.dead = true;
      this.count('people disabled');
      return;
    }
    const grants = await this.storage.grants.list();
    const grant = this.pick(grants);
    if (grant === undefined) return;
    const concerned = this.tokens.filter(
      ({ agent, person }) => agent.id === grant.agent && person.id === grant.userId,
    );
    for (const code of this.codes) {
      if (code.agent.id === grant.agent && code.person.id === grant.userId) code.revoked = true;
    }
    for (const token of concerned) token.unsure = true;
    if (!(await this.storage.grants.revoke({ id: grant.id, now: now() }))) return;
    // Those whose code was approved before the revocation are gone; the others may be of the next grant.
    for (const token of concerned) token.dead = true;
    this.count('grants revoked');
  }

  /** What must be true now. Looks at what has changed since the last time, and at some of the rest. */
  async verify() {
    const keys = await send(this.#port(), 'GET', '/jwks.json');
    const kids = JSON.parse(keys.text).keys.map(({ kid }) => kid);
    this.kids ??= kids;
    if (`${kids}` !== `${this.kids}`) throw new BrokenPromise(`other keys: ${kids}`);

    const fresh = ({ at }) => now() - at < LIFETIME_SECONDS;
    this.requests = this.requests.filter(fresh);
    for (const one of this.sample(this.requests.filter(({ fate }) => fate !== 'lost'))) {
      const url = new URL(this.addressOf(one));
      const host = [['Host', url.host]];
      const page = await send(this.#port(), 'GET', url.pathname + url.search, host);
      const asks = page.text.includes('type="password"') || page.text.includes('value="approve"');
      const decided = one.fate === 'approved' || one.fate === 'denied';
      if (decided && asks) throw new BrokenPromise(`a request that was ${one.fate} is open again`);
      if (one.fate === 'open' && page.status !== 200) {
        throw new BrokenPromise(`a request that was answered does not open: ${page.status}`);
      }
      this.count('requests looked at');
    }

    for (const code of this.codes.filter(fresh)) {
      if (code.checked) continue;
      code.checked = true;
      const { lost, answered, revoked } = code;
      const { status, json } = await this.redeem(code);
      const known = revoked !== true && !code.person.disabled;
      if (answered === 0 && lost === 0 && known && status !== 200) {
        throw new BrokenPromise(`a code was lost: ${status} ${JSON.stringify(json)}`);
      }
      if (answered > 0 || status !== 200) {
        // Shown again: what it was exchanged for ends.
        for (const token of this.tokens) {
          if (token.code !== code) continue;
          token.unsure = true;
          if (status !== 503) token.dead = true;
        }
      }
      this.count('codes looked at');
    }
    this.codes = this.codes.filter(fresh);

    for (const token of this.sample(this.tokens)) {
      if ((await this.storage.issuedTokens.find(token.jti)) === undefined) {
        throw new BrokenPromise('a token that was handed out is not in the ledger');
      }
      await this.refresh(token);
      this.count('tokens looked at');
    }
    this.tokens = this.tokens.slice(-400);

    for (const { headers, body, created } of this.accepted.splice(0).slice(-6)) {
      if (now() - created > LIFETIME_SECONDS) continue;
      const again = await send(this.#port(), 'POST', '/agent/token', headers, body);
      if (again.status !== 401) {
        throw new BrokenPromise(`a request was accepted a second time: ${again.status}`);
      }
      this.count('repeats refused');
    }
    if (this.broken !== undefined) throw this.broken;
  }

  /** The last of a list and some others. */
  sample(list) {
    const others = list.slice(0, -6);
    const some = Array.from({ length: Math.min(4, others.length) }, () => this.pick(others));
    return [...new Set([...list.slice(-6), ...some])];
  }
}
