import { readdirSync, readFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { describe, expect, it } from 'vitest';

const root = new URL('../../../', import.meta.url);
const read = (path: string): string => readFileSync(new URL(path, root), 'utf8');

interface Manifest {
  readonly name: string;
  readonly workspaces?: readonly string[];
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
}
const manifestOf = (folder: string): Manifest =>
  JSON.parse(read(`${folder}/package.json`)) as Manifest;

const packages = (manifestOf('.').workspaces ?? []).map((folder) => {
  const { name, dependencies = {}, peerDependencies = {} } = manifestOf(folder);
  const peers = Object.keys(peerDependencies);
  return { folder, name, asked: Object.keys(dependencies), peers };
});
const own = new Set(packages.map(({ name }) => name));

/** The packages that what is published of a folder imports, at once or when it runs. */
function imported(folder: string): Set<string> {
  const names = new Set<string>();
  for (const part of ['src', 'bin']) {
    for (const file of filesIn(`${folder}/${part}`)) {
      const text = read(`${folder}/${part}/${file}`).replaceAll(/^ *(?:\*|\/\/|\/\*\*).*$/gm, '');
      const found = text.matchAll(
        /(?:\bfrom |\bimport\(|\brequire\w*\(|^import )'([^'.#][^']*)'/gm,
      );
      for (const [, specifier = ''] of found) {
        const name = /^(?:@[^/]+\/)?[^/]+/.exec(specifier)?.[0] ?? '';
        if (!isBuiltin(specifier) && !isBuiltin(name)) names.add(name);
      }
    }
  }
  return names;
}

function filesIn(folder: string): string[] {
  try {
    return readdirSync(new URL(folder, root), { recursive: true, encoding: 'utf8' }).filter(
      (file) => /\.[jt]sx?$/.test(file),
    );
  } catch {
    return [];
  }
}

describe.each(packages)('$name', ({ folder, name, asked, peers }) => {
  it('asks for everything that it imports', () => {
    const known = new Set([name, ...asked, ...peers]);
    expect([...imported(folder)].filter((one) => !known.has(one))).toEqual([]);
  });

  it('asks for nothing else, but what it decides to have of its dependencies’ options', () => {
    const optional = packages.flatMap((one) => (asked.includes(one.name) ? one.peers : []));
    const used = new Set([...imported(folder), ...optional]);
    expect([...asked, ...peers].filter((one) => !used.has(one))).toEqual([]);
  });
});

describe('the list of dependencies', () => {
  it('has a reason for each, and names no others', () => {
    const table = read('docs/dependencies.md')
      .split('\n')
      .filter((line) => line.startsWith('| `'));
    const listed = table.flatMap((line) =>
      Array.from((line.split('|')[1] ?? '').matchAll(/`([^`]+)`/g), ([, one]) => one),
    );
    const all = packages.flatMap(({ asked, peers }) => [...asked, ...peers]);
    const others = new Set(all.filter((one) => !own.has(one)));
    expect(listed.toSorted()).toEqual([...others].toSorted());
  });
});
