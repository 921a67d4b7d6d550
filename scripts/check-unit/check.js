/** What is done to the unit, in order. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { documented } from '../check-replicas/documented.js';
import { PERSON } from '../check-replicas/traffic.js';
import { checkSandbox } from './sandbox.js';

const UNIT = 'countersign-auth-server';
const READY = 'curl --silent --fail http://127.0.0.1:9464/readyz';
const PAGE = 'operating/one-machine.md';
const FLOWS_ISSUER = 'http://127.0.0.1:8003';
const STOP_SECONDS = 12;
const say = (line) => process.stdout.write(`${line}\n`);
const seconds = (since) => (performance.now() - since) / 1000;

export async function checkUnit(machine) {
  await machine.boot();
  const version = (await machine.run('systemctl --version')).split('\n')[0];
  for (const name of ['program', 'account-and-settings', 'unit']) await follow(machine, name);
  await checkAccount(machine);
  say(`${version}: installed and started as documented, without a capability or a way to get one`);
  say(await checkSandbox(machine, UNIT));
  await follow(machine, 'proxy');
  await follow(machine, 'first-person');
  await checkInstallation(machine);
  say(`asked through nginx as documented; rated ${await rating(machine)}`);
  const kids = await keys(machine);
  say(await checkKilled(machine));
  say(await checkStopped(machine));
  say(await checkWrongSettings(machine));
  await machine.powerOff();
  await machine.boot();
  await machine.until(READY, 20);
  assert.equal(await keys(machine), kids);
  say('with the machine it starts again, with the same key after all of this');
  say(await checkFlows(machine));
  say(await checkJournal(machine));
}

/** Runs a marked block of the page where an operator runs it. */
async function follow(machine, name) {
  const own = '/etc/nginx/tls/fullchain.pem';
  return await machine.run(`cd /usr/local/src/countersign\n${documented(PAGE, name)}`, {
    COUNTERSIGN_PASSWORD: PERSON.password,
    // The certificate of one's own that stands there until certbot has fetched the real one.
    ...(name === 'first-person' ? { CURL_CA_BUNDLE: own } : {}),
  });
}

/** A property of the unit as systemd has it. */
async function property(machine, name, unit = UNIT) {
  return (await machine.run(`systemctl show --property=${name} --value ${unit}`)).trim();
}

const keys = async (machine) =>
  await machine.run('curl --silent --fail http://127.0.0.1:8003/jwks.json');

async function checkAccount(machine) {
  const account = (await machine.run('id --user countersign')).trim();
  const status = await machine.run(`cat /proc/${await property(machine, 'MainPID')}/status`);
  const field = (name) => new RegExp(`^${name}:\\s*(.*)$`, 'm').exec(status)?.[1];
  assert.equal(field('Uid'), Array(4).fill(account).join('\t'));
  for (const set of ['CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb']) {
    assert.match(field(set), /^0+$/, set);
  }
  assert.equal(field('NoNewPrivs'), '1');
  assert.equal(field('Seccomp'), '2');
  assert.equal(field('Umask'), '0077');
}

/** The checks that the page tells an operator to make. */
async function checkInstallation(machine) {
  const curl = 'curl --silent --cacert /etc/nginx/tls/fullchain.pem';
  const metadata = await machine.run(`${curl} https://auth.example/.well-known/aauth-issuer`);
  assert.equal(JSON.parse(metadata).issuer, 'https://auth.example');
  const status = async (options) =>
    (await machine.run(`${curl} --output /dev/null --write-out '%{http_code}' ${options}`)).trim();
  assert.equal(
    await status(`--header 'Host: other.example' https://auth.example/agent/auth`),
    '421',
  );
  assert.equal(await status('--head http://auth.example/'), '308');
  const files = await machine.run(`stat --format='%A %U' /var/lib/countersign/auth.db*`);
  for (const file of files.trim().split('\n')) assert.equal(file, '-rw------- countersign');
  const warned = await machine.run(`journalctl --quiet --unit ${UNIT} --grep WARNING || true`);
  assert.equal(warned, '');
}

async function rating(machine) {
  const analysed = await machine.run(`systemd-analyze security --no-pager ${UNIT}`);
  const [, rated, word] = /exposure level for .*: ([\d.]+) (\w+)/.exec(analysed) ?? [];
  assert.equal(word, 'OK', analysed);
  return `${rated} by systemd-analyze security`;
}

async function checkKilled(machine) {
  const before = await property(machine, 'MainPID');
  const since = performance.now();
  await machine.run(`kill -KILL ${before}`);
  await machine.until(`test "$(systemctl show --property=NRestarts --value ${UNIT})" = 1`, 10);
  await machine.until(READY, 20);
  const after = seconds(since);
  assert.notEqual(await property(machine, 'MainPID'), before);
  return `killed: ready again after ${after.toFixed(1)} s, of which systemd waits 2`;
}

