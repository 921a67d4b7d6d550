/**
 * An auth server on a database file of its own, and the parties that call it. Time stands still until it is moved;
 * discovery answers from memory; everything else is real.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { hash } from '@node-rs/argon2';
import Libsql from 'libsql';
import {
  type AAuthError,
  hashSecret,
  type JsonObject,
  randomSecret,
  systemRandom,
} from '@countersign/protocol';
import type { Connection } from '../../src/connection.js';
import {
  type AuditEntry,
  type AuthServer,
  type AuthServerOptions,
  createAuthServer,
  openStorage,
  type Policy,
  readTrail,
  type Storage,
} from '../../src/index.js';
import {
  FakeDiscovery,
  identifier,
  makeAgent,
  makeResource,
  type Party,
  resourceTokenFor,
  type Shape,
  type Signer,
  signedRequest,
  type TestAgent,
  type TestClock,
  testClock,
} from '../../../protocol/test/kit.js';
import { copyEmptyDatabase } from '../storage/empty-database.js';
import { SecretWatch } from '../secrets.js';
import { type Answer, answerOf, FORM, PASSWORD, TestBrowser } from './test-browser.js';

export {
  type Answer,
  FORM,
  type HeaderChanges,
  OWN_FORM,
  PASSWORD,
  type Seen,
  TestBrowser,
} from './test-browser.js';

export const ISSUER = 'https://as.example';

/** Every table with every row, as another connection sees them. */
export type Contents = Record<string, readonly JsonObject[]>;

export interface BenchOptions {
  readonly issuer?: string;
  readonly agentId?: string;
  readonly redirectUri?: string;
  /** The database, when it is not to be a file; `contents` and `count` need a file. */
  readonly database?: string;
  /** How long the store waits for a lock. */
  readonly lockTimeoutMilliseconds?: number;
  readonly server?: Partial<AuthServerOptions>;
}

/** A `Nonce` line that has not been used. */
export function nonce(): readonly [string, string] {
  return ['Nonce', randomSecret(systemRandom, 96)];
}

/** Cheap to make and cheap to verify: how much work a password is worth stands in its hash. */
const CHEAP = { memoryCost: 64, timeCost: 1 };
let passwordHash: Promise<string> | undefined;

export class Bench {
  readonly clock: TestClock = testClock();
  readonly discovery = new FakeDiscovery();
  /** What was refused, with the private reason. */
  readonly refused: AAuthError[] = [];
  /** {@link Bench.close} throws when one stands in what an operator would be told. */
  readonly secrets = new SecretWatch();
  readonly issuer: string;
  readonly redirectUri: string;
  policy: Policy = () => ({ decision: 'ask-person' });
  agent!: TestAgent;
  /** The agent's second key, published beside the first. */
  rotated!: Signer;
  resource!: Party;
  storage!: Storage;
  server!: AuthServer;
  readonly #options: BenchOptions;
  /** Another connection, to look at the database with. */
  #reader: Libsql.Database | undefined;
  readonly #directory = mkdtempSync(join(tmpdir(), 'countersign-endpoints-'));

  private constructor(options: BenchOptions) {
    this.#options = options;
    this.issuer = options.issuer ?? ISSUER;
    this.redirectUri = options.redirectUri ?? 'https://agent.example/callback';
  }

  static async open(options: BenchOptions = {}): Promise<Bench> {
    const bench = new Bench(options);
    const id = options.agentId ?? 'https://agent.example';
    const [agent, second, resource] = await Promise.all([
      makeAgent(id),
      makeAgent(id),
      makeResource(),
    ]);
    bench.agent = agent;
    bench.rotated = {
      key: second.key,
      signatureKey: {
        scheme: 'jwks',
        mode: 'identifier',
        id,
        kid: 'key-2',
        wellKnown: 'aauth-agent',
      },
    };
    bench.resource = resource;
    bench.discovery
      .publishAgent(agent, { redirectUris: [bench.redirectUri], name: 'The agent' })
      .publishKeys(`${id}/jwks.json`, [
        ...agent.keys.jwks.keys,
        { ...second.key.publicJwk, kid: 'key-2' },
      ])
      .publishResource(resource, {
        scopeDescriptions: { 'data.read': 'Read your data', 'data.write': 'Change your data' },
      });
    if (options.database === undefined) await copyEmptyDatabase(bench.databaseFile);
    await bench.start();
    for (const name of ['ada', 'ben']) await bench.addPerson(name);
    return bench;
  }

