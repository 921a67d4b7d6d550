/**
 * Kills the auth server at random moments under load, on both databases, and checks after each start that every answer
 * it has given still holds: `npm run check:kill -- --kills 100 --database sqlite --seed 7`. On PostgreSQL two replicas
 * run, of which one goes on; and now and then the database is what is killed.
 */
import { parseArgs } from 'node:util';
import { build } from './run.js';

const { values } = parseArgs({
  options: {
    kills: { type: 'string', default: '100' },
    seed: { type: 'string', default: `${Math.floor(Math.random() * 1e9)}` },
    database: { type: 'string' },
  },
});
const kills = Number(values.kills);
const seed = Number(values.seed);
if (!(kills >= 1) || !Number.isSafeInteger(seed)) {
  console.error('--kills and --seed are whole numbers.');
  process.exit(2);
}
build();
const { postgres, sqlite, freePort } = await import('./check-kill/databases.js');
const { startAgent, startResource } = await import('./check-kill/parties.js');
const { ServerProcess } = await import('./check-kill/server-process.js');
const { World } = await import('./check-kill/world.js');

const databases = { sqlite, postgres };
const names = values.database === undefined ? Object.keys(databases) : [values.database];

/** Numbers from 0 to 1 that follow from the seed (mulberry32). */
function randomFrom(start) {
  let state = start >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const sleep = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

async function check(name) {
  const random = randomFrom(seed);
  const database = await databases[name]();
  const ports = [];
  for (let index = 0; index < database.replicas; index++) ports.push(await freePort());
  const issuer = `http://127.0.0.1:${ports[0]}`;
  const replicas = ports.map((port) => new ServerProcess({ port, issuer, database: database.url }));
  const resource = await startResource();
  const agents = await Promise.all(Array.from({ length: 4 }, () => startAgent(issuer, resource)));
  const world = new World({ issuer, agents, replicas, url: database.url, random });
  const downtimes = [];
  let killed = 0;
  let crashes = 0;
  try {
    await world.openStorage();
    await Promise.all(replicas.map((replica) => replica.start()));
    await world.signIn();
    const loops = [
      ...Array.from({ length: 6 }, () => world.loop(() => world.consent())),
      ...Array.from({ length: 2 }, () => world.loop(() => world.refresh())),
      world.loop(() => world.administrate()),
    ];
    while (killed < kills) {
      world.resume();
      // With all that a server looks up first behind it, at any moment of the work that follows.
      await world.approvals(2);
      await sleep(random() * 300);
      killed += 1;
      if (database.crash !== undefined && killed % 25 === 0) {
        crashes += 1;
        world.pause();
        await database.crash();
        await world.settled();
        await answering(replicas);
      } else {
        const victim = replicas[Math.floor(random() * replicas.length)];
        world.pause();
        await victim.kill();
        const started = performance.now();
        const [took] = await Promise.all([victim.start(), world.settled()]);
        downtimes.push(took);
        if (performance.now() - started > 30_000)
          throw new Error('requests did not come to an end');
      }
      await world.verify();
      if (killed % 10 === 0) console.log(`${name}: ${killed} of ${kills} kills, all is well`);
    }
    world.stopped = true;
    world.resume();
    await Promise.all(loops);
  } catch (error) {
    console.error(`\n${name}: after ${killed} kills, with --seed ${seed}: ${error.message}`);
    for (const { output, port } of replicas) console.error(`\nserver at port ${port}:\n${output}`);
    world.stopped = true;
    process.exitCode = 1;
  } finally {
    await Promise.allSettled(replicas.map((replica) => replica.kill()));
    await world.storage?.close();
    for (const party of [resource, ...agents]) party.stop();
    await database.stop();
  }
  downtimes.sort((one, other) => one - other);
  const at = (share) => downtimes[Math.floor((downtimes.length - 1) * share)]?.toFixed(0);
  console.log(
    `${name}: ${killed} kills${crashes > 0 ? ` (${crashes} of the database)` : ''}, ` +
      `from start to first answer ${at(0.5)} ms, at most ${at(1)} ms`,
  );
  for (const [what, count] of Object.entries(world.counts)) {
    console.log(`  ${String(count).padStart(7)} ${what}`);
  }
}

/** Waits until each of them can use the database again, by itself. */
async function answering(replicas) {
  const { send } = await import('./check-kill/server-process.js');
  const deadline = performance.now() + 20_000;
  for (const { port, issuer } of replicas) {
    const path = '/agent/auth?request_token=unknown&redirect_uri=https%3A%2F%2Fagent.example%2F';
    for (;;) {
      const answer = await send(port, 'GET', path, [['Host', new URL(issuer).host]]).catch(
        () => undefined,
      );
      if (answer !== undefined && answer.status < 500) break;
      if (performance.now() > deadline) throw new Error('a server does not recover by itself');
      await sleep(50);
    }
  }
}

console.log(`Seed ${seed}`);
for (const name of names) await check(name);
process.exit();
