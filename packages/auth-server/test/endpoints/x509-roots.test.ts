import { loadTrustRoots } from '@countersign/protocol';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { issueRoot } from '../../../protocol/test/x509/authority.js';
import { Bench } from './kit.js';

let bench: Bench;
beforeAll(async () => {
  bench = await Bench.open();
});
afterAll(() => bench.close());

it('a server is made with roots for x509 that are certificates of CAs', async () => {
  await bench.serverWith({ x509Roots: await loadTrustRoots([issueRoot().pem]) });
});

it('roots for x509 that are not certificates cannot be loaded', async () => {
  await expect(loadTrustRoots(['root'])).rejects.toMatchObject({
    code: 'configuration_invalid',
    message: expect.stringContaining('x509Roots') as unknown,
  });
});
