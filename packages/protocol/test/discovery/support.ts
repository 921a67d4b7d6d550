import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { readFileSync } from 'node:fs';
import { generatePrivateJwk, parsePublicJwk, type PublicJwk } from '@countersign/httpsig';
import { afterEach, expect } from 'vitest';
import type { MetadataKind, PublishesKeys } from '../../src/discovery/discovery.js';
import type { DocumentFetch, FetchedDocument } from '../../src/discovery/document-fetch.js';
import { type AAuthError, isAAuthError } from '../../src/errors.js';
import { isServerIdentifier, type ServerIdentifier } from '../../src/identifiers.js';

/** A kind of metadata with the least that discovery needs. */
export const agentKind: MetadataKind<PublishesKeys> = {
  wellKnown: 'aauth-agent',
  read: (document, id) =>
    document['agent'] === id && typeof document['jwks_uri'] === 'string'
      ? { jwksUri: document['jwks_uri'] }
      : undefined,
};

export function identifier(value: string): ServerIdentifier {
  if (!isServerIdentifier(value, { insecureLoopback: true })) throw new Error(value);
  return value;
}

export async function publicKey(kid: string): Promise<PublicJwk> {
  return parsePublicJwk(await generatePrivateJwk({ kid })).jwk;
}

type Handler = (request: IncomingMessage, response: ServerResponse) => void;

export interface RunningServer {
  readonly port: number;
  /** `http://127.0.0.1:PORT`, or https. */
  readonly id: ServerIdentifier;
  /** Paths asked for, in order. */
  readonly requests: string[];
  /** Addresses at which connections arrived. */
  readonly arrivedAt: string[];
}

const running = new Set<Server>();

afterEach(() => {
  for (const server of running) {
    server.closeAllConnections();
    server.close();
  }
  running.clear();
});

const fixture = (name: string): string =>
  readFileSync(new URL(`./fixtures/${name}`, import.meta.url), 'utf8');

/** Good for intranet.example, public.example and 127.0.0.1; trusted by nobody but these tests. */
export const certificate = fixture('test-only-certificate.pem');

/** A server on loopback that is gone after the test. `address` defaults to 127.0.0.1. */
export async function serve(
  handler: Handler,
  { address = '127.0.0.1', tls = false } = {},
): Promise<RunningServer> {
  const requests: string[] = [];
  const arrivedAt: string[] = [];
  const listener: Handler = (request, response) => {
    requests.push(request.url ?? '');
    arrivedAt.push(request.socket.localAddress ?? '');
    response.on('error', () => undefined);
    handler(request, response);
  };
  const server = tls
    ? createTlsServer({ cert: certificate, key: fixture('test-only-key.pem') }, listener)
    : createServer(listener);
  running.add(server);
  await new Promise<void>((resolve) => server.listen(0, address, resolve));
  const { port } = server.address() as AddressInfo;
  const host = address === '::1' ? '[::1]' : '127.0.0.1';
  const id = identifier(`${tls ? 'https' : 'http'}://${host}:${port}`);
  return { port, id, requests, arrivedAt };
}

export const JSON_TYPE = { 'content-type': 'application/json' };

/** Serves the metadata and JWKS of an honest agent. */
export async function serveAgent(keys: readonly unknown[]): Promise<RunningServer> {
  const server = await serve((request, response) => {
    const id = `http://${request.headers.host}`;
    response.writeHead(200, JSON_TYPE);
    response.end(
      JSON.stringify(
        request.url === '/jwks.json' ? { keys } : { agent: id, jwks_uri: `${id}/jwks.json` },
      ),
    );
  });
  return server;
}

/** A response as a plain value, JSON unless told otherwise. */
export function answer(
  body: unknown,
  more: { status?: number; contentType?: string | undefined; cacheControl?: string } = {},
): FetchedDocument {
  return {
    status: more.status ?? 200,
    contentType: 'contentType' in more ? more.contentType : 'application/json',
    cacheControl: more.cacheControl,
    body: new TextEncoder().encode(typeof body === 'string' ? body : JSON.stringify(body)),
  };
}

export type Route = () => FetchedDocument | Promise<FetchedDocument>;

/** A network made of functions by URL, which counts what it is asked. */
export class FakeNetwork {
  readonly routes = new Map<string, Route>();
  readonly asked: string[] = [];

  readonly fetch: DocumentFetch = async (url) => {
    this.asked.push(url);
    await Promise.resolve();
    const route = this.routes.get(url);
    if (route === undefined) throw Object.assign(new Error('gone'), { code: 'ECONNREFUSED' });
    return await route();
  };

  /** An honest agent whose documents can be changed by their URLs. */
  agent(id: ServerIdentifier, keys: readonly unknown[]): void {
    this.routes.set(`${id}/.well-known/aauth-agent`, () =>
      answer({ agent: id, jwks_uri: `${id}/jwks.json` }),
    );
    this.routes.set(`${id}/jwks.json`, () => answer({ keys }));
  }

  count(url: string): number {
    return this.asked.filter((one) => one === url).length;
  }
}

/** A clock that moves when told to. Seconds. */
export function manualClock(): { now: number; read: () => number } {
  const clock = { now: 1_700_000_000, read: () => clock.now };
  return clock;
}

/** The discovery failure that `work` must reject with. */
export async function failureOf(work: Promise<unknown>): Promise<AAuthError> {
  const outcome = await work.then(
    () => 'fulfilled',
    (error: unknown) => error,
  );
  expect(isAAuthError(outcome, 'discovery_failed'), String(outcome)).toBe(true);
  return outcome as AAuthError;
}
