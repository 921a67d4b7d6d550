/** What is done with the image, in order. */
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { documented, translate } from '../check-replicas/documented.js';
import { PERSON } from '../check-replicas/traffic.js';
import { checkCompose } from './compose.js';

const PAGE = 'operating/several-machines.md';
const say = (line) => process.stdout.write(`${line}\n`);

export async function checkContainer(engine, folder, clone) {
  say((await engine.run(`docker version --format 'engine {{.Server.Version}}'`)).trim());
  const image = await buildImage(engine, clone);
  say(await checkImage(engine, image));
  say(await checkAlone(engine));
  const certificate = join(folder, 'auth.example.pem');
  const home = join(folder, 'home');
  mkdirSync(home);
  const curl = ['silent', 'resolve = "auth.example:443:127.0.0.1"', `cacert = "${certificate}"`];
  writeFileSync(join(home, '.curlrc'), `${curl.join('\n')}\n`);
  const compose = join(clone, 'packaging/compose.yaml');
  // The older command knows the same file but for its name, which it takes from a variable.
  const text = translate(readFileSync(compose, 'utf8'), [['name: countersign\n', '']]);
  writeFileSync(compose, text);
  const env = {
    CURL_HOME: home,
    COMPOSE_PROJECT_NAME: 'countersign',
    COUNTERSIGN_PASSWORD: PERSON.password,
  };
  const run = async (commands) =>
    await engine.run(`cd '${join(clone, 'packaging')}'\n${commands}`, env);
  await run(translate(documented(PAGE, 'compose-secrets'), [['cd packaging\n', '']]));
  await run(`openssl req -x509 -newkey rsa:2048 -nodes -days 1 -subj /CN=auth.example \\
    -keyout tls/privkey.pem -out tls/fullchain.pem 2> /dev/null
cp tls/fullchain.pem '${certificate}'`);
  const up = translate(documented(PAGE, 'compose-up'), [
    ['docker compose', 'docker-compose'],
    [' --wait', ''],
    ['exec auth-1', 'exec -T --env COUNTERSIGN_PASSWORD auth-1'],
    ['curl --fail', 'curl --fail --retry 20 --retry-connrefused --retry-delay 1'],
  ]);
  await run(up);
  await checkCompose(run, say);
}

/** By the command that the container file gives. */
async function buildImage(engine, clone) {
  const file = readFileSync(join(clone, 'packaging/Containerfile'), 'utf8');
  const [, command, image] = /^# {3}(docker build .*--tag (\S+) \.)$/m.exec(file) ?? [];
  assert.ok(image, 'the container file does not say how it is built');
  await engine.run(`cd '${clone}'\n${command}`);
  return image;
}

async function checkImage(engine, image) {
  const inspect = async (name) => JSON.parse(await engine.run(`docker image inspect ${name}`))[0];
  const built = await inspect(image);
  const [base] = (await engine.run(`docker image ls --quiet --filter reference='node:*'`)).split(
    '\n',
  );
  const { User, Env, StopSignal } = built.Config;
  assert.equal(User, '10001:10001');
  assert.equal(StopSignal, 'SIGTERM');
  assert.ok(Env.every((one) => !/SECRET|PASSWORD|KEY/.test(one)));
  const megabytes = (built.Size - (await inspect(base)).Size) / 1e6;
  const version = (await engine.run(`docker run --rm ${image} --version`)).trim();
  return `built countersign ${version} on top of Node's image: ${megabytes.toFixed(1)} MB`;
}

/** As the page has it, with SQLite in a volume. */
async function checkAlone(engine) {
  const inspect = async () => JSON.parse(await engine.run('docker inspect countersign'))[0];
  const keys = `curl --silent --fail --retry 20 --retry-all-errors --retry-delay 1 \\
    --header 'Host: auth.example' http://127.0.0.1:8003/jwks.json`;
  await engine.run(documented(PAGE, 'container'));
  const before = await engine.run(keys);
  await engine.run('docker exec countersign node /app/health-check.js');
  const wrong = engine.run(
    'docker exec --env COUNTERSIGN_MANAGEMENT_PORT=1 countersign node /app/health-check.js',
  );
  await assert.rejects(wrong, /ended with 1/);
  const status = await engine.run('docker exec countersign cat /proc/1/status');
  assert.match(status, /^Uid:\t10001\t10001\t10001\t10001$/m);
  assert.match(status, /^CapBnd:\t0+$/m);
  const write = `docker exec --user 0 countersign touch /app/health-check.js`;
  await assert.rejects(engine.run(write), /Read-only file system/);
  await healthy(inspect);
  const since = performance.now();
  await engine.run('docker stop countersign');
  const stopped = (performance.now() - since) / 1000;
  assert.equal((await inspect()).State.ExitCode, 0);
  await engine.run('docker start countersign');
  assert.equal(await engine.run(keys), before);
  const logs = await engine.run('docker logs countersign');
  for (const line of logs.trim().split('\n')) assert.ok(JSON.parse(line).msg);
  await engine.run('docker rm --force --volumes countersign');
  return (
    'alone: healthy, as 10001 without a capability on a read-only file system; ' +
    `stopped with exit code 0 in ${stopped.toFixed(1)} s and started with the same key`
  );
}

async function healthy(inspect) {
  const deadline = Date.now() + 60_000;
  while ((await inspect()).State.Health.Status !== 'healthy') {
    assert.ok(Date.now() < deadline, 'the container is not healthy within a minute');
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}
