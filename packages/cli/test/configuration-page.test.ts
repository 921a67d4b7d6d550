import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { authServerSettings } from '../src/settings/auth-server-settings.js';
import { readAuthServerSettings } from '../src/settings/read-auth-server-settings.js';
import { type AnySetting, flagOf, variableOf } from '../src/settings/setting.js';

const pathOf = (name: string): string =>
  fileURLToPath(new URL(`../../../${name}`, import.meta.url));
const cells = (line: string): string[] =>
  line
    .split(/(?<!\\)\|/)
    .slice(1, -1)
    .map((cell) => cell.trim());

describe('docs/configuration.md', () => {
  const rows = readFileSync(pathOf('docs/configuration.md'), 'utf8')
    .split('\n')
    .filter((line) => line.startsWith('| `'))
    .map(cells);

  it('has a row for every setting, in their order, and for nothing else', () => {
    expect(rows.map(([name]) => name)).toEqual(
      Object.keys(authServerSettings).map((name) => `\`${name}\``),
    );
  });

  it.each(Object.entries<AnySetting>(authServerSettings))(
    'says of %s what it takes and what holds without it',
    (name, { allowed, default: standard }) => {
      const row = rows.find(([cell]) => cell === `\`${name}\``);
      expect(row?.slice(1, 3)).toEqual([
        allowed,
        standard === undefined ? '' : `\`${JSON.stringify(standard).replaceAll('"', '')}\``,
      ]);
    },
  );

  it('says truly how options and variables are spelled', () => {
    expect(flagOf('sameOriginRedirects')).toBe('--same-origin-redirects');
    expect(variableOf('sameOriginRedirects')).toBe('COUNTERSIGN_SAME_ORIGIN_REDIRECTS');
  });
});

describe('examples/auth-server.yaml', () => {
  it('is a configuration fit for production', async () => {
    const { values, issuer, trustedIssuers, warnings } = await readAuthServerSettings({
      config: pathOf('examples/auth-server.yaml'),
    });
    expect(issuer).toBe('https://auth.example');
    expect(values).toMatchObject({ preset: 'production', authTokenSeconds: 900, log: 'json' });
    expect(trustedIssuers).toEqual(['https://auth.partner.example']);
    expect(warnings).toEqual([]);
  });
});
