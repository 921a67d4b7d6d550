/**
 * A search that is open to everyone, and more generous to those who prove more; one server, or several on PostgreSQL.
 * `countersign keygen resource-keys.json` makes the keys file.
 */
import { serve } from '@hono/node-server';
import { loadKeySet } from '@countersign/protocol';
import { createResource, memoryRateLimitStore, type OpenAccess } from '@countersign/resource';
import { aauth, resourceRoutes } from '@countersign/resource/hono';
import { postgresRateLimitStore } from '@countersign/resource/postgres';
import { sqliteReplayStore } from '@countersign/resource/sqlite';
import { Hono } from 'hono';
import { readFile } from 'node:fs/promises';
import pg from 'pg';

const database = process.env['DATABASE_URL'];

const resource = createResource({
  id: process.env['API_URL'] ?? 'https://api.example',
  keys: await loadKeySet(JSON.parse(await readFile('resource-keys.json', 'utf8'))),
  authServers: ['https://auth.example'],
  scopes: { 'search.personal': 'Search what you have saved' },
  replay: sqliteReplayStore('replay.db'),
  rateLimits:
    database === undefined
      ? memoryRateLimitStore()
      : await postgresRateLimitStore(new pg.Pool({ connectionString: database })),
  agents: { deny: ['https://spam.example'] },
});

const levels = {
  unsigned: { perMinute: 10 },
  // An office behind one address may have five agents that do not say who they are.
  signature: { perMinute: 100, perMinuteTogether: 500 },
  identity: { perMinute: 1_000 },
  authorization: { perMinute: 1_000, scopes: ['search.personal'] },
};

function results(access: OpenAccess): string[] {
  switch (access.level) {
    case 'unsigned':
    case 'signature':
      return ['what everybody finds'];
    case 'identity':
      return ['what everybody finds', `what ${access.agent} finds`];
    case 'authorization':
      return ['what everybody finds', `what ${access.subject ?? access.agent} has saved`];
  }
}

const app = new Hono();
app.use(resourceRoutes(resource));
app.get('/search', aauth(resource, { levels }), (c) => c.json(results(c.get('access'))));

serve({ fetch: app.fetch, port: 8002 });
