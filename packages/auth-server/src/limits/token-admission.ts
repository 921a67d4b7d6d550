import { hash } from 'node:crypto';
import {
  type AAuthError,
  errorSpelling,
  headerOf,
  type ReceivedRequest,
} from '@countersign/protocol';
import { addressKey } from '../accounts/address-key.js';
import type { Connection } from '../connection.js';
import { limited, type ServerLimits } from './server-limits.js';

/** Signature checks and commits that a request type costs; what is no type costs one. */
const COSTS: ReadonlyMap<string, number> = new Map([
  ['code', 1],
  ['refresh', 1],
  ['auth', 2],
  ['exchange', 3],
]);

const UNPROVEN = 'Too many requests from this address that prove no agent; slow down.';

/**
 * On whose account a token request is. Until its signature has been verified that is the address it came from, where
 * only what proves no agent is counted; from then on it is the agent. A signer that has proved itself from an address
 * before is held apart from the address, so that whoever shares it cannot use up what the signer needs.
 */
export class TokenAdmission {
  readonly address: string;
  readonly #limits: ServerLimits;
  readonly #signer: string;
  readonly #now: number;
  /** Set once the signature has been verified. */
  agent: string | undefined;
  #recognised = false;
  #proven = false;
  #held = false;
  #charged = 0;

  constructor(
    limits: ServerLimits,
    request: ReceivedRequest,
    { remoteAddress, incoming }: Connection,
  ) {
    this.#limits = limits;
    this.#now = limits.clock();
    this.address = addressKey(remoteAddress ?? 'unknown');
    const signer = headerOf(request, incoming, 'signature-key') ?? '';
    this.#signer = hash('sha256', `${this.address}\n${signer}`, 'base64url');
  }

  /** Throws before anything is read, verified or fetched for a request from where the limit is used up. */
  async begin(): Promise<void> {
    const { recognisedAgents, recognisedRequests, agentRequests } = this.#limits;
    const agent = recognisedAgents.get(this.#signer);
    if (agent !== undefined) {
      this.#recognised = true;
      const forged = recognisedRequests.fullFor(this.#signer, this.#now);
      if (forged > 0) throw limited('limit_recognised_requests', forged, UNPROVEN);
      const full = agentRequests.fullFor(agent, this.#now);
      if (full > 0) throw agentLimited(full);
      return;
    }
    const { addressHosts, unprovenRequests } = this.#limits;
    // Asked of all and not only of those who name a new host: which hosts are known here is nobody's business.
    const hosts = addressHosts.fullFor(this.address, this.#now);
    if (hosts > 0) throw hostsLimited('limit_address_hosts', hosts);
    const wait = await unprovenRequests.take(this.address, this.#now);
    if (wait > 0) throw limited('limit_unproven_requests', wait, UNPROVEN);
    this.#held = true;
  }

  /** The signature has been verified: from now on it is the agent's account. Throws when that is used up. */
  async admitAgent(agent: string, requestType: string | undefined): Promise<void> {
    const cost = COSTS.get(requestType ?? '') ?? 1;
    const wait = await this.#limits.agentRequests.take(agent, this.#now, cost);
    if (wait > 0) {
      this.proved(agent);
      throw agentLimited(wait);
    }
    this.#charged = cost;
    this.agent = agent;
  }

  /** It is not a repeat either. */
  proved(agent: string): void {
    this.agent = agent;
    this.#charged = 0;
    if (this.#held) this.#limits.unprovenRequests.giveBack(this.address, this.#now);
    this.#held = false;
    this.#limits.recognisedAgents.set(this.#signer, agent, 0);
    this.#recognised = true;
    this.#proven = true;
  }

  /** Counts a request that proved nothing; not one that failed because of something else. */
  async refused(error: AAuthError): Promise<void> {
    if (this.#proven) return;
    const { agentRequests, unprovenRequests, recognisedRequests } = this.#limits;
    // A repeat of what an agent sent is not the agent's doing.
    if (this.#charged > 0 && this.agent !== undefined) {
      agentRequests.giveBack(this.agent, this.#now, this.#charged);
    }
    const { status } = errorSpelling(error.code);
    if (this.#held && (status >= 500 || status === 429)) {
      unprovenRequests.giveBack(this.address, this.#now);
    } else if (this.#recognised && status < 500 && status !== 429) {
      await recognisedRequests.take(this.#signer, this.#now);
    }
  }
}

function agentLimited(wait: number): AAuthError {
  return limited('limit_agent_requests', wait, 'Too many requests of this agent; slow down.');
}

export function hostsLimited(rule: string, wait: number): AAuthError {
  return limited(rule, wait, 'Too many servers that are new here were named; slow down.');
}
