import { type Agent, createAgent, type Interaction } from '@countersign/agent';
import { alwaysAskPerson, createAuthServer, openStorage } from '@countersign/auth-server';
import type { AAuthError } from '@countersign/protocol';
import { createResource } from '@countersign/resource';
import { sqliteReplayStore } from '@countersign/resource/sqlite';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { demonstrationLine } from '../http/access-line.js';
import { type Listening, listen, type NodeHandler } from '../http/listen.js';
import { temporaryKeys } from '../keys-file.js';
import { DATA_PATHS, demonstrationResource } from '../serve/demonstration-resource.js';
import { addDevelopmentUsers } from '../serve/development-users.js';
import { noteRefusal } from '../serve/refusal-line.js';
import { describeScopes } from '../serve/scopes.js';
import { traceAgent } from '../trace/agent-trace.js';
import { traceServer } from '../trace/server-trace.js';
import type { FlowOptions } from './flow.js';
import type { Observed } from './observed.js';

export const DEMO_PERSON = { username: 'testuser', password: 'testpass' };
const DEMO_SCOPE = 'data.read data.write';

/** The three parties of the demonstration, running. */
export interface Parties {
  readonly agent: Agent;
  readonly resourceUrl: string;
  readonly authServerUrl: string;
  stop(): Promise<void>;
}

/** Starts agent, resource and auth server on loopback, the auth server on a database of its own that goes when it stops. */
export async function startParties(
  options: FlowOptions,
  interaction: Interaction,
  observed: Observed,
): Promise<Parties> {
  const write = (text: string): void => {
    if (!options.quiet) process.stderr.write(text);
  };
  const onRefused = (error: AAuthError): void => {
    if (error.code === 'server_error') noteRefusal(error);
  };
  const folder = await mkdtemp(join(tmpdir(), 'countersign-demo-'));
  const stops: (() => Promise<void>)[] = [() => rm(folder, { recursive: true, force: true })];
  const stop = async (): Promise<void> => {
    for (const one of stops.toReversed()) await one();
  };
  const start = async (
    name: string,
    port: number,
    portSetting: string,
    handler: NodeHandler,
  ): Promise<Listening> => {
    const counted: NodeHandler = (request, incoming) => {
      observed.requests += 1;
      return handler(request, incoming);
    };
    const server = await listen(counted, {
      host: '127.0.0.1',
      port,
      portSetting,
      onAnswer: (line) => {
        write(`${demonstrationLine(line)}\n`);
      },
    });
    stops.push(() => server.close());
    write(`${name} is listening on ${server.url}\n`);
    return server;
  };
  // The 2026-01 wire is verified here only when the demonstration speaks it.
  const acceptWire = [options.wire];
  const agentUrl = `http://127.0.0.1:${options.agentPort}`;
  const resourceUrl = `http://127.0.0.1:${options.resourcePort}`;
  const authServerUrl = `http://127.0.0.1:${options.authPort}`;
  try {
    const agent = createAgent({
      id: agentUrl,
      keys: await temporaryKeys('key-1'),
      name: 'Demonstration agent',
      insecureLoopback: true,
      wire: options.wire,
      interaction,
      fetch: observed.watch(traceAgent(fetch, write)),
    });
    await start(
      'Agent',
      options.agentPort,
      '--agent-port',
      async (request) =>
        (await agent.handle(request)) ?? new Response('Not found', { status: 404 }),
    );

    const replay = sqliteReplayStore(join(folder, 'replay.db'));
    stops.push(async () => {
      replay.close();
    });
    const scopes = describeScopes(DEMO_SCOPE);
    const resource = createResource({
      id: resourceUrl,
      keys: await temporaryKeys('resource-key-1'),
      authServers: [authServerUrl],
      scopes,
      name: 'Demonstration resource',
      replay,
      acceptWire,
      insecureLoopback: true,
      onRefused,
    });
    const app = demonstrationResource(resource, Object.keys(scopes));
    await start(
      'Resource',
      options.resourcePort,
      '--resource-port',
      traceServer(async (request, incoming) => await app.fetch(request, { incoming }), {
        party: 'RESOURCE',
        paths: (path) => DATA_PATHS.includes(path),
        write,
      }),
    );

    const storage = await openStorage(`sqlite:${join(folder, 'auth-server.db')}`);
    stops.push(() => storage.close());
    const authServer = await createAuthServer({
      issuer: authServerUrl,
      storage,
      policy: alwaysAskPerson,
      signingKeyId: 'auth-key-1',
      acceptWire,
      insecureLoopback: true,
      onRefused,
    });
    await addDevelopmentUsers(storage, [DEMO_PERSON]);
    await start(
      'Auth server',
      options.authPort,
      '--auth-port',
      traceServer(
        (request, incoming) =>
          authServer.handle(request, { incoming, remoteAddress: incoming.socket.remoteAddress }),
        { party: 'AUTH SERVER', paths: (path) => path === '/agent/token', write },
      ),
    );
    return { agent, resourceUrl, authServerUrl, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
