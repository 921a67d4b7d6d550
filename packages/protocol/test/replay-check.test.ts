import type { HeaderLine, HttpMessage } from '@countersign/httpsig';
import { createRequestVerifier, memoryReplayStore, type ReplayStore } from '@countersign/protocol';
import { describe, expect, it } from 'vitest';
import {
  authTokenFor,
  holder,
  makeAgent,
  makeBareKey,
  makeWorld,
  NOW,
  refusalOf,
  type Shape,
  signedMessage,
  type Signer,
  testClock,
  withBrokenSignature,
} from './kit.js';

const world = await makeWorld();
const { agent, resource, authServer } = world;
const url = `${resource.id}/data`;
const NONCE = 'AAECAwQFBgcICQoL';
const nonce = (value: string): { headers: readonly HeaderLine[] } => ({
  headers: [['Nonce', value]],
});

function receiver(options: { requireNonce?: boolean; store?: ReplayStore } = {}) {
  const clock = testClock();
  const recorded: string[] = [];
  const inner = options.store ?? memoryReplayStore({ clock, nothingBeforeStart: true });
  const store: ReplayStore = {
    remember: async (record, now) => {
      recorded.push(record.owner ?? 'bare key');
      return await inner.remember(record, now);
    },
  };
  const verify = createRequestVerifier({
    id: resource.id,
    discovery: world.discovery,
    clock,
    trustedIssuers: [authServer.id],
    acceptWire: ['rfc9421', '2026-02', '2026-01'],
    replay: { replay: store, requireNonce: options.requireNonce ?? false },
  });
  return { clock, recorded, verify };
}

const sign = (shape: Partial<Shape> = {}, signer: Signer = agent): Promise<HttpMessage> =>
  signedMessage(signer, { url, ...shape });

describe('a request with a nonce', () => {
  it('is accepted once, whatever its method', async () => {
    for (const method of ['GET', 'POST']) {
      const { verify } = receiver();
      const message = await sign({ method, ...nonce(NONCE) });
      await expect(verify(message)).resolves.toMatchObject({ caller: { kind: 'agent' } });
      expect(await refusalOf(verify(message))).toMatchObject({
        code: 'invalid_signature',
        rule: 'replayed',
      });
    }
  });

  it('is refused with a nonce that the same key has used for another request', async () => {
    const { verify } = receiver();
    await verify(await sign({ method: 'POST', ...nonce(NONCE) }));
    const other = await sign({ method: 'PUT', url: `${resource.id}/other`, ...nonce(NONCE) });
    expect(await refusalOf(verify(other))).toMatchObject({ rule: 'replayed' });
  });

  it('is refused with a used nonce though the same key is now shown without its identity', async () => {
    const { verify } = receiver();
    await verify(await sign({ method: 'POST', ...nonce(NONCE) }));
    const bare: Signer = {
      key: agent.key,
      signatureKey: { scheme: 'hwk', jwk: agent.key.publicJwk },
    };
    const other = await sign({ method: 'POST', ...nonce(NONCE) }, bare);
    expect(await refusalOf(verify(other))).toMatchObject({ rule: 'replayed' });
  });

  it('is accepted with a nonce that another key has used', async () => {
    const { verify } = receiver();
    const [one, other] = [await makeBareKey(), await makeBareKey()];
    await verify(await sign({ method: 'POST', ...nonce(NONCE) }, one));
    await expect(
      verify(await sign({ method: 'POST', ...nonce(NONCE) }, other)),
    ).resolves.toBeDefined();
  });

  it('does not burn the nonce when its signature does not verify', async () => {
    const { verify, recorded } = receiver();
    const message = await sign({ method: 'POST', ...nonce(NONCE) });
    expect(await refusalOf(verify(withBrokenSignature(message)))).toMatchObject({
      rule: 'signature_invalid',
    });
    expect(recorded).toEqual([]);
    await expect(verify(message)).resolves.toBeDefined();
  });

  it.each([
    ['has fewer than twelve bytes', 'AAECAwQFBgcICQo'],
    ['is padded', 'AAECAwQFBgcICQoLDA=='],
    ['is not base64url', 'AAECAwQFBgcICQo+'],
    ['is longer than anybody needs', 'A'.repeat(260)],
  ])('is refused when the nonce %s', async (_title, value) => {
    const { verify, recorded } = receiver();
    const message = await sign({ method: 'POST', ...nonce(value) });
    expect(await refusalOf(verify(message))).toMatchObject({ rule: 'nonce_invalid' });
    expect(recorded).toEqual([]);
  });

  it('is remembered until its created time plus the window has passed', async () => {
    const { clock, verify } = receiver();
    const message = await sign({ method: 'POST', created: NOW + 60, ...nonce(NONCE) });
    await verify(message);
    clock.advance(120);
    expect(await refusalOf(verify(message))).toMatchObject({ rule: 'replayed' });
    clock.advance(1);
    expect(await refusalOf(verify(message))).toMatchObject({ rule: 'created_out_of_window' });
  });
});

