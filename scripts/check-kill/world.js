/**
 * What goes on at the auth server while it is killed. Every answer that was received is a promise that the server must
 * keep; of what was sent and not answered, either may be true, but only one. What is seen at once to be broken is
 * reported here, the rest is found by `promises.js`.
 */
import { hashPassword, openStorage } from '@countersign/auth-server';
import { randomSecret, systemRandom } from '@countersign/protocol';
import { setImmediate as othersTurn, setTimeout as sleep } from 'node:timers/promises';
import { DemoBrowser } from '../../packages/cli/dist/demo/browser.js';
import { runCommand } from './command.js';
import { BrokenPromise, History, Story } from './history.js';
import { Ledger } from './ledger.js';
import { now } from './parties.js';
import { send } from './server-process.js';
import { Trail } from './trail.js';
import { Withdrawals } from './withdrawals.js';

const PASSWORD = 'a password for this check';
const DISABLED_MILLISECONDS = 1_500;
/** A code, a question and a signed request live for a minute or longer. */
export const LIFETIME_SECONDS = 50;

export class World {
  /** Everything that was answered, and everything whose answer was lost. */
  questions = [];
  codes = [];
  tokens = [];
  accepted = [];
  counts = {};
  history = new History();
  withdrawals = new Withdrawals();
  ledger = new Ledger();
  trail = new Trail();
  #busy = new Set();
  #gate;
  #open = () => undefined;
  #isAdministrationHeld = false;
  #administration = Promise.resolve();
  #browsers = new Map();

  constructor({ issuer, agents, replicas, url, random }) {
    Object.assign(this, { issuer, agents, replicas, url, random });
    this.pause();
  }

  /** As every command does: comes to the database, and goes again. */
  async withStorage(work) {
    const storage = await openStorage(this.url);
    try {
      return await work(storage);
    } finally {
      await storage.close();
    }
  }

  async addPeople() {
    const passwordHash = await hashPassword(PASSWORD);
    this.people = ['ada', 'ben', 'cyd', 'dan', 'eve', 'fay'].map((username) => ({
      id: `person-${username}`,
      username,
      subject: `subject-${username}`,
    }));
    const nothingElse = { passwordHash, name: null, email: null, emailVerified: false };
    await this.withStorage(async ({ users }) => {
      for (const person of this.people) {
        await users.create({ ...person, ...nothingElse, createdAt: now() });
      }
    });
  }

