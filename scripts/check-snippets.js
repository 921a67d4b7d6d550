/** Compiles the TypeScript of README.md and docs/: what a reader copies must work. Part of `npm run lint`. */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root, runPackage } from './run.js';

/** What a snippet may use without saying where it comes from: its page, or an earlier snippet, does. */
const GIVEN = {
  keys: "declare const keys: import('@countersign/protocol').KeySet;",
  agent: "declare const agent: import('@countersign/agent').Agent;",
  resource: "declare const resource: import('@countersign/resource').Resource;",
  storage: "declare const storage: import('@countersign/auth-server').Storage;",
  discovery: "declare const discovery: import('@countersign/protocol').Discovery;",
  access: "declare const access: import('@countersign/resource').Access;",
  app: "declare const app: import('hono').Hono<{ Variables: import('@countersign/resource/hono').AccessVariables }>;",
  request: 'declare const request: Request;',
  url: 'declare const url: string;',
  personKey: 'declare const personKey: string;',
};

const folder = join(root, '.test-results', 'snippets');
rmSync(folder, { recursive: true, force: true });
mkdirSync(folder, { recursive: true });

function pages(path) {
  return readdirSync(join(root, path), { withFileTypes: true }).flatMap((entry) => {
    const name = join(path, entry.name);
    if (entry.isDirectory()) return pages(name);
    return name.endsWith('.md') ? [name] : [];
  });
}

let count = 0;
for (const page of ['README.md', ...pages('docs')]) {
  const text = readFileSync(join(root, page), 'utf8');
  for (const match of text.matchAll(/^```tsx?\n([\s\S]*?)^```$/gm)) {
    const [, code] = match;
    const line = text.slice(0, match.index).split('\n').length;
    const given = Object.entries(GIVEN).filter(
      ([name]) =>
        new RegExp(`\\b${name}\\b`).test(code) &&
        !new RegExp(
          `(?:const|let|function|class) \\{?[^=(]*\\b${name}\\b|import [^;]*\\b${name}\\b[^;]* from`,
        ).test(code),
    );
    // One line before the snippet, so that the compiler's line numbers are the page's.
    const prelude = `export {}; ${given.map(([, declaration]) => declaration).join(' ')}`;
    const name = `${page.replaceAll(/[\\/]/g, '-')}-${line}.ts`;
    writeFileSync(join(folder, name), `${'\n'.repeat(line - 1)}${prelude}\n${code}`);
    count += 1;
  }
}
writeFileSync(
  join(folder, 'tsconfig.json'),
  JSON.stringify({
    extends: '../../tsconfig.base.json',
    compilerOptions: {
      composite: false,
      declaration: false,
      declarationMap: false,
      noEmit: true,
      noUnusedLocals: false,
      noUnusedParameters: false,
    },
    include: ['*.ts'],
  }),
);
const status = runPackage('typescript', 'tsc', ['-p', folder]);
if (status === 0) console.log(`${count} snippets compile.`);
process.exitCode = status;
