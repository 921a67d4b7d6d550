/** What the unit's sandbox takes from the server, tried by a program in its place. */
import assert from 'node:assert/strict';

const PROBE = '/usr/bin/node /usr/local/bin/sandbox-probe.mjs';
const NOWHERE = ['read the key-encryption key where root put it', 'change its own program'];
const NEEDED = ['write its state', 'write a temporary file', 'read its credential'];

/** Runs the probe by the very lines of the unit, and without them: what only the unit forbids must be possible without. */
export async function checkSandbox(machine, unit) {
  await machine.run('echo private > /tmp/of-others');
  const outside = JSON.parse(await machine.run(`runuser --user countersign -- ${PROBE}`));
  await machine.run(`cd /etc/systemd/system
sed 's,^ExecStart=.*,ExecStart=${PROBE},; s,^Type=.*,Type=oneshot,; s,^Restart=.*,Restart=no,' \\
  ${unit}.service > sandbox-probe.service
systemctl daemon-reload
systemctl start sandbox-probe
journalctl --sync`);
  const match = '--output=cat _SYSTEMD_UNIT=sandbox-probe.service';
  const inside = JSON.parse(await machine.run(`journalctl --quiet ${match}`));
  await machine.run('rm -f /var/lib/countersign/probe /var/backups/countersign/probe');

  const forbidden = Object.keys(inside).filter((name) => !NEEDED.includes(name));
  for (const name of NEEDED) assert.equal(inside[name], 'allowed', name);
  for (const name of forbidden) {
    assert.notEqual(inside[name], 'allowed', `in the sandbox it can ${name}`);
    const expected = NOWHERE.includes(name) ? 'EACCES' : 'allowed';
    assert.equal(outside[name], expected, `without the sandbox: ${name}`);
  }
  const told = forbidden.map((name) => `${name} (${inside[name]})`);
  return `the account cannot, in the unit: ${told.join(', ')}`;
}
