import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { defineConfig, type Plugin, type TestUserConfig } from 'vitest/config';

const root = dirname(fileURLToPath(import.meta.url));
const packageRoot = (file: string): string | undefined =>
  /^.*\/packages\/[^/]+/.exec(file)?.[0] ?? undefined;

/** Tests run the sources: workspace imports and those that begin with `#` lead to `src`, not to `dist`. */
const sources: Plugin = {
  name: 'countersign-sources',
  enforce: 'pre',
  resolveId(source, importer) {
    if (source === '#platform' && importer !== undefined) {
      const own = packageRoot(importer);
      return own === undefined ? undefined : join(own, 'src/platform/node.ts');
    }
    if (source.startsWith('#markup/')) {
      return join(root, 'packages/auth-server/src/pages/markup', `${source.slice(8)}.ts`);
    }
    const match = /^@countersign\/([a-z-]+)(?:\/(.+))?$/.exec(source);
    if (match === null) return undefined;
    const entry = join(root, 'packages', match[1] ?? '', 'src', match[2] ?? 'index');
    return [`${entry}.ts`, `${entry}.tsx`, join(entry, 'index.ts')].find((file) =>
      existsSync(file),
    );
  },
};

// `*.check.ts` files need programs that not every machine has: `npm run check:openssl`.
// `*.slow.test.ts` files start many processes, browsers and database servers: `npm run check:slow`.
const names = process.env['COUNTERSIGN_CHECKS']
  ? '*.check.ts'
  : process.env['COUNTERSIGN_SLOW']
    ? '*.slow.test.ts'
    : '!(*.slow).test.ts';

/**
 * Files that need a process and modules of their own: they replace modules, or keep something for one file alone, such as
 * the folder of the command line's programs. All others share them, since loading modules again takes longer than most tests.
 */
const alone = [
  'packages/cli/test/**',
  'packages/auth-server/test/accounts/accounts.test.ts',
  'packages/auth-server/test/endpoints/sign-in.test.ts',
];

const common: TestUserConfig = {
  setupFiles: ['./test-setup.ts'],
  testTimeout: 60_000,
  hookTimeout: 90_000,
};

export default defineConfig({
  test: {
    // Native modules (SQLite, argon2) do not always survive the end of a worker thread; processes have no such trouble.
    pool: 'forks',
    maxWorkers: 2,
    projects: [
      {
        plugins: [sources],
        test: {
          ...common,
          name: 'alone',
          include: alone.map((one) => (one.endsWith('**') ? `${one}/${names}` : one)),
          sequence: { groupOrder: 0 },
        },
      },
      {
        plugins: [sources],
        test: {
          ...common,
          name: 'sharing',
          include: [`packages/*/test/**/${names}`],
          exclude: alone,
          isolate: false,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
