import { createPublicKey, generateKeyPairSync, sign, verify } from 'node:crypto';
import { openStorage } from '@countersign/auth-server';
import { timed } from './timed.js';

/** What two checks, one signature and one shared commit allow on one thread, per second. */
export async function limit(url) {
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
