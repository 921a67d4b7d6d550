import type { AdmitHost } from '@countersign/protocol';
import type { RequestScope } from '../observability/request-scope.js';
import type { Storage } from '../storage/index.js';
import type { ServerLimits } from './server-limits.js';
import { hostsLimited } from './token-admission.js';

/**
 * Limits the hosts that strangers make this server ask. Trusted issuers are not counted, and neither are agents that
 * somebody has granted something: after a restart, with nothing in its cache, the server asks them whatever strangers
 * do. What a verified agent names is on its own account. `scope` says whose request it is.
 */
export function hostAdmission(
  { addressHosts, agentHosts, strangerHosts, clock }: ServerLimits,
  { grants }: Pick<Storage, 'grants'>,
  trusted: ReadonlySet<string>,
  scope: RequestScope,
): AdmitHost {
  return async (named) => {
    const { account } = scope;
    if (account === undefined || trusted.has(named)) return;
    const now = clock();
    const { agent, address } = account;
    if (agent !== undefined) {
      const wait = await agentHosts.take(agent, now);
      if (wait > 0) throw hostsLimited('limit_agent_hosts', wait);
      return;
    }
    if (await grants.existsFor(named)) return;
    const here = await addressHosts.take(address, now);
    if (here > 0) throw hostsLimited('limit_address_hosts', here);
    const everywhere = await strangerHosts.take('all', now);
    if (everywhere > 0) {
      addressHosts.giveBack(address, now);
      throw hostsLimited('limit_stranger_hosts', everywhere);
    }
  };
}
