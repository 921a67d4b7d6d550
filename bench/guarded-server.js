/** A server process with one guarded and one unguarded route, for `guarded-route.js`. */
import { serve } from '@hono/node-server';
import { createResource, memoryReplayStore } from '@countersign/resource';
import { aauth } from '@countersign/resource/hono';
import { Hono } from 'hono';
import {
  authorizedRequest,
  bareVerification,
  ISSUER,
  makeKeys,
  now,
  RESOURCE,
  SCOPES,
  warmDiscovery,
} from './parties.js';

const keys = await makeKeys();
const resource = createResource({
  replay: memoryReplayStore({ clock: now, nothingBeforeStart: true }),
  id: RESOURCE,
  keys: keys.resource,
  authServers: [ISSUER],
  scopes: SCOPES,
  insecureLoopback: true,
  discovery: await warmDiscovery(keys),
});
const answer = (c) => c.json({ message: 'Access granted' });
const app = new Hono();
app.get('/data-auth', aauth(resource, { scopes: Object.keys(SCOPES) }), answer);
app.get('/open', answer);

// The least that a guard can do: one check of one signature, of the same bytes as a guarded request's.
const bare = await bareVerification(keys);
app.get('/bare', async (c) => {
  if (!(await bare())) throw new Error('not valid');
  return answer(c);
});
const server = serve({ fetch: app.fetch, hostname: '127.0.0.1', port: 0 }, ({ port }) => {
  process.send({ port });
});
const sign = async () => {
  // The signature stays fresh for a minute: the load asks for a new one for each round.
  const { headers } = await authorizedRequest(keys);
  process.send({ headers });
};
process.on('message', (command) => {
  if (command === 'stop') server.close(() => process.exit(0));
  else void sign();
});
