/** One database, so many kills, and after each of them everything that must be true. */
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '../free-port.js';
import { openDatabases } from './databases.js';
import { startAgent, startResource } from './parties.js';
import { verifyPromises } from './promises.js';
import { randomFrom } from './random.js';
import { send, ServerProcess } from './server-process.js';
import { World } from './world.js';

const AGENTS = 4;
const CRASH_EVERY = 25;
const SETTLED_WITHIN_MILLISECONDS = 30_000;
const RECOVERED_WITHIN_MILLISECONDS = 20_000;

/**
 * Returns `{ kills, crashes, downtimes, counts, failure }`, the last one undefined when all promises were kept. With a
 * `breakage` the server is one that breaks them.
 */
export async function runCheck({ name, kills, seed, breakage, onProgress = () => undefined }) {
  const run = { kills: 0, crashes: 0, downtimes: [], counts: {}, failure: undefined };
  const database = await openDatabases[name]();
  const stage = await setStage(database, seed, breakage);
  const { world, replicas } = stage;
  run.counts = world.counts;
  try {
    await world.addPeople();
    await Promise.all(replicas.map((replica) => replica.start()));
    await world.signIn();
    const loops = [
      ...Array.from({ length: 6 }, () => world.loop(() => world.consent())),
      ...Array.from({ length: 2 }, () => world.loop(() => world.refreshOne())),
      world.loop(() => world.administrate()),
    ];
    while (run.kills < kills) {
      await killOnce(run, stage, database);
      await verifyPromises(world);
      onProgress(run.kills);
    }
    world.stopped = true;
    world.resume();
    await Promise.all(loops);
  } catch (error) {
    run.failure = error;
    run.report = report(error, stage);
    world.stopped = true;
  } finally {
    await Promise.allSettled(replicas.map((replica) => replica.kill()));
    stage.stop();
    await database.stop();
  }
  return run;
}

async function setStage(database, seed, breakage) {
  const random = randomFrom(seed);
  const ports = [];
  for (let index = 0; index < database.replicas; index++) ports.push(await freePort());
  const issuer = `http://127.0.0.1:${ports[0]}`;
  const { url } = database;
  const replicas = ports.map(
    (port) => new ServerProcess({ port, issuer, database: url, breakage }),
  );
  const resource = await startResource();
  const agents = [];
  for (let index = 0; index < AGENTS; index++) agents.push(await startAgent(issuer, resource));
  const world = new World({ issuer, agents, replicas, url, random });
  const stop = () => {
    for (const party of [resource, ...agents]) party.stop();
  };
  return { world, replicas, random, stop };
}

async function killOnce(run, { world, replicas, random }, database) {
  world.resume();
  // With all that a server looks up first behind it, at any moment of the work that follows.
  await world.approvals(2);
  await sleep(random() * 300);
  if (database.cutPower !== undefined) await world.holdAdministration();
  run.kills += 1;
  world.pause();
  if (database.crash !== undefined && run.kills % CRASH_EVERY === 0) {
    run.crashes += 1;
    world.history.note(`kill ${run.kills}: the database crashes`);
    await database.crash();
    await settled(world);
    await Promise.all(replicas.map(answering));
  } else {
    const victim = replicas[Math.floor(random() * replicas.length)];
    world.history.note(`kill ${run.kills}: the server at port ${victim.port}`);
    await victim.kill();
    if (database.cutPower !== undefined) await cutPower(world, random, database);
    const [took] = await Promise.all([victim.start(), settled(world)]);
    run.downtimes.push(took);
  }
  world.history.note(`after kill ${run.kills} all is up again`);
}

/** With nothing left that has the database open: no operator is at work then. */
async function cutPower(world, random, database) {
  await settled(world);
  const { unsynced, lost } = database.cutPower(random);
  world.history.note(
    `the power was cut: of ${unsynced} sectors that were not synced ${lost} are lost`,
  );
  world.count('sectors not synced when the power was cut', unsynced);
  world.count('sectors lost', lost);
  world.releaseAdministration();
}

async function settled(world) {
  const ending = new AbortController();
  const late = sleep(SETTLED_WITHIN_MILLISECONDS, undefined, { signal: ending.signal }).then(
    () => {
      throw new Error('requests do not come to an end');
    },
    () => undefined,
  );
  await Promise.race([world.settled(), late]);
  ending.abort();
}

/** Waits until it can use the database again, by itself. */
async function answering({ port, issuer }) {
  const deadline = performance.now() + RECOVERED_WITHIN_MILLISECONDS;
  const path = '/agent/auth?request_token=unknown&redirect_uri=https%3A%2F%2Fagent.example%2F';
  for (;;) {
    const answer = await send(port, 'GET', path, [['Host', new URL(issuer).host]]).catch(
      () => undefined,
    );
    if (answer !== undefined && answer.status < 500) return;
    if (performance.now() > deadline) throw new Error('a server does not recover by itself');
    await sleep(50);
  }
}

function report(error, { world, replicas }) {
  const lines = replicas.map(({ port, output }) => `The server at port ${port} wrote:\n${output}`);
  if (error.story !== undefined)
    lines.unshift(`What led to it:\n${world.history.tell(error.story)}`);
  if (error.constructor === Error) lines.unshift(error.stack);
  return lines.join('\n');
}
