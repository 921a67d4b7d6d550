import { timed } from './timed.js';

/**
 * Until what runs often has been compiled: the first hundreds of flows cost a server twice what the later ones do. Once for
 * each server, ours and the peer, equally long; `calls` at 16 in flight, then `flows`, of which each is one user's.
 */
export async function warmUp({ calls, flows }, { callMilliseconds, flowMilliseconds }) {
  for (const call of calls) {
    const milliseconds = callMilliseconds / calls.length;
    await timed(call, { inFlight: 16, milliseconds, pids: [] });
  }
  const settings = { inFlight: flows.length, milliseconds: flowMilliseconds, pids: [] };
  await timed((lane) => flows[lane](), settings);
}
