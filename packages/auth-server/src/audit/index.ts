export { actingAs } from './acting-as.js';
export {
  AUDIT_ACTS,
  type AuditAct,
  type AuditActor,
  type AuditEntry,
  type AuditHead,
  type ChainedEntry,
  type IssueMeans,
  type NewAuditEntry,
} from './audit-entry.js';
export { CHAIN_START } from './chain.js';
export { readTrail } from './read-trail.js';
export { readTrailLine, type ReadTrailLine, trailLine } from './trail-lines.js';
export {
  type TrailFault,
  type TrailFaultKind,
  type TrailReport,
  verifyAuditTrail,
} from './verify-trail.js';
