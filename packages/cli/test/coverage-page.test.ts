import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

const ROOT = new URL('../../../', import.meta.url);

/** Every section of the protocol text, in its order. */
const SECTIONS = '1 2 2.1 2.2 3 4 5 5.1 5.2 5.3 5.4 5.5 5.6 5.7 5.8 5.9 5.10 5.11 5.12 6 7 8'.split(
  ' ',
);

const page = readFileSync(new URL('docs/coverage.md', ROOT), 'utf8');

/** What stands under each numbered heading, up to the next heading. */
const parts = page
  .split(/^(?=#{2,3} )/m)
  .map((text) => ({ text, number: /^#{2,3} (\d+(?:\.\d+)?)\.? /.exec(text)?.[1] }))
  .filter((part) => part.number !== undefined);

const pathsIn = (text: string): string[] =>
  Array.from(text.matchAll(/`((?:packages|docs|examples)\/[^`\s]*)`/g), ([, path = '']) => path);

describe('the page that says what of the protocol is done', () => {
  it('has every section, once and in order', () => {
    expect(parts.map(({ number }) => number)).toEqual(SECTIONS);
  });

  it('says of each section where it is done, where it is tested and what is not done', () => {
    for (const { text, number } of parts) {
      const paths = pathsIn(text);
      expect(
        paths.some((path) => path.includes('/src/')),
        `${number}: done in`,
      ).toBe(true);
      expect(
        paths.some((path) => path.includes('/test/')),
        `${number}: tested in`,
      ).toBe(true);
      expect(text, `${number}: not done`).toMatch(/^Not done: /m);
    }
  });

  it('names files that exist', () => {
    const paths = pathsIn(page);
    expect(paths.length).toBeGreaterThan(200);
    expect(paths.filter((path) => !existsSync(new URL(path, ROOT)))).toEqual([]);
  });

  it('gathers at its end what is not done', () => {
    expect(page.split(/^(?=## )/m).at(-1)).toMatch(/^## Not done$/m);
  });
});
