/** The audit trail: whole, never shorter than it has been, and at one with the ledger. */
import { readTrail, verifyAuditTrail } from '@countersign/auth-server';
import { BrokenPromise } from './history.js';

export class Trail {
  #head;

  /** `issued` are the ids of all tokens in the ledger. Returns how many entries there are. */
  async verify(storage, issued) {
    await storage.audit.seal();
    const told = new Set();
    const start = await storage.audit.start();
    const known = this.#head === undefined ? [] : [this.#head];
    const entries = tellingTokens(readTrail(storage), told);
    const { fault, head } = await verifyAuditTrail(entries, start, known);
    if (fault !== undefined) {
      throw new BrokenPromise(`the audit trail is not whole: ${JSON.stringify(fault)}`);
    }
    const untold = [...issued].find((jti) => !told.has(jti));
    if (untold !== undefined)
      throw new BrokenPromise(`the audit trail has not got token ${untold}`);
    const invented = [...told].find((jti) => !issued.has(jti));
    if (invented !== undefined) {
      throw new BrokenPromise(`the audit trail has token ${invented}, and the ledger has not`);
    }
    this.#head = head;
    return head.sequence;
  }
}

async function* tellingTokens(entries, told) {
  for await (const entry of entries) {
    const { act, token } = JSON.parse(entry.text);
    if (act === 'token-issued') told.add(token);
    yield entry;
  }
}
