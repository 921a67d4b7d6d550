import {
  type AAuthError,
  createDiscovery,
  createRequestVerifier,
  errorResponse,
  type RequestVerifierOptions,
  type VerifiedRequest,
} from '@countersign/protocol';
import { answer, FakeNetwork } from '../discovery/support.js';
import {
  identifier,
  NOW,
  type Shape,
  signedMessage,
  type Signer,
  type TestClock,
  testClock,
} from '../kit.js';
import { holderOf, type Issued } from './authority.js';
import type { TrustRoots } from '@countersign/protocol';
import { trustRoots } from '../../src/x509/trust-roots.js';

/** Roots at once, where `loadTrustRoots` would have to be awaited. */
export function rootsOf(...pems: string[]): TrustRoots {
  // The type of the package that the tests import, not of its sources.
  return trustRoots(pems) as unknown as TrustRoots;
}

export const X5U = 'https://certificates.example/chain.pem';
export const PEM_TYPE = 'application/pem-certificate-chain';
const RESOURCE = identifier('https://rs.example');

export interface Receiver {
  readonly network: FakeNetwork;
  readonly clock: TestClock;
  readonly publish: (body: string | Uint8Array, contentType?: string) => void;
  /** Verifies a request of this signer, made now. */
  readonly receive: (signer: Signer, shape?: Partial<Shape>) => Promise<VerifiedRequest>;
}

/** A receiver with the real discovery on a network made of functions. `start` is where its clock begins. */
export function receiver(
  roots: readonly Pick<Issued, 'pem'>[],
  options: Partial<RequestVerifierOptions> = {},
  start = NOW,
): Receiver {
  const network = new FakeNetwork();
  const clock = testClock(start);
  const verify = createRequestVerifier({
    id: RESOURCE,
    clock,
    discovery: createDiscovery({ clock, fetchDocument: network.fetch }),
    x509Roots: rootsOf(...roots.map(({ pem }) => pem)),
    ...options,
  });
  return {
    network,
    clock,
    publish: (body, contentType = PEM_TYPE) => {
      const text = typeof body === 'string' ? body : '';
      const document = answer(text, { contentType });
      network.routes.set(X5U, () =>
        typeof body === 'string' ? document : { ...document, body: Uint8Array.from(body) },
      );
    },
    receive: async (signer, shape = {}) => {
      const created = clock();
      return await verify(await signedMessage(signer, { url: `${RESOURCE}/`, created, ...shape }));
    },
  };
}

/** Publishes `body` and verifies a request signed with the leaf's key. */
export async function receiveChain(
  roots: readonly Pick<Issued, 'pem'>[],
  leaf: Issued,
  body: string | Uint8Array,
  options: Partial<RequestVerifierOptions> = {},
  start = NOW,
): Promise<VerifiedRequest> {
  const { publish, receive } = receiver(roots, options, start);
  publish(body);
  return await receive(await holderOf(leaf, X5U));
}

/** Everything of the answer that a stranger sees. */
export async function wireOf(error: AAuthError): Promise<string> {
  const response = errorResponse(error);
  return JSON.stringify([response.status, [...response.headers], await response.text()]);
}
