/**
 * An API that calls another API for the person it was called for. One process is both: a resource to its callers and an
 * agent to the API it calls, with one identifier and one key set. `countersign keygen report-keys.json` makes the keys
 * file; docs/flows/token-exchange.md has the rule that the auth server's policy needs.
 */
import { serve } from '@hono/node-server';
import { createAgent } from '@countersign/agent';
import { isAAuthError, loadKeySet } from '@countersign/protocol';
import { createResource } from '@countersign/resource';
import { aauth, resourceRoutes } from '@countersign/resource/hono';
import { sqliteReplayStore } from '@countersign/resource/sqlite';
import { Hono } from 'hono';
import { readFile } from 'node:fs/promises';

const id = process.env['API_URL'] ?? 'https://reports.example';
const keys = await loadKeySet(JSON.parse(await readFile('report-keys.json', 'utf8')));

const resource = createResource({
  id,
  keys,
  authServers: ['https://auth.example'],
  scopes: { 'report.read': 'Read your reports, which are made from your notes' },
  replay: sqliteReplayStore('replay.db'),
});

// Nobody sits beside an API: what it cannot exchange it does not get.
const agent = createAgent({ id, keys, name: 'Reports', interaction: { mode: 'none' } });

const app = new Hono();
app.use(resourceRoutes(resource));
app.get('/report', aauth(resource, { scopes: ['report.read'] }), async (c) => {
  const access = c.get('access');
  try {
    const notes = await agent.onBehalfOf(access).fetch('https://api.example/notes');
    if (!notes.ok) return c.json({ error: 'The notes are not to be had.' }, 502);
    return c.json({ of: access.subject, askedBy: access.agent, notes: await notes.json() });
  } catch (error) {
    // The policy has no rule, or the person has withdrawn their approval since.
    if (isAAuthError(error, 'access_denied') || isAAuthError(error, 'invalid_token')) {
      return c.json({ error: 'The notes may not be read for you.' }, 403);
    }
    throw error;
  }
});
// What it publishes as an agent: /.well-known/aauth-agent.
app.notFound(async (c) => (await agent.handle(c.req.raw)) ?? c.text('Not found', 404));

serve({ fetch: app.fetch, port: 8004 });
