import { type Agent, type AgentOptions, createAgent, type Interaction } from '@countersign/agent';
import {
  alwaysAskPerson,
  type AuthServer,
  type AuthServerOptions,
  createAuthServer,
  openStorage,
  type Storage,
} from '@countersign/auth-server';
import { type AAuthError, type Clock, type KeySet, systemClock } from '@countersign/protocol';
import {
  createResource,
  memoryRateLimitStore,
  type ProgressiveResource,
  type ResourceOptions,
} from '@countersign/resource';
import { sqliteReplayStore } from '@countersign/resource/sqlite';
import type { Hono } from 'hono';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CommandError } from '../command-error.js';
import { demonstrationLine } from '../http/access-line.js';
import { type FetchHandler, fetchListener } from '../http/fetch-listener.js';
import { type Listening, listen } from '../http/listen.js';
import { temporaryKeys } from '../keys-file.js';
import { demonstrationResource } from '../serve/demonstration-resource.js';
import { addDevelopmentUsers } from '../serve/development-users.js';
import { noteRefusal } from '../serve/refusal-line.js';
import { describeScopes } from '../serve/scopes.js';
import { traceAgent } from '../trace/agent-trace.js';
import { traceServer } from '../trace/server-trace.js';
import { DemoBrowser, type DemoPerson } from './browser.js';
import type { FlowOptions } from './flow.js';
import { Observed } from './observed.js';

export const DEMO_PERSON: DemoPerson = { username: 'testuser', password: 'testpass' };
export const DEMO_SCOPE = 'data.read data.write';

/** The three parties that every flow has; their ports are the command's. Others get any free port. */
const SEATS: ReadonlyMap<
  string,
  { readonly port: 'agentPort' | 'resourcePort' | 'authPort'; readonly setting: string }
> = new Map([
  ['Agent', { port: 'agentPort', setting: '--agent-port' }],
  ['Resource', { port: 'resourcePort', setting: '--resource-port' }],
  ['Auth server', { port: 'authPort', setting: '--auth-port' }],
]);

/** An address on loopback that a party answers at. Its identifier is known before the party is made. */
export interface Seat {
  readonly name: string;
  readonly id: string;
  /** Begins to answer with that handler; until then every request is 503. Again: answers with another one from now on. */
  serve(handler: FetchHandler): void;
  close(): Promise<void>;
}

const NOT_YET: FetchHandler = async () =>
  new Response('Starting', { status: 503, headers: { 'Retry-After': '1' } });

/** Where a flow is played: starts parties on loopback, observes what they say, and clears everything away. */
export class Stage {
  readonly options: FlowOptions;
  readonly observed = new Observed();
  /** Aborted when the demonstration is to end early. */
  readonly signal: AbortSignal;
  /** For databases of the parties; goes when the flow ends. */
  readonly folder: string;
  readonly #stops: (() => Promise<void>)[] = [];
  #aheadSeconds = 0;

  private constructor(options: FlowOptions, signal: AbortSignal, folder: string) {
    this.options = options;
    this.signal = signal;
    this.folder = folder;
    this.#stops.push(() => rm(folder, { recursive: true, force: true }));
  }

  static async open(options: FlowOptions, signal: AbortSignal): Promise<Stage> {
    return new Stage(options, signal, await mkdtemp(join(tmpdir(), 'countersign-demo-')));
  }

