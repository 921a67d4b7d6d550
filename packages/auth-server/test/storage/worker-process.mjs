// The other process of the tests with two processes: opens the store at the first task and answers each task once.
// Run from the sources, as the tests are, so that no build has to come first.
import { fileURLToPath } from 'node:url';
import { runnerImport } from 'vite';

const [url, name] = process.argv.slice(2);
const load = async (path) => {
  const file = fileURLToPath(new URL(path, import.meta.url));
  return (await runnerImport(file, { configFile: false, logLevel: 'error' })).module;
};
const { openStorage } = await load('../../src/storage/index.ts');
const fixtures = await load('./contract/fixtures.ts');

let opening;

const tasks = {
  key: async (storage) => {
    const key = { kid: name, algorithm: 'ed25519', privateJwk: {}, createdAt: fixtures.NOW };
    return [(await storage.signingKeys.insertIfNone(key)).kid];
  },
  approve: async (storage) => {
    await fixtures.approvedCode(storage);
    return [];
  },
  redeem: async (storage) =>
    (
      await fixtures.hundred((index) =>
        storage.codes.redeem(
          fixtures.redemption({
            refreshTokenHash: `${name}-${index}`,
            issued: { jti: `${name}-${index}`, kind: 'auth', expiresAt: fixtures.NOW + 3600 },
          }),
        ),
      )
    ).map((result) => result.reason ?? result.outcome),
};

async function answer(task) {
  try {
    opening ??= openStorage(url);
    process.send({ answer: await tasks[task](await opening) });
  } catch (error) {
    process.send({ error: String(error.stack) });
  }
}

process.on('message', (task) => void answer(task));
process.send({ answer: [] });