  count(name, more = 1) {
    this.counts[name] = (this.counts[name] ?? 0) + more;
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
      await othersTurn();
    }
  }

  port() {
    return this.pick(this.replicas).port;
  }

  /** A request to the token endpoint. 503 is an honest answer: whether it was done stays open. */
  async token(agent, form, story) {
    const signed = await agent.sign(form);
    const { status, text } = await send(
      this.port(),
      'POST',
      '/agent/token',
      signed.headers,
      signed.body,
    );
    this.history.note(`${form.request_type} is answered ${status}`, { story });
    if (status === 200) this.accepted.push({ signed, story });
    const known =
      status === 200 || status === 503 || (status === 400 && /invalid_grant/.test(text));
    if (!known) {
      throw new BrokenPromise(`${form.request_type} was answered ${status}: ${text}`, story);
    }
    return { status, json: JSON.parse(text) };
  }

  async ask() {
    const agent = this.pick(this.agents);
    const story = new Story(agent, performance.now());
    const form = {
      request_type: 'auth',
      resource_token: await agent.resourceToken(),
      redirect_uri: agent.redirectUri,
      state: randomSecret(systemRandom, 96),
    };
    const { status, json } = await this.token(agent, form, story);
    if (status !== 200) return undefined;
    this.count('questions asked');
    const question = { story, agent, state: form.state, token: json.request_token, at: now() };
    question.fate = 'open';
    this.questions.push(question);
    return question;
  }

  #browser(person, decision) {
    const key = `${person.username} ${decision}`;
    const known = this.#browsers.get(key);
    if (known !== undefined) return known;
    const transport = async (url, { method = 'GET', headers, body } = {}) => {
      if (url.origin !== this.issuer) return new Response('', { status: 200 });
      const lines = [['Host', new URL(this.issuer).host], ...Object.entries(headers)];
      if (body !== undefined) lines.push(['Content-Type', 'application/x-www-form-urlencoded']);
      const { pathname, search } = url;
      const answer = await send(this.port(), method, pathname + search, lines, body?.toString());
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
    const browser = new DemoBrowser({ username, password: PASSWORD, decision }, transport);
    const made = { browser, busy: Promise.resolve() };
    this.#browsers.set(key, made);
    return made;
  }

  /** One at a time: a sign-in would make the other pages of a browser out of date. */
  async #visit(question, person, decision) {
    const one = this.#browser(person, decision);
    const visit = one.busy.then(async () => {
      const sent = performance.now();
      const page = await one.browser.visit(this.addressOf(question));
      return { page, sent, answered: performance.now() };
    });
    one.busy = visit.catch(() => undefined);
    return await visit;
  }

  addressOf({ agent, token, state }) {
    const query = new URLSearchParams({
      request_token: token,
      redirect_uri: agent.redirectUri,
      state,
    });
    return `${this.issuer}/agent/auth?${query}`;
  }

  /** A person opens the question and answers it. Whatever comes back is written down. */
  async answer(question, person, decision) {
    const { story, agent } = question;
    story.person = person;
    question.fate = 'lost';
    this.history.note(`${person.username} is about to ${decision}`, { story });
    const { page, sent, answered } = await this.#visit(question, person, decision);
    this.history.note(`${person.username} ends on ${page.url.origin}, ${page.status}`, { story });
    const disabled = this.withdrawals.wasDisabled(person, sent, answered);
    if (page.url.origin !== agent.id) {
      // Who was refused often while disabled waits a while before the next attempt.
      const limited = page.status === 429;
      if (page.status === 503 || limited || disabled !== 'no') return undefined;
      const [, title] = /<title>([^<]*)/.exec(page.html) ?? [];
      throw new BrokenPromise(`a decision was not taken: ${page.status} ${title}`, story);
    }
    if (disabled === 'yes') throw new BrokenPromise('a disabled person decided', story);
    const parameters = page.url.searchParams;
    if (parameters.get('state') !== question.state || parameters.get('iss') !== this.issuer) {
      throw new BrokenPromise('an answer was mixed up with another', story);
    }
    question.fate = decision === 'deny' ? 'denied' : 'approved';
    this.count(`questions ${question.fate}`);
    if (decision === 'deny') return undefined;
    const value = parameters.get('code');
    const code = { story, agent, person, value, sent, answered, at: now(), attempts: [] };
    this.codes.push(code);
    return code;
  }

  async redeem(code) {
    const { story, agent, value } = code;
    const form = { request_type: 'code', code: value, redirect_uri: agent.redirectUri };
    const attempt = { sent: performance.now(), outcome: 'unknown' };
    code.attempts.push(attempt);
    const { status, json } = await this.token(agent, form, story);
    if (status === 503) return;
    attempt.outcome = status === 200 ? 'redeemed' : 'refused';
    if (status === 200) {
      this.#redeemed(code, attempt, json);
      return;
    }
    // Shown again after it was spent: what it was exchanged for has ended.
    if (code.token !== undefined) code.token.deadSince ??= performance.now();
    const refused = code.attempts.every(({ outcome }) => outcome === 'refused');
    const fresh = now() - code.at < LIFETIME_SECONDS;
    if (refused && fresh && this.withdrawals.fate(code) === 'stands') {
      throw new BrokenPromise(`a code was lost: ${JSON.stringify(json)}`, story);
    }
  }

  #redeemed(code, attempt, json) {
    const { story, agent, person } = code;
    this.count('codes redeemed');
    const claims = claimsOf(json.auth_token);
    this.history.note(`token ${claims.jti}`, { story });
    this.ledger.answered(claims.jti, story);
    if (code.token !== undefined) throw new BrokenPromise('a code was redeemed twice', story);
    code.token = { story, agent, person, code, refresh: json.refresh_token, begun: [], lost: 0 };
    this.tokens.push(code.token);
    if (claims.sub !== person.subject || claims.agent !== agent.id) {
      throw new BrokenPromise('a token belongs to somebody else', story);
    }
    if (this.withdrawals.fate(code, attempt.sent) === 'withdrawn') {
      throw new BrokenPromise('a code was redeemed after it had been withdrawn', story);
    }
    // An attempt that was refused before this one is an attempt that came after it.
    if (code.attempts.some(({ outcome }) => outcome === 'refused')) {
      code.token.deadSince = performance.now();
    }
  }

  async refresh(token) {
    const { story, code } = token;
    const sent = performance.now();
    const withdrawn = token.deadSince <= sent || this.withdrawals.fate(code, sent) === 'withdrawn';
    token.lost += 1;
    const form = { request_type: 'refresh', refresh_token: token.refresh };
    const { status, json } = await this.token(token.agent, form, story);
    if (status === 503) return;
    token.lost -= 1;
    if (status === 200) {
      const { jti } = claimsOf(json.auth_token);
      this.history.note(`token ${jti}`, { story });
      this.ledger.answered(jti, story);
      if (withdrawn) throw new BrokenPromise('a refresh token works after its end', story);
      this.count('tokens refreshed');
      return;
    }
    if (withdrawn) this.count('withdrawn refresh tokens refused');
    // Who shows a code twice, or may have, loses what it was exchanged for.
    const stands = code.attempts.length === 1 && this.withdrawals.fate(code) === 'stands';
    if (token.deadSince === undefined && stands) {
      throw new BrokenPromise(`a refresh token was lost: ${JSON.stringify(json)}`, story);
    }
    token.deadSince ??= performance.now();
  }

  /** Everybody signs in, so that later lives of the server need not be spent on passwords. */
  async signIn() {
    for (const person of this.people) {
      for (const decision of ['approve', 'deny']) {
        const question = await this.ask();
        if (question === undefined) throw new Error('the first question was refused');
        await this.answer(question, person, decision);
      }
    }
  }

  /** Until so many more questions have been approved; at most 5 seconds. */
  async approvals(more) {
    const goal = (this.counts['questions approved'] ?? 0) + more;
    for (let waited = 0; waited < 5_000; waited += 10) {
      if ((this.counts['questions approved'] ?? 0) >= goal || this.broken !== undefined) return;
      await sleep(10);
    }
  }

  /** The whole way, now and then with a code that is sent several times at once, or that is left for later. */
  async consent() {
    const person = this.pick(this.people);
    const moment = performance.now();
    const disabled = this.withdrawals.wasDisabled(person, moment, moment) !== 'no';
    // Seldom: they would be kept out for their wrong attempts afterwards.
    if (disabled && this.random() < 0.8) return;
    const question = await this.ask();
    if (question === undefined) return;
    const decision = this.random() < 0.15 ? 'deny' : 'approve';
    const code = await this.answer(question, person, decision);
    const choice = this.random();
    if (code === undefined || choice < 0.3) return;
    const attempts = Array.from({ length: choice < 0.6 ? 3 : 1 }, () => this.redeem(code));
    const results = await Promise.allSettled(attempts);
    const failed = results
      .filter(({ status }) => status === 'rejected')
      .map(({ reason }) => reason);
    const worst = failed.find((reason) => reason instanceof BrokenPromise) ?? failed[0];
    if (worst !== undefined) throw worst;
  }

  async refreshOne() {
    const token = this.pick(this.tokens.slice(-60));
    if (token === undefined) await sleep(20);
    else await this.refresh(token);
  }

  /** An operator revokes a grant or, seldom, disables a person for a while. */
  async administrate() {
    await sleep(120);
    if (this.#isAdministrationHeld) return;
    this.#administration =
      this.random() < 0.05 ? this.#disable(this.pick(this.people)) : this.#revoke();
    await this.#administration;
  }

  /** Waits until no operator is at work, and keeps them from beginning. */
  async holdAdministration() {
    this.#isAdministrationHeld = true;
    await this.#administration.catch(() => undefined);
  }

  releaseAdministration() {
    this.#isAdministrationHeld = false;
  }

  async #disable(person) {
    const about = { person };
    const disabling = this.withdrawals.beginDisabling(person);
    const withdrawal = this.withdrawals.begin(person);
    await this.withStorage(({ users }) => users.disable(person.id, now()));
    disabling.disabled = withdrawal.ended = performance.now();
    this.history.note(`${person.username} has been disabled`, about);
    this.count('people disabled');
    await sleep(DISABLED_MILLISECONDS * this.random());
    disabling.enabling = performance.now();
    await this.withStorage(({ users }) => users.enable(person.id, now()));
    disabling.enabled = performance.now();
    this.history.note(`${person.username} has been enabled`, about);
  }

  /** Rather of one whose code has not been redeemed, which is then attempted at once or after the next start. */
  async #revoke() {
    const grants = await this.withStorage((storage) => storage.grants.list());
    const kept = this.codes.slice(-40).filter(({ attempts }) => attempts.length === 0);
    const concerned =
      ({ agent, person }) =>
      (grant) =>
        grant.agent === agent.id && grant.userId === person.id;
    const chosen = this.random() < 0.5 ? this.pick(kept) : undefined;
    const grant = chosen === undefined ? this.pick(grants) : grants.find(concerned(chosen));
    if (grant === undefined) return;
    const person = this.people.find(({ id }) => id === grant.userId);
    const agent = this.agents.find(({ id }) => id === grant.agent);
    const withdrawal = this.withdrawals.begin(person, agent);
    if (this.random() < 0.1) {
      if (!(await this.#revokeByCommand(grant.id))) return;
    } else {
      await this.withStorage((storage) => storage.grants.revoke({ id: grant.id, now: now() }));
    }
    withdrawal.ended = performance.now();
    this.history.note(`the grant of ${person.username} has been revoked`, { person, agent });
    this.count('grants revoked');
    if (chosen !== undefined && this.random() < 0.5) await this.redeem(chosen);
  }

  /** In a process of its own, which comes to the database and goes again, and may be killed. True once it has told so. */
  async #revokeByCommand(id) {
    const killAfter = this.random() < 0.3 ? this.random() * 1_500 : undefined;
    const { code, output } = await runCommand(['grant', 'revoke', id, '--yes'], {
      database: this.url,
      killAfter,
    });
    this.count(code === 0 ? 'commands that revoked' : 'commands that were killed or failed');
    if (code === 2) throw new Error(`countersign grant revoke: ${output}`);
    return code === 0;
  }
}

function claimsOf(token) {
  return JSON.parse(Buffer.from(token.split('.')[1], 'base64url').toString());
}
