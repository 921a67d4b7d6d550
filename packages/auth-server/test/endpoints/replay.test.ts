import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { signedMessage, requestOf, withBrokenSignature } from '../../../protocol/test/kit.js';
import { Bench, FORM, ISSUER, nonce } from './kit.js';

let bench: Bench;
beforeAll(async () => {
  bench = await Bench.open();
});
afterAll(() => bench.close());

const message = async (line: readonly [string, string] | undefined) =>
  await signedMessage(bench.agent, {
    url: `${ISSUER}/agent/token`,
    headers: [['Content-Type', FORM], ...(line === undefined ? [] : [line])],
    body: new URLSearchParams(await bench.accessRequest()).toString(),
    created: bench.clock(),
  });

describe.each([
  ['with a nonce', nonce],
  ['without a nonce', () => undefined],
])('A token request %s', (_, line) => {
  it('is accepted once: a repeat is 401, stores nothing and asks for a new signature', async () => {
    bench.clock.advance(1);
    const one = await message(line());
    expect((await bench.send(requestOf(one, ISSUER))).status).toBe(200);
    const before = bench.contents();
    const repeat = await bench.send(requestOf(one, ISSUER));
    expect([repeat.status, repeat.json['error']]).toEqual([401, 'invalid_signature']);
    expect(repeat.headers.get('agent-auth')).toBe('httpsig; identity=?1');
    expect(bench.refused.at(-1)?.rule).toBe('replayed');
    expect(bench.contents()).toEqual(before);
  });

  it('is not accepted again after a restart', async () => {
    bench.clock.advance(1);
    const one = await message(line());
    expect((await bench.send(requestOf(one, ISSUER))).status).toBe(200);
    await bench.stop();
    await bench.start();
    expect((await bench.send(requestOf(one, ISSUER))).status).toBe(401);
  });

  it('has one winner among many at once', async () => {
    bench.clock.advance(1);
    const one = await message(line());
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => bench.send(requestOf(one, ISSUER))),
    );
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
    expect(answers.filter(({ status }) => status === 401)).toHaveLength(19);
  });

  it('is not used up by somebody who cannot sign it', async () => {
    bench.clock.advance(1);
    const one = await message(line());
    const forged = await bench.send(requestOf(withBrokenSignature(one), ISSUER));
    expect(forged.status).toBe(401);
    expect((await bench.send(requestOf(one, ISSUER))).status).toBe(200);
  });
});

describe('A server that requires nonces', () => {
  it('refuses a token request without one and takes one with it', async () => {
    bench.clock.advance(1);
    const server = await bench.serverWith({ requireNonce: true });
    const send = async (line: readonly [string, string] | undefined) =>
      await bench.send(requestOf(await message(line), ISSUER), undefined, server);
    const without = await send(undefined);
    expect([without.status, bench.refused.at(-1)?.rule]).toEqual([401, 'nonce_required']);
    expect((await send(['Nonce', 'c2hvcnQ'])).status).toBe(401);
    expect((await send(nonce())).status).toBe(200);
  });
});