  get databaseFile(): string {
    return join(this.#directory, 'countersign.db');
  }

  /** Opens the database and makes the server, as a process that starts does. */
  async start(): Promise<void> {
    const { lockTimeoutMilliseconds } = this.#options;
    this.storage = await openStorage(
      this.#options.database ?? `sqlite:${this.databaseFile}`,
      lockTimeoutMilliseconds === undefined ? {} : { lockTimeoutMilliseconds },
    );
    this.server = await this.serverWith({});
  }

  async stop(): Promise<void> {
    await this.storage.close();
  }

  async close(): Promise<void> {
    for (const { privateJwk } of await this.storage.signingKeys.list().catch(() => [])) {
      this.secrets.secretsIn(JSON.stringify(privateJwk));
    }
    await this.storage.close();
    this.#reader?.close();
    rmSync(this.#directory, { recursive: true, force: true });
    this.secrets.check();
  }

  /** Another server on the same database, with other settings. */
  async serverWith(options: Partial<AuthServerOptions>): Promise<AuthServer> {
    return await createAuthServer({
      issuer: this.issuer,
      storage: this.storage,
      policy: (request) => this.policy(request),
      discovery: this.discovery,
      clock: this.clock,
      // Time stands still in tests, and people deny a lot.
      limits: { denials: 1000 },
      onRefused: (error) => {
        this.refused.push(error);
        const { code, rule, detail, message, cause } = error;
        this.secrets.printed([code, rule, detail, message, String(cause)].join(' '));
      },
      observer: { onEvent: (event) => this.secrets.printed(JSON.stringify(event)) },
      ...this.#options.server,
      ...options,
    });
  }

  /** A person with {@link PASSWORD}; the hash is computed once for all. */
  async addPerson(username: string): Promise<void> {
    this.secrets.secret('password', PASSWORD);
    passwordHash ??= hash(PASSWORD, CHEAP);
    await this.storage.users.create({
      id: `user-${username}`,
      subject: `sub-${username}`,
      username,
      name: `${username} of Example`,
      email: `${username}@mail.example`,
      emailVerified: true,
      passwordHash: await passwordHash,
      createdAt: this.clock(),
    });
  }

  /** The audit trail so far, the latest entry last. */
  async trail(): Promise<AuditEntry[]> {
    await this.storage.audit.seal();
    const entries: AuditEntry[] = [];
    for await (const { text } of readTrail(this.storage)) {
      this.secrets.printed(text);
      entries.push(JSON.parse(text) as AuditEntry);
    }
    return entries;
  }

  /**
   * The database as another process sees it, but for the memory of requests that were verified and the audit trail: every
   * one of them is remembered, whatever becomes of it, and refusals by policy are recorded.
   */
  contents(): Contents {
    const database = (this.#reader ??= new Libsql(this.databaseFile));
    const tables = database
      .prepare("select name from sqlite_master where type = 'table' order by name")
      .all() as { name: string }[];
    return Object.fromEntries(
      tables
        .filter(({ name }) => name !== 'replay_entries' && !name.startsWith('audit_'))
        .map(({ name }) => [name, database.prepare(`select * from ${name}`).all() as JsonObject[]]),
    );
  }

  /** How many rows a table has. */
  count(table: string): number {
    return this.contents()[table]?.length ?? NaN;
  }

  /** A request as it came over the network. */
  async send(request: Request, connection?: Connection, server = this.server): Promise<Answer> {
    this.secrets.secretsIn(request.url);
    this.secrets.secret('signature', request.headers.get('signature'));
    this.secrets.secret('signature-key', request.headers.get('signature-key'));
    const answer = await answerOf(await server.handle(request, connection));
    this.secrets.secretsIn(answer.text);
    return answer;
  }

  /** A signed request to the token endpoint, as the agent sends it unless told otherwise. */
  async tokenRequest(
    parameters: Readonly<Record<string, string>> | string,
    signer: Signer = this.agent,
    shape: Partial<Shape> = {},
  ): Promise<Request> {
    const body =
      typeof parameters === 'string' ? parameters : new URLSearchParams(parameters).toString();
    this.secrets.secretsIn(body);
    return await signedRequest(signer, {
      url: `${this.issuer}/agent/token`,
      headers: [['Content-Type', FORM], nonce()],
      body,
      created: this.clock(),
      ...shape,
    });
  }

  async token(
    parameters: Readonly<Record<string, string>> | string,
    signer: Signer = this.agent,
    server = this.server,
  ): Promise<Answer> {
    return await this.send(await this.tokenRequest(parameters, signer), undefined, server);
  }

  /** A resource token for the agent, or for the key of one of its delegates. */
  async resourceToken(scope = ['data.read', 'data.write'], signer: Signer = this.agent) {
    const authServer = { ...this.resource, id: identifier(this.issuer) };
    const agent = { ...this.agent, key: signer.key };
    return await resourceTokenFor(this.resource, authServer, agent, { scope, now: this.clock() });
  }

  /** A resource token that names a document of the resource, and no scope unless told. */
  async documentToken(authRequestUrl: string, scope?: string[], signer: Signer = this.agent) {
    const authServer = { ...this.resource, id: identifier(this.issuer) };
    const agent = { ...this.agent, key: signer.key };
    const more = { authRequestUrl, now: this.clock(), ...(scope === undefined ? {} : { scope }) };
    return await resourceTokenFor(this.resource, authServer, agent, more);
  }

  /** Parameters of a request for access that is right in every respect. */
  async accessRequest(
    more: { scope?: string[]; signer?: Signer; state?: string } = {},
  ): Promise<Record<string, string>> {
    return {
      request_type: 'auth',
      resource_token: await this.resourceToken(more.scope, more.signer),
      redirect_uri: this.redirectUri,
      ...(more.state === undefined ? {} : { state: more.state }),
    };
  }

  /** Asks for access on a person's behalf and returns the request token. */
  async requestToken(
    more: { scope?: string[]; signer?: Signer; state?: string; signIn?: string } = {},
  ): Promise<string> {
    const { signIn } = more;
    const parameters =
      signIn === undefined
        ? await this.accessRequest(more)
        : { request_type: 'auth', scope: signIn, redirect_uri: this.redirectUri };
    const answer = await this.token(parameters, more.signer);
    if (answer.status !== 200) throw new Error(`${answer.status} ${answer.text}`);
    return String(answer.json['request_token']);
  }

  /** Where the agent sends the person. */
  pageUrl(requestToken: string, more: Readonly<Record<string, string>> = {}): string {
    const query = new URLSearchParams({
      request_token: requestToken,
      redirect_uri: this.redirectUri,
      ...more,
    });
    return `${this.issuer}/agent/auth?${query.toString()}`;
  }

  /** A browser in which that person is signed in already, without the work of a password. */
  async signedIn(username: string): Promise<TestBrowser> {
    const secret = randomSecret(systemRandom, 256);
    const now = this.clock();
    await this.storage.sessions.create({
      idHash: await hashSecret(secret),
      userId: `user-${username}`,
      createdAt: now,
      authenticatedAt: now,
      lastSeenAt: now,
      expiresAt: now + 12 * 3600,
    });
    const browser = new TestBrowser(this);
    browser.cookies.set(this.cookieName, secret);
    return browser;
  }

  get cookieName(): string {
    return this.issuer.startsWith('https:')
      ? '__Host-countersign'
      : `countersign-${new URL(this.issuer).port}`;
  }

  /** Withdraws what a person approved for the agent itself. */
  async withdraw(username: string): Promise<void> {
    const grants = await this.storage.grants.listForUser(`user-${username}`);
    const grant = grants.find(({ delegate }) => delegate === null);
    const revoked =
      grant !== undefined &&
      (await this.storage.grants.revoke({ id: grant.id, now: this.clock() }));
    if (!revoked) throw new Error('nothing to withdraw');
  }

  /** Has a person approve a request and returns the code. */
  async approvedCode(
    more: { scope?: string[]; signer?: Signer; signIn?: string; username?: string } = {},
  ): Promise<string> {
    const browser = await this.signedIn(more.username ?? 'ada');
    await browser.open(this.pageUrl(await this.requestToken(more)));
    const code = (await browser.press('approve')).location?.searchParams.get('code');
    if (typeof code !== 'string') throw new Error('not approved');
    return code;
  }

  /** Has a person approve a request and the agent take the token. */
  async granted(more: Parameters<Bench['approvedCode']>[0] = {}): Promise<JsonObject> {
    const code = await this.approvedCode(more);
    const answer = await this.token({ request_type: 'code', code }, more.signer);
    if (answer.status !== 200) throw new Error(`${answer.status} ${answer.text}`);
    return answer.json;
  }
}

/** The headers of an answer but for the id that each refused request gets. */
export function headersButId(headers: Headers): [string, string][] {
  return [...headers].filter(([name]) => name !== 'x-request-id');
}
