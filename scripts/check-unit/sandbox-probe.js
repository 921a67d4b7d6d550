/** Tries what the unit takes from the server, and prints what became of each as JSON. Needs nothing but Node. */
import { spawnSync } from 'node:child_process';
import { chmodSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { networkInterfaces, setPriority } from 'node:os';

const STATE = '/var/lib/countersign/probe';

const tries = {
  // Outside the sandbox the account may do all of these.
  'write to a directory of its own elsewhere': () =>
    writeFileSync('/var/backups/countersign/probe', ''),
  'look at another process': () => readFileSync('/proc/1/status'),
  'look at the machine': () => readFileSync('/proc/meminfo'),
  'list home directories': () => readdirSync('/home'),
  'read temporary files of others': () => readFileSync('/tmp/of-others'),
  'set the set-user-ID bit': () => {
    writeFileSync(STATE, '');
    chmodSync(STATE, 0o4700);
  },
  'change its priority': () => setPriority(19),
  'open a netlink socket': () => networkInterfaces(),
  'make a namespace': () => {
    const { status } = spawnSync('unshare', ['--user', 'true'], { stdio: 'ignore' });
    if (status !== 0) throw new Error(`unshare ended with ${status}`);
  },
  // These it may nowhere.
  'read the key-encryption key where root put it': () =>
    readFileSync('/etc/countersign/key-encryption-key'),
  'change its own program': () =>
    writeFileSync('/opt/countersign/packages/cli/bin/countersign.js', ''),
  // These it needs.
  'write its state': () => writeFileSync(STATE, ''),
  'write a temporary file': () => writeFileSync('/tmp/probe', ''),
  'read its credential': () => readFileSync(process.env.COUNTERSIGN_KEY_ENCRYPTION_KEY_FILE ?? ''),
};

const outcomes = Object.entries(tries).map(([name, attempt]) => {
  try {
    attempt();
    return [name, 'allowed'];
  } catch (error) {
    return [name, error.info?.code ?? error.code ?? error.message];
  }
});
process.stdout.write(`${JSON.stringify(Object.fromEntries(outcomes))}\n`);
