import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { ExchangePolicy } from '../../src/index.js';
import { claimsOf, ExchangeBench } from './exchange-kit.js';
import type { Answer, Bench } from './kit.js';

let kit: ExchangeBench;
let bench: Bench;
/** Runs while a request is being decided: between the look into the ledger and the write. */
let meanwhile: () => Promise<unknown> = async () => undefined;
const exchange: ExchangePolicy = async () => {
  await meanwhile();
  return { decision: 'grant' };
};

beforeAll(async () => {
  const policy = Object.assign(() => ({ decision: 'ask-person' }) as const, { exchange });
  kit = await ExchangeBench.open({ policy });
  bench = kit.bench;
});
afterAll(() => bench.close());
beforeEach(async () => {
  meanwhile = async () => undefined;
  await kit.renew();
});

const issued = () => bench.contents()['issued_tokens'] ?? [];

function expectRevoked(answer: Answer): void {
  expect([answer.status, answer.json['error'], bench.refused.at(-1)?.rule]).toEqual([
    401,
    'invalid_token',
    'upstream_revoked',
  ]);
}

describe('An exchange', () => {
  it('ends with the grant of the upstream token', async () => {
    expect((await kit.exchange()).status).toBe(200);
    await bench.withdraw('ada');
    const before = bench.contents();
    expectRevoked(await kit.exchange());
    expect(bench.contents()).toEqual(before);
  });

  it('is not revived by the same grant made anew', async () => {
    const old = kit.upstream;
    await bench.withdraw('ada');
    await kit.renew();
    expectRevoked(await kit.exchange({ upstream: old }));
    expect((await kit.exchange()).status).toBe(200);
  });

  it('ends when the person is disabled', async () => {
    await bench.storage.users.disable('user-ada', bench.clock());
    try {
      const before = bench.contents();
      expectRevoked(await kit.exchange());
      expect(bench.contents()).toEqual(before);
    } finally {
      await bench.storage.users.enable('user-ada', bench.clock());
    }
    expect((await kit.exchange()).status).toBe(200);
  });

  it('that is under way when the grant is revoked comes to nothing', async () => {
    meanwhile = () => bench.withdraw('ada');
    const before = issued();
    expectRevoked(await kit.exchange());
    expect(issued()).toEqual(before);
  });

  it('that is under way when the person is disabled comes to nothing', async () => {
    meanwhile = () => bench.storage.users.disable('user-ada', bench.clock());
    const before = issued();
    try {
      expectRevoked(await kit.exchange());
    } finally {
      await bench.storage.users.enable('user-ada', bench.clock());
    }
    expect(issued()).toEqual(before);
  });

  it('and a revocation among many exclude each other: what was answered is in the ledger, and nothing else', async () => {
    const before = new Set(issued().map(({ jti }) => jti));
    let decided = 0;
    meanwhile = async () => {
      if (++decided === 10) await bench.withdraw('ada');
    };
    const requests = await Promise.all(Array.from({ length: 30 }, () => kit.request()));
    const answers = await Promise.all(requests.map((request) => bench.send(request)));
    const granted = answers.filter(({ status }) => status === 200);
    expect(answers.every(({ status }) => status === 200 || status === 401)).toBe(true);
    expect(answers.some(({ status }) => status === 401)).toBe(true);
    const written = issued()
      .map(({ jti }) => jti)
      .filter((jti) => !before.has(jti));
    expect(new Set(written)).toEqual(new Set(granted.map((answer) => claimsOf(answer)['jti'])));
    // After it nobody wins.
    expectRevoked(await kit.exchange());
  });

  it('of what was exchanged before ends with the same grant', async () => {
    const first = await kit.exchange();
    bench.discovery.publishAgent(kit.downstream).publishResource(bench.resource);
    const again = {
      caller: kit.downstream,
      upstream: String(first.json['auth_token']),
      downstream: bench.resource,
    };
    expect((await kit.exchange(again)).status).toBe(200);
    await bench.withdraw('ada');
    expectRevoked(await kit.exchange(again));
  });
});
