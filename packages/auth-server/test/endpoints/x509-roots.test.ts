import { afterAll, beforeAll, expect, it } from 'vitest';
import { issueRoot } from '../../../protocol/test/x509/authority.js';
import { Bench } from './kit.js';

let bench: Bench;
beforeAll(async () => {
  bench = await Bench.open();
});
afterAll(() => bench.close());

it('a server is made with roots for x509 that are certificates of CAs', async () => {
  await bench.serverWith({ x509Roots: [issueRoot().pem] });
});

it('a server cannot be made with roots for x509 that are not certificates', async () => {
  await expect(bench.serverWith({ x509Roots: ['root'] })).rejects.toMatchObject({
    code: 'configuration_invalid',
    message: expect.stringContaining('x509Roots') as unknown,
  });
});
