import { createPublicKey, generateKeyPairSync, sign, verify } from 'node:crypto';
import { cpSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { openStorage } from '@countersign/auth-server';
import { bundle } from '../../scripts/bundle.js';
import { makeCodeCache } from '../../scripts/code-cache.js';
import { root } from '../../scripts/run.js';
import { postgres, sqlite } from '../../scripts/check-kill/databases.js';
import { startOwn } from './own-load.js';
import { startPeer } from './peer-load.js';
import { compared, timed } from './timed.js';

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
  const settings = { inFlight: 16, milliseconds: 500, pids: [] };
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

const WARM_MILLISECONDS = 2_000;

const COLUMNS = [
  ['perSecond', 'per second', 11, 0],
  ['p50', 'p50 ms', 8, 1],
  ['p99', 'p99 ms', 8, 1],
  ['peer', 'peer', 7, 0],
  ['ratio', 'ratio', 6, 2],
  ['cost', 'CPU ms', 8, 2],
  ['peerCost', 'peer', 6, 2],
  ['load', 'load', 6, 2],
];

function print(title, rows, most) {
  console.log(`\n${title}; the limit of two checks, one signature, one shared commit: ${most}`);
  const line = (name, cells) => console.log(name.padEnd(34) + cells.join(''));
  line(
    'case',
    COLUMNS.map(([, heading, width]) => heading.padStart(width)),
  );
  for (const [name, result] of rows) {
    const all = { ...result, ratio: result.perSecond / result.peer };
    const shown = (value, digits) => (value >= 0 ? value.toFixed(digits) : '');
    line(
      name,
      COLUMNS.map(([key, , width, digits]) => shown(all[key], digits).padStart(width)),
    );
  }
}

/** Tokens and whole flows of the auth server as the command runs it, beside `oidc-provider` in memory. */
export async function authServer({ rounds, milliseconds }) {
  // As it is staged.
  const packed = join(root, 'packages/cli/.bench');
  const command = join(packed, 'bin/countersign.js');
  await bundle(join(packed, 'program'));
  for (const part of ['bin', 'package.json']) {
    cpSync(join(root, 'packages/cli', part), join(packed, part), { recursive: true });
  }
  makeCodeCache(packed);
  const peer = await startPeer();
  console.log(
    "\nCPU ms: processor time of the server for each call, and the peer's; load: that of the process which makes the calls and" +
      '\nsigns them, on the same cores: no more than 1000 / load are made in a second, whatever the server could answer.',
  );
  try {
    for (const [name, open, replicas] of [
      ['SQLite', sqlite, 1],
      ['PostgreSQL, one replica', postgres, 1],
      ['PostgreSQL, two replicas', postgres, 2],
    ]) {
      const database = await open();
      const own = await startOwn(database, replicas, command);
      try {
        const most = (await limit(database.url)).toFixed(0);
        const rows = [];
        const row = async (title, work, beside, inFlight) => {
          const result = await compared(
            { work, pids: own.pids },
            { work: beside, pids: [peer.pid] },
            { inFlight, milliseconds, rounds },
          );
          rows.push([`${title}, ${inFlight} in flight`, result]);
        };
        // One call at a time is measured first, and takes too long to warm a server up; the peer has been since the first.
        for (const work of [own.ask, own.direct, own.refresh]) {
          await timed(work, { inFlight: 16, milliseconds: WARM_MILLISECONDS, pids: own.pids });
        }
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
            { inFlight, milliseconds: 60_000, pids: own.pids },
          );
          rows.push([`code, ${inFlight} in flight`, redeemed]);
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
    rmSync(packed, { recursive: true, force: true });
  }
}
