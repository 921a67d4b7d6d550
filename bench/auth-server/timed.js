/** Rounds of calls under way at once: how many were answered, how long each took, and what that cost in processor time. */
import { median } from '../measure.js';
import { processorTime } from './processor-time.js';

/** Until there are as many connections as calls in flight; what they run is warm by then. */
const WARM_MILLISECONDS = 300;

function ownTime() {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

/**
 * Runs `work` with `inFlight` calls under way; calls per second, how long they took, and milliseconds of processor time a
 * call: of the server's processes (`cost`) and of this one, which makes the calls (`load`).
 */
export async function timed(work, { inFlight, milliseconds, pids }) {
  const took = [];
  const costBefore = processorTime(pids);
  const loadBefore = ownTime();
  const started = performance.now();
  const end = started + milliseconds;
  const lanes = Array.from({ length: inFlight }, async (_, lane) => {
    while (performance.now() < end) {
      const begun = performance.now();
      if ((await work(lane)) === 'no more') return;
      took.push(performance.now() - begun);
    }
  });
  await Promise.all(lanes);
  const perSecond = (took.length / (performance.now() - started)) * 1000;
  const cost = (processorTime(pids) - costBefore) / took.length;
  const load = (ownTime() - loadBefore) / took.length;
  took.sort((one, other) => one - other);
  const at = (share) => took[Math.floor((took.length - 1) * share)] ?? NaN;
  return { perSecond, p50: at(0.5), p99: at(0.99), cost, load };
}

/** Alternating rounds of one kind of work at ours and at the peer, which are both warm; medians of each. */
export async function compared(own, peer, { rounds, ...settings }) {
  const warm = { ...settings, milliseconds: WARM_MILLISECONDS };
  const one = (side) => timed(side.work, { ...settings, pids: side.pids });
  for (const side of [peer, own]) await timed(side.work, { ...warm, pids: side.pids });
  const results = { own: [], peer: [] };
  for (let round = 0; round < rounds; round++) {
    results.peer.push(await one(peer));
    results.own.push(await one(own));
  }
  const middle = (list, name) => median(list.map((result) => result[name]));
  return {
    ...Object.fromEntries(
      ['perSecond', 'p50', 'p99', 'cost', 'load'].map((name) => [name, middle(results.own, name)]),
    ),
    peer: middle(results.peer, 'perSecond'),
    peerCost: middle(results.peer, 'cost'),
    peerLoad: middle(results.peer, 'load'),
  };
}
