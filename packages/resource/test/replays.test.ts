import { type HeaderLine, utf8 } from '@countersign/httpsig';
import { isAAuthError, memoryReplayStore, type ReplayStore } from '@countersign/protocol';
import { describe, expect, it } from 'vitest';
import { makeSigningKey, NOW, testClock } from '../../protocol/test/kit.js';
import { type Api, doors, IDENTITY, makeApi, sign } from './support.js';

const NONCE: HeaderLine = ['Nonce', 'q83vEjRWeJCrze8S'];
const TEXT: HeaderLine = ['Content-Type', 'text/plain'];

async function refusalOf(
  made: Api,
  response: Response,
  challenge = IDENTITY,
): Promise<string | undefined> {
  expect(response.status).toBe(401);
  expect(response.headers.get('agent-auth')).toBe(challenge);
  expect(await response.json()).toMatchObject({ error: 'invalid_signature' });
  return made.refused.at(-1)?.rule;
}

describe.each(Object.entries(doors))('%s', (_door, open) => {
  it.each<[string, HeaderLine[]]>([
    ['with a nonce', [TEXT, NONCE]],
    ['without a nonce', [TEXT]],
  ])('runs once for a change %s, however often it is sent', async (_what, headers) => {
    const made = await makeApi();
    const send = open(made, 'identity');
    const request = await sign(made.agent, { body: 'pay', headers });
    const again = [request.clone(), request.clone()];
    expect((await send(request)).status).toBe(200);
    for (const one of again) expect(await refusalOf(made, await send(one))).toBe('replayed');
    expect(made.ran).toHaveLength(1);
  });

  it('runs once for a change that is sent many times at once', async () => {
    const made = await makeApi();
    const send = open(made, 'identity');
    const request = await sign(made.agent, { body: 'pay', headers: [TEXT, NONCE] });
    const copies = Array.from({ length: 20 }, () => request.clone());
    const statuses = (await Promise.all(copies.map(send))).map(({ status }) => status);
    expect(statuses.filter((status) => status === 200)).toHaveLength(1);
    expect(made.ran).toHaveLength(1);
  });

  it('answers a question as often as it is put, unless it has a nonce', async () => {
    const made = await makeApi();
    const send = open(made, 'identity');
    const plain = await sign(made.agent);
    expect((await send(plain.clone())).status).toBe(200);
    expect((await send(plain)).status).toBe(200);
    const once = await sign(made.agent, { headers: [NONCE] });
    expect((await send(once.clone())).status).toBe(200);
    expect(await refusalOf(made, await send(once))).toBe('replayed');
  });

  it('does not count one key’s nonce against another', async () => {
    const made = await makeApi();
    const send = open(made, 'signature');
    for (const signer of [await makeSigningKey(), await makeSigningKey()]) {
      const bare = { key: signer, signatureKey: { scheme: 'hwk', jwk: signer.publicJwk } } as const;
      expect((await send(await sign(bare, { headers: [NONCE] }))).status).toBe(200);
    }
  });

  it('lets nobody burn another’s nonce with a signature that does not verify', async () => {
    const made = await makeApi();
    const send = open(made, 'identity');
    const shape = { body: 'pay', headers: [TEXT, NONCE] };
    const forged = await sign({ ...made.agent, key: await makeSigningKey() }, shape);
    expect(await refusalOf(made, await send(forged))).toBe('signature_invalid');
    expect((await send(await sign(made.agent, shape))).status).toBe(200);
  });

  it('asks for a nonce where one is required, and not of one who only asks', async () => {
    const made = await makeApi({ requireNonce: true });
    const send = open(made, 'identity');
    const without = await sign(made.agent, { body: 'pay', headers: [TEXT] });
    expect(await refusalOf(made, await send(without))).toBe('nonce_required');
    const with_ = await sign(made.agent, { body: 'pay', headers: [TEXT, NONCE] });
    expect((await send(with_)).status).toBe(200);
    expect((await send(await sign(made.agent))).status).toBe(200);
  });

  it.each(['AAAA', 'q83vEjRWeJCrze8S=', 'q83vEjRWeJCrze8+', 'q83vEjRW eJCrze8S', 'a'.repeat(300)])(
    'refuses the nonce %s',
    async (nonce) => {
      const made = await makeApi();
      const request = await sign(made.agent, { headers: [['Nonce', nonce]] });
      expect(await refusalOf(made, await open(made, 'identity')(request))).toBe('nonce_invalid');
      expect(made.ran).toEqual([]);
    },
  );

  it('answers 503 and runs nothing while its store cannot be reached', async () => {
    const clock = testClock();
    const store = memoryReplayStore({ clock, nothingBeforeStart: true });
    let broken = true;
    const replay: ReplayStore = {
      remember: async (...record) => {
        if (broken) throw new Error('SQLITE_FULL: /var/lib/secret.db');
        return await store.remember(...record);
      },
    };
    const made = await makeApi({ replay });
    const send = open(made, 'identity');
    const request = await sign(made.agent, { body: 'pay', headers: [TEXT] });
    const response = await send(request.clone());
    expect(response.status).toBe(503);
    expect(response.headers.get('retry-after')).toBe('10');
    expect(await response.text()).not.toContain('SQLITE');
    expect(made.ran).toEqual([]);
    broken = false;
    expect((await send(request)).status).toBe(200);
  });

  it('answers 429 when the part of a signer is full', async () => {
    const clock = testClock();
    const limits = { clock, nothingBeforeStart: true, maxEntriesPerIdentity: 1 };
    const made = await makeApi({ replay: memoryReplayStore(limits) });
    const send = open(made, 'identity');
    const change = (body: string) => sign(made.agent, { body, headers: [TEXT] });
    expect((await send(await change('one'))).status).toBe(200);
    const response = await send(await change('two'));
    expect(response.status).toBe(429);
    expect(response.headers.get('retry-after')).toBe('61');
    expect(made.ran).toHaveLength(1);
  });

  it('refuses what may have been accepted before it started', async () => {
    const clock = testClock(NOW + 30);
    const made = await makeApi({ clock, replay: memoryReplayStore({ clock }) });
    const send = open(made, 'identity');
    const change = async (created: number) =>
      await send(await sign(made.agent, { body: 'pay', headers: [TEXT], created }));
    expect(await refusalOf(made, await change(NOW + 30))).toBe('replay_unknown');
    clock.advance(61);
    expect((await change(NOW + 91)).status).toBe(200);
  });
});

