/** Agents, a resource and a person who go through the proxy, and what they met on the way. */
import { DemoBrowser } from '../../packages/cli/dist/demo/browser.js';
import { randomSecret, systemRandom } from '@countersign/protocol';
import { startAgent, startResource } from '../check-kill/parties.js';

export const PERSON = { username: 'alice', password: 'a password for this check' };
const LEAST_COMMON_STATUS = 500;

/** An answer that nobody should have got. */
export class FailedRequest extends Error {}

export class Traffic {
  requests = 0;
  retried = 0;
  flows = 0;
  sharedSessions = 0;
  redeemedElsewhere = 0;

  static async start(issuer) {
    const resource = await startResource();
    const agent = await startAgent(issuer, resource);
    return Object.assign(new Traffic(), { issuer, resource, agent });
  }

  stop() {
    this.agent.stop();
    this.resource.stop();
  }

  /**
   * One request to the issuer. A connection that is refused, or cut before anything was answered, is tried again a few
   * times, as every client does; whatever was answered counts.
   */
  async send(url, init, replicas) {
    this.requests += 1;
    for (let attempt = 1; ; attempt++) {
      try {
        const answer = await fetch(url, { redirect: 'manual', ...init });
        if (answer.status >= LEAST_COMMON_STATUS) {
          throw new FailedRequest(
            `${new URL(url).pathname} was answered ${answer.status}: ${await answer.text()}`,
          );
        }
        const replica = answer.headers.get('x-answered-by')?.split(', ').at(-1);
        if (replica !== undefined) replicas?.push(replica);
        return answer;
      } catch (error) {
        if (error instanceof FailedRequest || attempt === 3) throw error;
        this.retried += 1;
      }
    }
  }

  async token(form, replicas, further = []) {
    const { headers, body } = await this.agent.sign(form);
    // The host is in the address; a client that names one beside it would be refused by fetch.
    const sent = [...headers.filter(([name]) => name !== 'Host'), ...further];
    return await this.send(
      `${this.issuer}/agent/token`,
      { method: 'POST', headers: sent, body },
      replicas,
    );
  }

  async ask(further) {
    const answer = await this.token(
      {
        request_type: 'auth',
        resource_token: await this.agent.resourceToken(),
        redirect_uri: this.agent.redirectUri,
        state: randomSecret(systemRandom, 96),
      },
      undefined,
      further,
    );
    const json = await answer.json();
    if (answer.status !== 200) throw new Error(`auth: ${answer.status} ${JSON.stringify(json)}`);
    return json.request_token;
  }

  personUrl(requestToken) {
    const url = new URL('/agent/auth', this.issuer);
    url.searchParams.set('request_token', requestToken);
    url.searchParams.set('redirect_uri', this.agent.redirectUri);
    return url.href;
  }

  /** The whole flow: asked, signed in, approved, redeemed, refreshed. */
  async flow() {
    const pages = [];
    const ownPage = new URL(this.issuer).origin;
    const browser = new DemoBrowser(PERSON, (url, init) =>
      new URL(url).origin === ownPage ? this.send(url, init, pages) : fetch(url, init),
    );
    const end = await browser.visit(this.personUrl(await this.ask()));
    const code = end.url.searchParams.get('code');
    if (code === null) throw new Error(`no code at ${end.url.pathname}: ${end.status}`);
    const redeemed = [];
    const form = { request_type: 'code', code, redirect_uri: this.agent.redirectUri };
    const answer = await this.token(form, redeemed);
    const json = await answer.json();
    if (answer.status !== 200) throw new Error(`code: ${answer.status} ${JSON.stringify(json)}`);
    const refresh = { request_type: 'refresh', refresh_token: json.refresh_token };
    const renewed = await this.token(refresh);
    if (renewed.status !== 200) throw new Error(`refresh: ${renewed.status}`);
    this.flows += 1;
    if (new Set(pages).size > 1) this.sharedSessions += 1;
    // The last answer from our pages is the redirect with the code.
    if (redeemed.at(-1) !== pages.at(-1)) this.redeemedElsewhere += 1;
    return { code, refreshToken: json.refresh_token, authToken: json.auth_token };
  }

  /** Flows one after another in `lanes` lanes until `work` has ended; any failure ends the check. */
  async during(work, lanes = 2) {
    let going = true;
    const lane = async () => {
      while (going) await this.flow();
    };
    const all = Promise.all(Array.from({ length: lanes }, lane));
    try {
      await Promise.race([work(), all]);
    } finally {
      going = false;
    }
    await all;
  }
}
