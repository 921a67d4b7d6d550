import { setTimeout as sleep } from 'node:timers/promises';
import { postgres } from '../../scripts/check-kill/databases.js';
import { median } from '../measure.js';
import { findControlGroups, holdEach } from './cpu-share.js';
import { startOwn } from './own-load.js';
import { withPackedCommand } from './packed-command.js';
import { processorTime } from './processor-time.js';
import { warmUp } from './warm-up.js';

const SHARE = 0.25;
const PERIOD_MICROSECONDS = 20_000;
const IN_FLIGHT = 32;
/** Each with a session of its own; all of them are as many as there are calls in flight otherwise. */
const BROWSERS_A_USER = 4;

const QUICK = {
  rounds: 1,
  settlingMilliseconds: 700,
  milliseconds: 1_500,
  callMilliseconds: 600,
  flowMilliseconds: 1_000,
};
const THOROUGH = {
  rounds: 3,
  settlingMilliseconds: 1_500,
  milliseconds: 4_000,
  callMilliseconds: 3_000,
  flowMilliseconds: 5_000,
};

/** What has been done and used at one moment. */
function snapshot(took, pids) {
  const used = pids.map((pid) => processorTime([pid]));
  return { at: performance.now(), done: took.length, used };
}

/**
 * One round through these replicas only. Counts what is answered while calls are in flight all the time: at a share of a core,
 * those of the beginning and the end would be half of a round.
 */
async function round(own, places, work, { inFlight, milliseconds, settlingMilliseconds }) {
  own.callOnly(places);
  const pids = places.map((place) => own.pids[place]);
  const took = [];
  let isOver = false;
  const lane = async (_, index) => {
    // Who begin together go on together, and end together or not at all while it is counted.
    await sleep((settlingMilliseconds * index) / inFlight);
    while (!isOver) {
      const begun = performance.now();
      await work(index);
      took.push(performance.now() - begun);
    }
  };
  const lanes = Promise.all(Array.from({ length: inFlight }, lane));
  const during = async (wanted) => await Promise.race([sleep(wanted), lanes]);
  await during(settlingMilliseconds);
  const before = snapshot(took, pids);
  await during(milliseconds);
  const after = snapshot(took, pids);
  isOver = true;
  await lanes;
  return summary(before, after, took.slice(before.done, after.done));
}

function summary(before, after, took) {
  const elapsed = after.at - before.at;
  const used = after.used.map((time, index) => time - before.used[index]);
  const times = took.toSorted((one, other) => one - other);
  const at = (share) => times[Math.floor((times.length - 1) * share)] ?? NaN;
  return {
    perSecond: (took.length / elapsed) * 1000,
    p50: at(0.5),
    p99: at(0.99),
    cost: used.reduce((sum, time) => sum + time, 0) / took.length,
    used: Math.min(...used) / (elapsed * SHARE),
  };
}

/** Alternating rounds with one replica, each in its turn, and with both. */
async function beside(own, work, { rounds, ...settings }) {
  const results = { one: [], two: [] };
  await round(own, [0, 1], work, settings);
  for (let turn = 0; turn < rounds; turn++) {
    results.one.push(await round(own, [turn % 2], work, settings));
    results.two.push(await round(own, [0, 1], work, settings));
  }
  const middle = (list) =>
    Object.fromEntries(
      ['perSecond', 'p50', 'p99', 'cost', 'used'].map((name) => [
        name,
        median(list.map((result) => result[name])),
      ]),
    );
  return { one: middle(results.one), two: middle(results.two) };
}

const COLUMNS = [
  ['/s', 'perSecond', 7, 0],
  ['p50 ms', 'p50', 8, 0],
  ['p99 ms', 'p99', 8, 0],
  ['CPU ms', 'cost', 8, 2],
  ['used', 'used', 7, 2],
];

function printRow(name, cells, ratio) {
  console.log(name.padEnd(44) + cells.join('') + ratio.padStart(9));
}

function printHead({ rounds }) {
  console.log(`
Two replicas beside one on PostgreSQL, each held to ${SHARE * 100} % of a core in periods of ${PERIOD_MICROSECONDS / 1000} ms, so that the database and
the load have what they need; medians of ${rounds} rounds of each, in turn. CPU ms: of the replicas, a call. used: of its share, by the
replica that used less: at 1, the replicas and nothing else set the limit. Eight users with one browser each
have eight calls in flight, with which one of two replicas has nothing to do at times.`);
  const headings = COLUMNS.map(([heading, , width]) => heading.padStart(width));
  const group = (title) => `  ${title} `.padEnd(38, '-');
  console.log(`${' '.repeat(44)}${group('one replica')}${group('two replicas')}`);
  printRow('case', [...headings, ...headings], 'two/one');
}

function printResult(name, { one, two }) {
  const cells = [one, two].flatMap((result) =>
    COLUMNS.map(([, key, width, digits]) => result[key].toFixed(digits).padStart(width)),
  );
  printRow(name, cells, (two.perSecond / one.perSecond).toFixed(2));
}

async function measured(own, groups, settings) {
  const browsers = own.people.flatMap((person) =>
    Array.from({ length: BROWSERS_A_USER }, () => own.flows(person)),
  );
  // Everybody signs in meanwhile; with the whole of the cores, since a password takes more than a share gives in a second.
  for (const places of [[0], [1], [0, 1]]) {
    own.callOnly(places);
    await warmUp({ calls: [own.ask, own.direct, own.refresh], flows: browsers }, settings);
  }
  const release = holdEach(own.pids, groups, SHARE, PERIOD_MICROSECONDS);
  try {
    printHead(settings);
    for (const [name, work] of [
      ['auth: request token', own.ask],
      ['auth: granted directly', own.direct],
      ['refresh', own.refresh],
    ]) {
      const result = await beside(own, work, { ...settings, inFlight: IN_FLIGHT });
      printResult(`${name}, ${IN_FLIGHT} in flight`, result);
    }
    for (const each of [1, BROWSERS_A_USER]) {
      const flows = browsers.filter((_, index) => index % BROWSERS_A_USER < each);
      const result = await beside(own, (lane) => flows[lane](), {
        ...settings,
        inFlight: flows.length,
      });
      const title = `whole flows, ${own.people.length} users`;
      printResult(each === 1 ? title : `${title} with ${each} browsers each`, result);
    }
  } finally {
    release();
  }
}

/** What a second replica adds where there is a core for it. Says why when that cannot be arranged here. */
export async function replicas({ quick }) {
  const groups = findControlGroups();
  const notMeasured = (reason) =>
    console.log(`\nTwo replicas beside one: not measured, since ${reason}`);
  if (groups.reason !== undefined) {
    notMeasured(`each has to be held to a share of a core, and ${groups.reason}`);
    return;
  }
  const settings = quick ? QUICK : THOROUGH;
  await withPackedCommand(async (command) => {
    const database = await postgres();
    try {
      const own = await startOwn(database, 2, command);
      try {
        await measured(own, groups, settings);
      } finally {
        await own.stop();
      }
    } finally {
      await database.stop();
    }
  });
}
