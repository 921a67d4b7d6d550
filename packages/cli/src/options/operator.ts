import { hostname, userInfo } from 'node:os';
import { environmentValue } from './environment.js';

const MAX_LENGTH = 128;

/**
 * Who administers, for the audit trail: what COUNTERSIGN_OPERATOR says, or the user of the system, the one behind `sudo`
 * first, at this machine. What the system says, not what somebody has proved.
 */
export function operatorName(): string {
  const given = environmentValue('COUNTERSIGN_OPERATOR');
  const name = given ?? `${process.env['SUDO_USER'] ?? systemUser()}@${hostname()}`;
  return name.slice(0, MAX_LENGTH);
}

/** In a container the number of the user need not have a name. */
function systemUser(): string {
  try {
    return userInfo().username;
  } catch {
    return String(process.getuid?.() ?? 'unknown');
  }
}