describe('a request that passes two guards', () => {
  it.each<[string, HeaderLine[]]>([
    ['with a nonce', [TEXT, NONCE]],
    ['without a nonce', [TEXT]],
  ])('is not a repeat of itself (%s)', async (_what, headers) => {
    const made = await makeApi();
    const inner = made.api.guard('identity', async (request, access) => {
      made.ran.push({ access, body: await request.text() });
      return new Response('done');
    });
    const outer = made.api.guard('signature', (request) => inner(request));
    const request = await sign(made.agent, { body: 'pay', headers });
    const again = request.clone();
    expect((await outer(request)).status).toBe(200);
    expect(made.ran).toMatchObject([{ access: { level: 'identity' }, body: 'pay' }]);
    expect(made.discovery.count).toBe(1);
    expect(await refusalOf(made, await outer(again), 'httpsig')).toBe('replayed');
    expect(made.ran).toHaveLength(1);
  });

  it('must satisfy the second as well', async () => {
    const made = await makeApi();
    const inner = made.api.guard({ scopes: ['data.read'] }, () => new Response('done'));
    const outer = made.api.guard('signature', (request) => inner(request));
    const response = await outer(await sign(made.agent, { body: 'pay', headers: [TEXT] }));
    expect(response.status).toBe(401);
    expect(response.headers.get('agent-auth')).toContain('auth-token');
  });

  it('is verified anew when something between them has made another request of it', async () => {
    const made = await makeApi();
    const inner = made.api.guard('identity', () => new Response('done'));
    const outer = made.api.guard('signature', async (request) => {
      const body = utf8(`${await request.text()} more`);
      return await inner(
        new Request(request.url, { method: 'POST', headers: request.headers, body }),
      );
    });
    const response = await outer(await sign(made.agent, { body: 'pay', headers: [TEXT] }));
    expect(response.status).toBe(401);
    expect(made.refused).toMatchObject([{ rule: 'digest_mismatch' }]);
  });

  it('of another resource is verified by that one', async () => {
    const made = await makeApi();
    const other = await makeApi({ id: 'https://other.example' });
    const inner = other.api.guard('identity', () => new Response('done'));
    const outer = made.api.guard('signature', (request) => inner(request));
    expect((await outer(await sign(made.agent))).status).toBe(421);
    expect(isAAuthError(other.refused[0], 'misdirected_request')).toBe(true);
  });
});