/** With a client that begins a request and never ends it, which is what stopping may have to wait for. */
async function checkStopped(machine) {
  const request =
    'POST /agent/token HTTP/1.1\\r\\nHost: auth.example\\r\\nContent-Length: 9\\r\\n\\r\\n';
  const text = `exec 3<>/dev/tcp/127.0.0.1/8003; printf '${request}' >&3; cat <&3`;
  const slow = machine.run(text).catch((error) => error);
  await machine.until(
    `curl --silent http://127.0.0.1:9464/metrics | grep --quiet '^countersign_requests_in_flight.* 1$'`,
    10,
  );
  const since = performance.now();
  await machine.run(`systemctl stop ${UNIT}`);
  const stopped = seconds(since);
  await slow;
  assert.equal(await property(machine, 'Result'), 'success');
  assert.equal(await property(machine, 'ExecMainStatus'), '0');
  assert.ok(stopped < STOP_SECONDS, `stopping took ${stopped} s`);
  const idle = performance.now();
  await machine.run(`systemctl start ${UNIT}`);
  await machine.until(READY, 20);
  const started = seconds(idle);
  const restop = performance.now();
  await machine.run(`systemctl stop ${UNIT}`);
  assert.equal(await property(machine, 'ExecMainStatus'), '0');
  return (
    `stopped with exit code 0 after ${stopped.toFixed(1)} s with a request that never ends, ` +
    `${seconds(restop).toFixed(1)} s without; ready ${started.toFixed(1)} s after its start`
  );
}

async function checkWrongSettings(machine) {
  const dropIn = `/run/systemd/system/${UNIT}.service.d`;
  const set = `mkdir --parents ${dropIn}\nprintf '[Service]\\nEnvironment=COUNTERSIGN_LOG=nonsense\\n'`;
  await machine.run(`${set} > ${dropIn}/wrong.conf\nsystemctl daemon-reload`);
  await machine.run(`systemctl start ${UNIT}`);
  const restarting = `systemctl show --property=ActiveState --value ${UNIT}`;
  await machine.until(`test "$(${restarting})" != active`, 10);
  // Anything else than this is a restart that is waited for.
  assert.equal(await property(machine, 'ActiveState'), 'failed');
  assert.equal(await property(machine, 'ExecMainStatus'), '2');
  const said = await machine.run(`journalctl --unit ${UNIT} --output=cat --lines=20`);
  assert.match(said, /nonsense/);
  await machine.run(`rm --recursive ${dropIn}\nsystemctl daemon-reload`);
  return 'with a wrong setting it stays down with exit code 2, and the journal says which';
}

/** All that a request can need, passwords and other hosts among it, in the sandbox. */
async function checkFlows(machine) {
  const dropIn = `/etc/systemd/system/${UNIT}.service.d`;
  const settings = '/etc/countersign/flows.yaml';
  const start = `/usr/local/bin/countersign serve auth-server --config ${settings}`;
  await machine.run(`cat > ${settings} <<'EOF'
issuer: ${FLOWS_ISSUER}
insecureLoopback: true
log: json
port: 8003
database: sqlite:/var/lib/countersign/flows.db
managementPort: 9464
EOF
mkdir --parents ${dropIn}
printf '[Service]\\nExecStart=\\nExecStart=${start}\\n' > ${dropIn}/flows.conf
systemctl daemon-reload
systemctl restart ${UNIT}`);
  await machine.until(READY, 20);
  const add = `countersign user add ${PERSON.username} --config ${settings}`;
  await machine.run(`cd /var/lib/countersign\nrunuser --user countersign -- ${add}`, {
    COUNTERSIGN_PASSWORD: PERSON.password,
  });
  const flows = fileURLToPath(new URL('flows.js', import.meta.url));
  const said = await inItsNetwork(machine, [process.execPath, flows, FLOWS_ISSUER, '20']);
  return `${said.trim()} in the sandbox: signed in, approved, redeemed, refreshed`;
}

/** Runs a program of this machine with the network of the other one. */
async function inItsNetwork(machine, command) {
  const args = [`--target=${machine.leader}`, '--net', ...command];
  const child = spawn('nsenter', args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text) => (output += text));
  }
  const code = await new Promise((resolve) => child.once('close', resolve));
  if (code !== 0) throw new Error(`${command.join(' ')} ended with ${code}:\n${output}`);
  return output;
}

async function checkJournal(machine) {
  const match = `--output=cat _SYSTEMD_UNIT=${UNIT}.service`;
  const text = await machine.run(`journalctl --sync\njournalctl --quiet --boot ${match}`);
  const lines = text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  for (const { level, time, msg } of lines) assert.ok(level && time && msg);
  const requests = lines.filter(({ msg }) => msg === 'request');
  assert.ok(requests.length > 0, 'no request is in the journal');
  return `${lines.length} lines in the journal since the machine's start, all JSON, ${requests.length} about requests`;
}
