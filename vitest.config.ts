import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { defineConfig, type Plugin } from 'vitest/config';

const root = dirname(fileURLToPath(import.meta.url));
const packageRoot = (file: string): string | undefined =>
  /^.*\/packages\/[^/]+/.exec(file)?.[0] ?? undefined;

/** Tests run the sources: workspace imports and the `#platform` import lead to `src`, not to `dist`. */
const sources: Plugin = {
  name: 'countersign-sources',
  enforce: 'pre',
  resolveId(source, importer) {
    if (source === '#platform' && importer !== undefined) {
      const own = packageRoot(importer);
      return own === undefined ? undefined : join(own, 'src/platform/node.ts');
    }
    const match = /^@countersign\/([a-z-]+)(?:\/(.+))?$/.exec(source);
    if (match === null) return undefined;
    const entry = join(root, 'packages', match[1] ?? '', 'src', match[2] ?? 'index');
    return [`${entry}.ts`, `${entry}.tsx`, join(entry, 'index.ts')].find((file) =>
      existsSync(file),
    );
  },
};

export default defineConfig({
  plugins: [sources],
  test: {
    // `*.check.ts` files need programs that not every machine has: `npm run check:openssl`.
    // `*.slow.test.ts` files start many processes, browsers and database servers: `npm run check:slow`.
    include: process.env['COUNTERSIGN_CHECKS']
      ? ['packages/*/test/**/*.check.ts']
      : process.env['COUNTERSIGN_SLOW']
        ? ['packages/*/test/**/*.slow.test.ts']
        : ['packages/*/test/**/!(*.slow).test.ts'],
    setupFiles: ['./test-setup.ts'],
    testTimeout: 60_000,
    hookTimeout: 90_000,
    // Native modules (SQLite, argon2) do not always survive the end of a worker thread; processes have no such trouble.
    pool: 'forks',
    maxWorkers: 2,
  },
});
