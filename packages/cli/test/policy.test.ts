/** Policy files and trust between two auth servers, each a process of its own, over real HTTP. */
import { createAgent } from '@countersign/agent';
import { type Clock, isAAuthError, memoryReplayStore, systemClock } from '@countersign/protocol';
import { createResource, type Resource } from '@countersign/resource';
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { DemoBrowser } from '../src/demo/browser.js';
import { temporaryKeys } from '../src/keys-file.js';
import { runHere } from './support/here.js';
import { party } from './support/party.js';
import { start } from './support/program.js';
import { freePort, newFile, ready, serveAuthServer } from './support/servers.js';

const clock: Clock = systemClock;
function policyFile(policy: object): string {
  const file = newFile('policy.json');
  writeFileSync(file, `${JSON.stringify(policy)}\n`);
  return file;
}

const api = async (id: string, authServer: string, scope: string): Promise<Resource> =>
  createResource({
    id,
    keys: await temporaryKeys('resource-key-1'),
    authServers: [authServer],
    scopes: { [scope]: 'Use it' },
    replay: memoryReplayStore({ clock }),
    insecureLoopback: true,
  });

const notFound = () => new Response(null, { status: 404 });

/** Each of these starts processes, whose time is the machine's. */
const TIME = { timeout: 60_000 };

describe('serve auth-server --policy', TIME, () => {
  it.each(['--policy', 'COUNTERSIGN_POLICY_FILE'])(
    'given as %s, grants an agent that a rule names, denies the others, and is in the trail',
    async (how) => {
      const [agentAt, otherAt, apiAt] = [await party(), await party(), await party()];
      const file = policyFile({
        otherwise: 'deny',
        access: [
          { agent: agentAt.id, audience: apiAt.id, scopes: ['data.read'], decision: 'grant' },
        ],
      });
      const port = await freePort();
      const url = `http://127.0.0.1:${port}`;
      const args = `serve auth-server --port ${port} --insecure-loopback`.split(' ');
      const database = ['--database', `sqlite:${newFile('policy.db')}`];
      const trail = ['audit', 'list', ...database, '--act', 'policy-changed'];
      const authServer =
        how === '--policy'
          ? start([...args, ...database, '--policy', file])
          : start([...args, ...database], { env: { [how]: file } });
      await ready(`${url}/.well-known/aauth-issuer`, authServer);
      const resource = await api(apiAt.id, url, 'data.read');
      const data = resource.guard({ scopes: ['data.read'] }, (_request, { subject }) =>
        Response.json({ subject: subject ?? null }),
      );
      apiAt.serve(async (request) => (await resource.handle(request)) ?? (await data(request)));
      const agentFor = async (at: typeof agentAt) => {
        const keys = await temporaryKeys('key-1');
        const interaction = { mode: 'none' } as const;
        const agent = createAgent({ id: at.id, keys, interaction, insecureLoopback: true });
        at.serve(async (request) => (await agent.handle(request)) ?? notFound());
        return agent;
      };
      const granted = await (await agentFor(agentAt)).fetch(`${apiAt.id}/data`);
      expect([granted.status, await granted.json()]).toEqual([200, { subject: null }]);
      const other = await agentFor(otherAt);
      await expect(other.fetch(`${apiAt.id}/data`)).rejects.toMatchObject({
        code: 'access_denied',
      });
      const version = createHash('sha256').update(readFileSync(file)).digest('hex');
      const { stdout } = await runHere(trail);
      expect(stdout).toMatch(new RegExp(`policy-changed +server: policy=sha256:${version}\n$`));
    },
  );
});

describe('serve auth-server --trust', TIME, () => {
  it('lets an API exchange tokens of the other auth server, as the rule says', async () => {
    const [agentAt, firstAt, secondAt] = [await party(), await party(), await party()];
    const homePort = await freePort();
    const homeUrl = `http://127.0.0.1:${homePort}`;
    const rule = {
      caller: firstAt.id,
      audience: secondAt.id,
      scopes: ['items.read'],
      trustedIssuer: homeUrl,
    };
    const policy = policyFile({ otherwise: 'deny', exchange: [rule] });
    const [home, away] = await Promise.all([
      serveAuthServer([], { port: homePort }),
      serveAuthServer(['--policy', policy, '--trust', homeUrl]),
    ]);

    const second = await api(secondAt.id, away.url, 'items.read');
    const items = second.guard({ scopes: ['items.read'] }, (_request, access) =>
      Response.json({ subject: access.subject ?? null, actors: access.actors }),
    );
    secondAt.serve(async (request) => (await second.handle(request)) ?? (await items(request)));

    const keys = await temporaryKeys('resource-key-1');
    const common = { id: firstAt.id, keys, insecureLoopback: true };
    const first = createResource({
      ...common,
      authServers: [home.url],
      scopes: { 'report.read': 'Read it', 'other.read': 'Read others' },
      replay: memoryReplayStore({ clock }),
    });
    const caller = createAgent({
      ...common,
      interaction: { mode: 'none' },
      exchangeAt: [away.url],
    });
    const report = first.guard({ scopes: ['report.read'] }, async (_request, access) => {
      try {
        return await caller.onBehalfOf(access).fetch(`${secondAt.id}/items`);
      } catch (error) {
        if (isAAuthError(error)) return Response.json({ error: error.code }, { status: 403 });
        throw error;
      }
    });
    firstAt.serve(
      async (request) =>
        (await first.handle(request)) ?? (await caller.handle(request)) ?? (await report(request)),
    );

    const person = new DemoBrowser({ username: 'testuser', password: 'testpass' });
    const agent = createAgent({
      id: agentAt.id,
      keys: await temporaryKeys('key-1'),
      insecureLoopback: true,
      interaction: { mode: 'wait', present: async ({ url }) => void (await person.visit(url)) },
    });
    agentAt.serve(async (request) => (await agent.handle(request)) ?? notFound());

    const response = await agent.fetch(`${firstAt.id}/report`);
    expect(response.status).toBe(200);
    expect(await response.json()).toEqual({
      subject: null,
      actors: [{ agent: agentAt.id, issuer: home.url }],
    });
  });
});
