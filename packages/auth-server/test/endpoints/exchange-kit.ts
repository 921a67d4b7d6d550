/** A resource that was called for ada and calls another: everything an exchange needs, right in every respect. */
import { issueResourceToken, type JsonObject, loadKeySet, signJws } from '@countersign/protocol';
import {
  authTokenFor,
  decoded,
  holder,
  makeResource,
  type Party,
  type Signer,
} from '../../../protocol/test/kit.js';
import { type AuthServerOptions, type PolicyRules, rulePolicy } from '../../src/index.js';
import { type Answer, Bench } from './kit.js';

export const CALLER = 'https://rs.example';
export const DOWNSTREAM = 'https://down.example';

export const RULES: PolicyRules = {
  exchange: [{ caller: CALLER, audience: DOWNSTREAM, scopes: ['items.read', 'items.write'] }],
};

/** What is changed about an exchange that is otherwise right. */
export interface Change {
  /** The token in Signature-Key. */
  readonly upstream?: string;
  readonly signer?: Signer;
  readonly resourceToken?: string;
  /** Claims of the resource token. */
  readonly claims?: Partial<Parameters<typeof issueResourceToken>[1]>;
  readonly downstream?: Party;
  readonly caller?: Party;
}

export class ExchangeBench {
  readonly bench: Bench;
  readonly downstream: Party;
  upstream = '';

  private constructor(bench: Bench, downstream: Party) {
    this.bench = bench;
    this.downstream = downstream;
  }

  static async open(
    server: Partial<AuthServerOptions> = {},
    issuer?: string,
  ): Promise<ExchangeBench> {
    const policy = rulePolicy(RULES, { otherwise: 'ask-person' });
    const bench = await Bench.open({
      server: { policy, ...server },
      ...(issuer === undefined ? {} : { issuer }),
    });
    const downstream = await makeResource(DOWNSTREAM);
    bench.discovery.publishAgent(bench.resource).publishResource(downstream);
    const kit = new ExchangeBench(bench, downstream);
    await kit.renew();
    return kit;
  }

  /** The caller's own key. */
  get key() {
    return this.bench.resource.keys.current;
  }

  /** Has ada approve anew; the token of that is the upstream one. */
  async renew(): Promise<void> {
    const granted = await this.bench.granted({ scope: ['data.read'] });
    this.upstream = String(granted['auth_token']);
  }

  /** A token as this server would issue it, but for these claims; the ledger does not know it. */
  async forged(claims: JsonObject, typ = 'auth+jwt'): Promise<string> {
    const [stored] = await this.bench.storage.signingKeys.list();
    const { current } = await loadKeySet({ keys: [stored?.privateJwk] });
    const all = { ...decoded(this.upstream).payload, ...claims };
    const kept = Object.entries(all).filter(([, value]) => value !== undefined);
    return await signJws(typ, Object.fromEntries(kept), current, current.kid);
  }

  /** A token that another auth server issued to the agent for the caller. */
  async foreign(authServer: Party, more: Parameters<typeof authTokenFor>[3] = {}): Promise<string> {
    const { agent, resource, clock } = this.bench;
    return await authTokenFor(authServer, resource, agent, { now: clock(), ...more });
  }

  async resourceToken(change: Change = {}): Promise<string> {
    const { clock, issuer, resource } = this.bench;
    const { downstream = this.downstream, caller = resource } = change;
    return await issueResourceToken(downstream.keys.current, {
      resource: downstream.id,
      authServer: issuer as Party['id'],
      agent: caller.id,
      agentThumbprint: caller.keys.current.thumbprint,
      scope: ['items.read'],
      now: clock(),
      tokenId: 'resource-token',
      ...change.claims,
    });
  }

  async request(change: Change = {}, more: Parameters<Bench['tokenRequest']>[2] = {}) {
    const { caller = this.bench.resource, upstream = this.upstream } = change;
    return await this.bench.tokenRequest(
      {
        request_type: 'exchange',
        resource_token: change.resourceToken ?? (await this.resourceToken(change)),
      },
      change.signer ?? holder(caller.keys.current, upstream),
      more,
    );
  }

  async exchange(change: Change = {}): Promise<Answer> {
    return await this.bench.send(await this.request(change));
  }
}

/** The claims of the token in an answer. */
export function claimsOf(answer: Answer): JsonObject {
  return decoded(String(answer.json['auth_token'])).payload;
}