describe('a request without a nonce', () => {
  it('is accepted again and again when its method is safe', async () => {
    const { verify, recorded } = receiver();
    const message = await sign();
    await verify(message);
    await expect(verify(message)).resolves.toBeDefined();
    expect(recorded).toEqual([]);
  });

  it('is accepted once when its method is not safe', async () => {
    const { verify } = receiver();
    const message = await sign({ method: 'DELETE' });
    await verify(message);
    expect(await refusalOf(verify(message))).toMatchObject({ rule: 'replayed' });
  });

  it('is refused as a repeat under another spelling of the same signature', async () => {
    const { verify } = receiver();
    const message = await sign({ method: 'DELETE' });
    await verify(message);
    const headers = message.headers.map(([name, value]): HeaderLine =>
      name === 'Signature'
        ? [name, value.replaceAll('+', '-').replaceAll('/', '_').replace(/=+:$/, ':')]
        : [name, value],
    );
    expect(await refusalOf(verify({ ...message, headers }))).toMatchObject({ rule: 'replayed' });
  });

  it('is accepted again under 2026-01, where honest repeats are identical', async () => {
    const { verify, recorded } = receiver();
    const message = await sign({ method: 'POST', wire: '2026-01' });
    await verify(message);
    await expect(verify(message)).resolves.toBeDefined();
    expect(recorded).toEqual([]);
  });

  it('is refused for an unsafe method where a nonce is required, and accepted with one', async () => {
    const { verify } = receiver({ requireNonce: true });
    expect(await refusalOf(verify(await sign({ method: 'POST' })))).toMatchObject({
      rule: 'nonce_required',
    });
    await expect(verify(await sign({ method: 'POST', ...nonce(NONCE) }))).resolves.toBeDefined();
    await expect(verify(await sign())).resolves.toBeDefined();
  });
});

describe('the room that a request takes', () => {
  it('is charged to the agent, also for its tokens, and to all bare keys together', async () => {
    const { verify, recorded } = receiver();
    const token = await authTokenFor(authServer, resource, agent);
    await verify(await sign({ method: 'POST' }));
    await verify(await sign({ method: 'POST' }, holder(agent.key, token)));
    await verify(await sign({ method: 'POST' }, await makeBareKey()));
    expect(recorded).toEqual([agent.id, agent.id, 'bare key']);
  });

  it('is refused with 429 and a time to wait when there is none left', async () => {
    const clock = testClock();
    const store = memoryReplayStore({ clock, nothingBeforeStart: true, maxEntriesPerIdentity: 1 });
    const { verify } = receiver({ store });
    await verify(await sign({ method: 'POST', ...nonce(NONCE) }));
    const next = await sign({ method: 'POST', ...nonce('DAECAwQFBgcICQoL') });
    expect(await refusalOf(verify(next))).toMatchObject({
      code: 'too_many_requests',
      retryAfterSeconds: 61,
    });
    const other = await makeAgent('https://other.example');
    world.discovery.publishAgent(other);
    await expect(verify(await sign({ method: 'POST' }, other))).resolves.toBeDefined();
  });
});

describe('a store that began after the request was made', () => {
  it('refuses what it cannot know, and accepts what was made since', async () => {
    const { clock, verify } = receiver({ store: memoryReplayStore({ clock: () => NOW }) });
    expect(await refusalOf(verify(await sign({ method: 'POST' })))).toMatchObject({
      rule: 'replay_unknown',
    });
    await expect(verify(await sign())).resolves.toBeDefined();
    clock.advance(61);
    await expect(verify(await sign({ method: 'POST', created: NOW + 61 }))).resolves.toBeDefined();
  });
});
