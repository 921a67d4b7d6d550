import { createPublicKey, generateKeyPairSync, sign, verify } from 'node:crypto';
import { openStorage } from '@countersign/auth-server';
import { postgres, sqlite } from '../../scripts/check-kill/databases.js';
import { median } from '../measure.js';
import { startOwn } from './own-load.js';
import { startPeer } from './peer-load.js';

/** Runs `work` with `inFlight` calls under way; calls per second, and how long they took. */
async function timed(work, { inFlight, milliseconds }) {
  const took = [];
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
  took.sort((one, other) => one - other);
  const at = (share) => took[Math.floor((took.length - 1) * share)] ?? NaN;
  return { perSecond, p50: at(0.5), p99: at(0.99) };
}

/** Alternating rounds of one kind of work at ours and at the peer; medians of each. */
async function compared(own, peer, settings, rounds) {
  const results = { own: [], peer: [] };
  for (let round = 0; round <= rounds; round++) {
    const theirs = peer === undefined ? undefined : await timed(peer, settings);
    const ours = await timed(own, settings);
    // The first one warms up.
    if (round === 0) continue;
    results.own.push(ours);
    if (theirs !== undefined) results.peer.push(theirs);
  }
  const middle = (list, name) => (list.length === 0 ? NaN : median(list.map((one) => one[name])));
  return {
    perSecond: middle(results.own, 'perSecond'),
    p50: middle(results.own, 'p50'),
    p99: middle(results.own, 'p99'),
    peer: middle(results.peer, 'perSecond'),
  };
}

/** What two checks, one signature and one shared commit allow on one thread, per second. */
async function limit(url) {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const data = Buffer.alloc(600, 'x');
  const key = createPublicKey(publicKey.export({ format: 'pem', type: 'spki' }));
  const signature = sign(null, data, privateKey);
  const begun = performance.now();
  for (let turn = 0; turn < 500; turn++) {
    verify(null, data, key, signature);
    verify(null, data, key, signature);
    sign(null, data, privateKey);
  }
  const crypto = (performance.now() - begun) / 500;
  const storage = await openStorage(url);
  const now = Math.floor(Date.now() / 1000);
  let count = 0;
  const settings = { inFlight: 16, milliseconds: 500 };
  const { perSecond } = await timed(async () => {
    const name = `limit ${now} ${count++}`;
    await storage.replay.remember(
      { key: name, owner: 'o', created: now, expiresAt: now + 60 },
      now,
    );
  }, settings);
  await storage.close();
  return 1000 / (crypto + 1000 / perSecond);
}

function print(title, rows, most) {
  console.log(`\n${title}; the limit of two checks, one signature, one shared commit: ${most}`);
  console.log(
    `${'case'.padEnd(36)}${'per second'.padStart(11)}${'p50 ms'.padStart(9)}${'p99 ms'.padStart(9)}` +
      `${'peer'.padStart(8)}${'ratio'.padStart(7)}`,
  );
  for (const [name, { perSecond, p50, p99, peer }] of rows) {
    const ratio = Number.isNaN(peer) ? '' : (perSecond / peer).toFixed(2);
    const beside = Number.isNaN(peer) ? '' : peer.toFixed(0);
    console.log(
      `${name.padEnd(36)}${perSecond.toFixed(0).padStart(11)}${p50.toFixed(1).padStart(9)}` +
        `${p99.toFixed(1).padStart(9)}${beside.padStart(8)}${ratio.padStart(7)}`,
    );
  }
}

/** Tokens and whole flows of the auth server as the command runs it, beside `oidc-provider` in memory. */
export async function authServer({ rounds, milliseconds }) {
  const peer = await startPeer();
  try {
    for (const [name, open, replicas] of [
      ['SQLite', sqlite, 1],
      ['PostgreSQL, one replica', postgres, 1],
      ['PostgreSQL, two replicas', postgres, 2],
    ]) {
      const database = await open();
      const own = await startOwn(database, replicas);
      try {
        const most = (await limit(database.url)).toFixed(0);
        const rows = [];
        const row = async (title, work, beside, inFlight) => {
          const result = await compared(work, beside, { inFlight, milliseconds }, rounds);
          rows.push([`${title}, ${inFlight} in flight`, result]);
        };
        for (const inFlight of [1, 16]) {
          await row('auth: request token', own.ask, peer.direct, inFlight);
          await row('auth: granted directly', own.direct, peer.direct, inFlight);
          await row('refresh', own.refresh, peer.direct, inFlight);
          const codes = await own.codes(inFlight === 1 ? 300 : 600);
          const redeemed = await timed(
            async () => {
              const next = codes.pop();
              if (next === undefined) return 'no more';
              return await own.redeem(...next);
            },
            { inFlight, milliseconds: 60_000 },
          );
          rows.push([`code, ${inFlight} in flight`, { ...redeemed, peer: NaN }]);
        }
        for (const users of [1, 8]) {
          const ours = own.people.slice(0, users).map((person) => own.flows(person));
          const theirs = ours.map((_, lane) => peer.flows(`person${lane}`));
          await row(
            `whole flows, ${users} user${users === 1 ? '' : 's'}`,
            (lane) => ours[lane](),
            (lane) => theirs[lane](),
            users,
          );
        }
        print(name, rows, most);
        console.log(
          `start to first answer ${own.start.toFixed(0)} ms, resident memory ${own.memory().toFixed(0)} MiB`,
        );
      } finally {
        await own.stop();
        await database.stop();
      }
    }
  } finally {
    peer.stop();
  }
}