  /** Stops everything that was started, the latest first. */
  async close(): Promise<void> {
    for (const stop of this.#stops.splice(0).toReversed()) await stop();
  }

  /** Has something done when the flow ends. */
  atEnd(stop: () => Promise<void> | void): void {
    this.#stops.push(async () => await stop());
  }

  /** The clock of every party on this stage. */
  readonly clock: Clock = () => systemClock() + this.#aheadSeconds;

  /** Lets time pass for all parties. */
  advance(seconds: number): void {
    this.#aheadSeconds += seconds;
  }

  /** Writes to the trace, unless it is to be quiet. */
  readonly write = (text: string): void => {
    if (!this.options.quiet) process.stderr.write(text);
  };

  /** Says what has been shown; the flow fails when it is not so. */
  check(holds: boolean, sentence: string): void {
    if (!holds) throw new CommandError(`This should hold and does not: ${sentence}`);
    this.write(`✓ ${sentence}\n`);
  }

  /** Refusals are part of a flow; only faults of our own are written to the log. */
  readonly onRefused = (error: AAuthError): void => {
    if (error.code === 'server_error') noteRefusal(error);
  };

  /** Listens on loopback: at the command's port for `Agent`, `Resource` and `Auth server`, else at any free one. */
  async seat(name: string): Promise<Seat> {
    const own = SEATS.get(name);
    let handler = NOT_YET;
    const server: Listening = await listen(
      fetchListener((request, incoming) => {
        this.observed.requests += 1;
        return handler(request, incoming);
      }),
      {
        host: '127.0.0.1',
        port: own === undefined ? 0 : this.options[own.port],
        ...(own === undefined ? {} : { portSetting: own.setting }),
        onAnswer: (line) => {
          this.write(`${demonstrationLine(line)}\n`);
        },
      },
    );
    let open = true;
    const close = async (): Promise<void> => {
      if (!open) return;
      open = false;
      await server.close();
    };
    this.#stops.push(close);
    this.observed.parties.set(server.url, name);
    this.write(`${name} is listening on ${server.url}\n`);
    return {
      name,
      id: server.url,
      close,
      serve: (next) => {
        handler = next;
      },
    };
  }

  /** The transport of a party: traced, and every message noted as coming from `name`. */
  transport(name: string): typeof fetch {
    return this.observed.watch(name, traceAgent(fetch, this.write));
  }

  /** A person's browser. */
  browser(person: DemoPerson = DEMO_PERSON, name = 'Person'): DemoBrowser {
    return new DemoBrowser(person, this.observed.watch(name, fetch));
  }

  /** A built-in person who decides on the real pages as soon as they are asked. */
  person(person: DemoPerson = DEMO_PERSON): Interaction {
    const browser = this.browser(person);
    return {
      mode: 'wait',
      present: async ({ url }) => {
        await browser.visit(url);
      },
    };
  }

  /** Starts an agent server. By default its person approves whatever it asks. */
  async agent(
    options: Partial<AgentOptions> & { readonly name?: string; readonly seat?: Seat } = {},
  ): Promise<{ agent: Agent; seat: Seat; keys: KeySet }> {
    const seat = options.seat ?? (await this.seat(options.name ?? 'Agent'));
    const keys = options.keys ?? (await temporaryKeys('key-1'));
    const agent = createAgent({
      id: seat.id,
      insecureLoopback: true,
      wire: this.options.wire,
      clock: this.clock,
      interaction: this.person(),
      fetch: this.transport(seat.name),
      ...withoutSeat(options),
      name: options.name ?? 'Demonstration agent',
      keys,
    });
    seat.serve(async (request) => (await agent.handle(request)) ?? notFound());
    return { agent, seat, keys: typeof keys === 'function' ? keys() : keys };
  }

  /** Starts a resource that relies on those auth servers; `app` are its routes, by default those of section 8. */
  async resource(
    authServers: readonly [string, ...string[]],
    options: Partial<ResourceOptions> & { readonly name?: string; readonly seat?: Seat } = {},
    app?: (resource: ProgressiveResource) => Hono,
  ): Promise<{ resource: ProgressiveResource; seat: Seat }> {
    const seat = options.seat ?? (await this.seat(options.name ?? 'Resource'));
    const scopes = options.scopes ?? describeScopes(DEMO_SCOPE);
    const replay = sqliteReplayStore(join(this.folder, `${new URL(seat.id).port}-replay.db`));
    this.atEnd(() => {
      replay.close();
    });
    const resource = createResource({
      id: seat.id,
      keys: await temporaryKeys('resource-key-1'),
      authServers,
      replay,
      acceptWire: [this.options.wire],
      insecureLoopback: true,
      clock: this.clock,
      onRefused: this.onRefused,
      ...withoutSeat(options),
      rateLimits: options.rateLimits ?? memoryRateLimitStore(),
      name: options.name ?? 'Demonstration resource',
      scopes,
    });
    const routes = app?.(resource) ?? demonstrationResource(resource, Object.keys(scopes));
    seat.serve(
      traceServer(async (request, incoming) => await routes.fetch(request, { incoming }), {
        party: seat.name.toUpperCase(),
        paths: isTraced,
        write: this.write,
      }),
    );
    return { resource, seat };
  }

  /** Starts an auth server on a database of its own, with {@link DEMO_PERSON}'s account. By default it asks a person. */
  async authServer(
    options: Partial<AuthServerOptions> & {
      readonly name?: string;
      readonly seat?: Seat;
      readonly people?: readonly DemoPerson[];
    } = {},
  ): Promise<{ authServer: AuthServer; storage: Storage; seat: Seat }> {
    const { people = [DEMO_PERSON], name: _name, ...others } = options;
    const seat = options.seat ?? (await this.seat(options.name ?? 'Auth server'));
    const storage =
      options.storage ??
      (await openStorage(`sqlite:${join(this.folder, `${new URL(seat.id).port}-auth.db`)}`));
    if (options.storage === undefined) this.atEnd(() => storage.close());
    const authServer = await createAuthServer({
      issuer: seat.id,
      policy: alwaysAskPerson,
      signingKeyId: 'auth-key-1',
      acceptWire: [this.options.wire],
      insecureLoopback: true,
      clock: this.clock,
      onRefused: this.onRefused,
      ...withoutSeat(others),
      storage,
    });
    await addDevelopmentUsers(storage, people);
    seat.serve(
      traceServer(
        (request, incoming) =>
          authServer.handle(request, { incoming, remoteAddress: incoming.socket.remoteAddress }),
        {
          party: seat.name.toUpperCase(),
          paths: (path) => path === '/agent/token',
          write: this.write,
        },
      ),
    );
    return { authServer, storage, seat };
  }
}

function isTraced(path: string): boolean {
  return !path.startsWith('/.well-known/') && path !== '/jwks.json';
}

function withoutSeat<T extends { readonly seat?: Seat }>(options: T): Omit<T, 'seat'> {
  const { seat: _seat, ...others } = options;
  return others;
}

function notFound(): Response {
  return new Response('Not found', { status: 404 });
}
