/** The services of the compose file while they run, and as they end. `run` is a shell beside the file. */
import assert from 'node:assert/strict';

const REPLICAS = ['auth-1', 'auth-2'];
const MEMORY = 256 * 1024 * 1024;
const TASKS = 100;
const METADATA = 'https://auth.example/.well-known/aauth-issuer';

const seconds = (since) => ((performance.now() - since) / 1000).toFixed(1);

export async function checkCompose(run, say) {
  const inspect = async (service) =>
    JSON.parse(await run(`docker inspect "$(docker-compose ps --quiet ${service})"`))[0];
  const metadata = JSON.parse(await run(`curl --fail ${METADATA}`));
  assert.equal(metadata.issuer, 'https://auth.example');
  assert.match(await run('docker-compose exec -T auth-2 countersign user list'), /alice/);
  await run('docker-compose exec -T auth-1 countersign audit verify');
  assert.equal((await inspect('migrate')).State.ExitCode, 0);
  const password = (await run('cat secrets/database-password')).trim();
  for (const service of REPLICAS) {
    await healthy(inspect, service);
    await checkReplica(run, service);
    assert.ok(!JSON.stringify(await inspect(service)).includes(password));
  }
  const used = await run(
    `docker stats --no-stream --format '{{.MemUsage}}' $(docker-compose ps --quiet ${REPLICAS.join(' ')})`,
  );
  say(`with compose: healthy behind nginx, memory ${used.trim().split('\n').join(' and ')}`);
  say(await checkAway(run, inspect));
  say(await checkEnd(run, inspect));
}

async function healthy(inspect, service) {
  const deadline = Date.now() + 60_000;
  while ((await inspect(service)).State.Health.Status !== 'healthy') {
    assert.ok(Date.now() < deadline, `${service} is not healthy within a minute`);
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}

/** That what the file takes from a replica is taken. */
async function checkReplica(run, service) {
  const inside = async (command) => await run(`docker-compose exec -T ${service} ${command}`);
  const status = await inside('cat /proc/1/status');
  assert.match(status, /^Uid:\t10001\t10001\t10001\t10001$/m);
  assert.match(status, /^CapBnd:\t0+$/m);
  assert.match(status, /^NoNewPrivs:\t1$/m);
  await assert.rejects(inside('touch /var/lib/countersign/one'), /Read-only file system/);
  await inside('touch /tmp/one');
  const groups = '/sys/fs/cgroup';
  const limit = async (unified, own) =>
    Number(await inside(`sh -c 'cat ${groups}/${unified} 2> /dev/null || cat ${groups}/${own}'`));
  assert.equal(await limit('memory.max', 'memory/memory.limit_in_bytes'), MEMORY);
  assert.equal(await limit('pids.max', 'pids/pids.max'), TASKS);
}

/** One replica stopped, the other killed, while somebody goes on asking. */
async function checkAway(run, inspect) {
  const asking = run(`rm -f stop asked; asked=0
until [ -e stop ]; do
  [ "$(curl --output /dev/null --write-out '%{http_code}' ${METADATA})" = 200 ]
  asked=$((asked + 1))
  echo $asked > asked
done`);
  asking.catch(() => undefined);
  try {
    await run('docker-compose stop auth-1');
    assert.equal((await inspect('auth-1')).State.ExitCode, 0);
    await run('docker-compose start auth-1');
    await healthy(inspect, 'auth-1');
    const { State } = await inspect('auth-2');
    const since = performance.now();
    await run(`kill -KILL ${State.Pid}`);
    await healthy(inspect, 'auth-2');
    const again = await inspect('auth-2');
    assert.equal(again.RestartCount, 1);
    assert.notEqual(again.State.Pid, State.Pid);
    const back = seconds(since);
    await run('touch stop');
    await asking;
    const asked = (await run('cat asked')).trim();
    const log = await run('docker-compose exec -T proxy cat /var/log/nginx/countersign.log');
    for (const address of ['10.203.17.11:8003 200', '10.203.17.12:8003 200']) {
      assert.ok(log.includes(address), `${address} is not in the log of nginx`);
    }
    return (
      `one replica stopped and started, the other killed and started by the engine (healthy after ` +
      `${back} s): ${asked} requests meanwhile, none failed`
    );
  } finally {
    await run('touch stop');
  }
}

async function checkEnd(run, inspect) {
  const before = await run('curl --fail https://auth.example/jwks.json');
  const since = performance.now();
  await run('docker-compose stop');
  const took = seconds(since);
  for (const service of [...REPLICAS, 'proxy', 'database']) {
    assert.equal((await inspect(service)).State.ExitCode, 0, service);
  }
  await run('docker-compose start');
  const again = 'curl --fail --retry 30 --retry-all-errors --retry-delay 1';
  assert.equal(await run(`${again} https://auth.example/jwks.json`), before);
  await run('docker-compose down --volumes');
  return `all stopped with exit code 0 in ${took} s, and started with the same key`;
}
