/** An API in three levels, on Hono and Node. `countersign keygen resource-keys.json` makes the keys file. */
import { serve } from '@hono/node-server';
import { loadKeySet } from '@countersign/protocol';
import { createResource } from '@countersign/resource';
import { aauth, resourceRoutes } from '@countersign/resource/hono';
import { sqliteReplayStore } from '@countersign/resource/sqlite';
import { Hono } from 'hono';
import { readFile } from 'node:fs/promises';

const resource = createResource({
  id: process.env['API_URL'] ?? 'https://api.example',
  keys: await loadKeySet(JSON.parse(await readFile('resource-keys.json', 'utf8'))),
  authServers: ['https://auth.example'],
  scopes: { 'notes.read': 'Read your notes', 'notes.write': 'Change and delete your notes' },
  replay: sqliteReplayStore('replay.db'),
  onRefused: (error) => {
    console.error(error.code, error.rule, error.detail);
  },
});

const app = new Hono();
app.use(resourceRoutes(resource));
app.get('/time', aauth(resource, 'signature'), (c) => c.json({ now: new Date().toISOString() }));
app.get('/about', aauth(resource, 'identity'), (c) => c.json(c.get('access')));
app.get('/notes', aauth(resource, { scopes: ['notes.read'] }), (c) =>
  c.json({ of: c.get('access').subject }),
);
app.post('/notes', aauth(resource, { scopes: ['notes.write'] }), async (c) =>
  c.json({ saved: await c.req.json() }, 201),
);

serve({ fetch: app.fetch, port: 8002 });
