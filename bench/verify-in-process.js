import { sodiumVerifier } from '@countersign/httpsig/sodium';
import { createResource, memoryReplayStore } from '@countersign/resource';
import { compare, printTable, throughput } from './measure.js';
import {
  authorizedRequest,
  bareVerification,
  bareVerificationHere,
  bareWebCrypto,
  ISSUER,
  makeKeys,
  now,
  RESOURCE,
  SCOPES,
  warmDiscovery,
} from './parties.js';

/** An authorized request verified in process, its token remembered, against one bare check of the same bytes. */
export async function verifyInProcess({ rounds, milliseconds }) {
  const keys = await makeKeys();
  const discovery = await warmDiscovery(keys);
  const make = (more) =>
    createResource({
      replay: memoryReplayStore({ clock: now, nothingBeforeStart: true }),
      id: RESOURCE,
      keys: keys.resource,
      authServers: [ISSUER],
      scopes: SCOPES,
      insecureLoopback: true,
      discovery,
      ...more,
    });
  const plain = make({});
  const sodium = make({ verifySignature: sodiumVerifier() });
  const requirement = { scopes: Object.keys(SCOPES) };
  const cases = [
    ['50 in flight / WebCrypto', 50, bareWebCrypto, plain],
    ['50 in flight / thread pool', 50, bareVerification, plain],
    ['50 in flight, libsodium / thread pool', 50, bareVerification, sodium],
    ['one at a time / main thread', 1, bareVerificationHere, plain],
    ['one at a time, libsodium / main thread', 1, bareVerificationHere, sodium],
    ['one at a time / WebCrypto', 1, bareWebCrypto, plain],
  ];
  const rows = [];
  for (const [name, inFlight, makeBare, resource] of cases) {
    const bare = await makeBare(keys);
    const result = await compare({
      rounds,
      baseline: () =>
        throughput(
          async () => {
            if (!(await bare())) throw new Error('not valid');
          },
          { inFlight, milliseconds },
        ),
      subject: async () => {
        // The signature stays fresh for a minute: sign anew for each round.
        const message = await authorizedRequest(keys);
        return await throughput(
          async () => {
            const outcome = await resource.verify(message, requirement);
            if (outcome.type !== 'access') throw new Error(`no access: ${outcome.error?.rule}`);
          },
          { inFlight, milliseconds },
        );
      },
    });
    rows.push({ name, ...result });
  }
  printTable(
    'Authorized request verified in process, against one bare Ed25519 check of the same bytes',
    'per second',
    rows,
  );
}
