import { cpus } from 'node:os';
import { postgres, sqlite } from '../../scripts/check-kill/databases.js';
import { limit } from './limit.js';
import { startOwn } from './own-load.js';
import { withPackedCommand } from './packed-command.js';
import { startPeer } from './peer-load.js';
import { LEGEND, printTable } from './table.js';
import { compared, timed } from './timed.js';
import { warmUp } from './warm-up.js';

const USERS = 8;

/** Calls at ours, each beside the token that the peer issues. */
async function tokenRows({ own, beside }, inFlight, codeCount) {
  const rows = [];
  for (const [title, work] of [
    ['auth: request token', own.ask],
    ['auth: granted directly', own.direct],
    ['refresh', own.refresh],
  ]) {
    rows.push([`${title}, ${inFlight} in flight`, await beside(work, inFlight)]);
  }
  const codes = await own.codes(codeCount);
  const redeemed = await timed(
    async () => {
      const next = codes.pop();
      if (next === undefined) return 'no more';
      return await own.redeem(...next);
    },
    { inFlight, milliseconds: 60_000, pids: own.pids },
  );
  rows.push([`code, ${inFlight} in flight`, redeemed]);
  return rows;
}

async function measured(own, peer, peerFlows, settings) {
  const ownSide = (work) => ({ work, pids: own.pids });
  const peerSide = (work) => ({ work, pids: [peer.pid] });
  const flows = own.people.map((person) => own.flows(person));
  await warmUp({ calls: [own.ask, own.direct, own.refresh], flows }, settings);
  const beside = (work, inFlight) =>
    compared(ownSide(work), peerSide(peer.direct), { ...settings, inFlight });
  const rows = [];
  for (const inFlight of [1, 16]) {
    rows.push(...(await tokenRows({ own, beside }, inFlight, settings.codes * (inFlight + 15))));
  }
  for (const users of [1, USERS]) {
    const result = await compared(
      ownSide((lane) => flows[lane]()),
      peerSide((lane) => peerFlows[lane]()),
      { ...settings, inFlight: users },
    );
    rows.push([`whole flows, ${users} user${users === 1 ? '' : 's'}`, result]);
  }
  return rows;
}

async function onDatabase({ name, open, replicas }, { command, peer, peerFlows }, settings) {
  const database = await open();
  try {
    const own = await startOwn(database, replicas, command);
    try {
      const most = (await limit(database.url)).toFixed(0);
      const rows = await measured(own, peer, peerFlows, settings);
      printTable(
        `${name}; the limit of two checks, one signature, one shared commit: ${most}/s`,
        rows,
      );
      const [start, memory] = [own.start, own.memory()].map((value) => value.toFixed(0));
      console.log(`start to first answer ${start} ms, resident memory ${memory} MiB`);
    } finally {
      await own.stop();
    }
  } finally {
    await database.stop();
  }
}

/** Tokens and whole flows of the auth server as the command runs it, beside `oidc-provider` in memory. */
export async function authServer({ quick, rounds, milliseconds }) {
  const settings = {
    rounds,
    milliseconds,
    callMilliseconds: quick ? 1_500 : 6_000,
    flowMilliseconds: quick ? 1_500 : 8_000,
    codes: quick ? 5 : 20,
  };
  console.log(`\nAuth server: medians of ${rounds} rounds, ours and the peer's in turn\n${LEGEND}`);
  const peer = await startPeer();
  const peerFlows = Array.from({ length: USERS }, (_, lane) => peer.flows(`person${lane}`));
  try {
    await warmUp({ calls: [peer.direct], flows: peerFlows }, settings);
    await withPackedCommand(async (command) => {
      for (const database of [
        { name: 'SQLite', open: sqlite, replicas: 1 },
        { name: 'PostgreSQL, one replica', open: postgres, replicas: 1 },
        {
          name: `PostgreSQL, two replicas, all on the same ${cpus().length} cores`,
          open: postgres,
          replicas: 2,
        },
      ]) {
        await onDatabase(database, { command, peer, peerFlows }, settings);
      }
    });
  } finally {
    peer.stop();
  }
}
