import { chmodSync, existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse } from 'yaml';
import { afterAll, afterEach, describe, expect, it, vi } from 'vitest';
import { authServerSettings } from '../src/settings/auth-server-settings.js';
import { printConfiguration } from '../src/settings/print-configuration.js';
import { readAuthServerSettings } from '../src/settings/read-auth-server-settings.js';
import { flagOf, variableOf } from '../src/settings/setting.js';

const folder = mkdtempSync(join(tmpdir(), 'countersign-configuration-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
afterEach(() => vi.unstubAllEnvs());

let count = 0;
function newFile(text: string, mode = 0o600): string {
  const file = join(folder, `${++count}.yaml`);
  writeFileSync(file, text);
  chmodSync(file, mode);
  return file;
}

const ISSUER = 'https://auth.example';
const read = (flags: Record<string, unknown> = {}) =>
  readAuthServerSettings({ issuer: ISSUER, ...flags });

/** What is wrong with these settings, as it is told. */
async function refusal(flags: Record<string, unknown>): Promise<string> {
  const error: unknown = await readAuthServerSettings(flags).then(
    () => undefined,
    (caught: unknown) => caught,
  );
  expect(error).toMatchObject({ name: 'CommandError', exitCode: 2 });
  return (error as Error).message;
}

describe('the settings of an auth server', () => {
  it('have defaults but for the issuer', async () => {
    const { values, issuer, port, warnings } = await read();
    expect({ issuer, port }).toEqual({ issuer: ISSUER, port: 8003 });
    expect(values).toMatchObject({
      database: 'sqlite:./countersign.db',
      host: '127.0.0.1',
      authTokenSeconds: 3600,
      maxPendingPerAgent: 1000,
      log: 'text',
    });
    expect(warnings).toEqual([]);
  });

  it('come from the command line first, then variables, then their files, then the file', async () => {
    const config = newFile('host: 10.0.0.1\nport: 8101\nsessionSeconds: 120\ncodeSeconds: 30\n');
    vi.stubEnv('COUNTERSIGN_HOST', '10.0.0.2');
    vi.stubEnv('COUNTERSIGN_PORT', '8102');
    vi.stubEnv('COUNTERSIGN_SESSION_SECONDS_FILE', newFile('240\n'));
    const { values, given } = await read({ config, host: '10.0.0.3' });
    expect(values).toMatchObject({
      host: '10.0.0.3',
      port: 8102,
      sessionSeconds: 240,
      codeSeconds: 30,
    });
    expect([...given].map(([name, { where }]) => [name, where])).toEqual([
      ['issuer', '--issuer'],
      ['port', 'COUNTERSIGN_PORT'],
      ['host', '--host'],
      ['codeSeconds', `codeSeconds (${config}, line 4)`],
      ['sessionSeconds', 'COUNTERSIGN_SESSION_SECONDS'],
    ]);
  });

  it('may all stand in a file, as YAML or as JSON, whose name may be a variable', async () => {
    const policy = { otherwise: 'deny', access: [] };
    const written = { issuer: 'https://other.example', trust: ['https://a.example'], policy };
    vi.stubEnv('COUNTERSIGN_CONFIG', newFile(JSON.stringify(written)));
    const json = await readAuthServerSettings({});
    const yaml = await readAuthServerSettings({
      config: newFile(
        'issuer: https://other.example\ntrust: https://a.example\npolicy:\n  otherwise: deny\n  access: []\n',
      ),
    });
    for (const { issuer, trustedIssuers, values } of [json, yaml]) {
      expect(issuer).toBe('https://other.example');
      expect(trustedIssuers).toEqual(['https://a.example']);
      expect(values.policy).toEqual(policy);
    }
  });

  it('leave alone what the file names without a value', async () => {
    const { values } = await read({ config: newFile('host:\nport: ~\n') });
    expect(values).toMatchObject({ host: '127.0.0.1', port: undefined });
    expect((await read({ config: newFile('') })).values.host).toBe('127.0.0.1');
  });

  it('have each one option, one variable and one key', () => {
    for (const [name, { flags }] of Object.entries(authServerSettings)) {
      expect(flags.split(' ')[0]?.replace('--no-', '--')).toBe(flagOf(name));
      expect(variableOf(name)).toMatch(/^COUNTERSIGN_[A-Z0-9_]+$/);
    }
  });

  it('understand a variable that is spelled as an option with "no"', async () => {
    vi.stubEnv('COUNTERSIGN_NO_MIGRATE', 'yes');
    expect((await read()).values.migrate).toBe(false);
    vi.stubEnv('COUNTERSIGN_NO_MIGRATE', '');
    vi.stubEnv('COUNTERSIGN_MIGRATE', 'false');
    expect((await read()).values.migrate).toBe(false);
  });
});

describe('a setting that cannot be used', () => {
  it.each([
    ['port', 0, '1 to 65535'],
    ['port', 65_536, '1 to 65535'],
    ['port', 80.5, '1 to 65535'],
    ['port', '"8003"', '1 to 65535'],
    ['consent', 'sometimes', 'always or never'],
    ['codeSeconds', 4, 'whole seconds, from 5 to 600'],
    ['skewSeconds', 61, 'whole seconds, from 0 to 60'],
    ['authTokenSeconds', 86_401, 'whole seconds, from 60 to 86400'],
    ['maxActors', 17, 'a number from 1 to 16'],
    ['trace', 'maybe', 'true or false'],
    ['acceptWire', '[2025-01]', 'rfc9421, 2026-02, 2026-01'],
    ['database', 'mysql://db', 'sqlite:FILE or postgres://'],
    ['preset', 'prod', 'production or development'],
    ['log', 'xml', 'text or json'],
  ])('is named with line, value and what is allowed: %s: %s', async (name, value, allowed) => {
    const config = newFile(`issuer: ${ISSUER}\n${name}: ${value}\n`);
    const message = await refusal({ config });
    expect(message).toContain(`${name} (${config}, line 2) is `);
    expect(message).toContain(allowed);
  });

  it('is told together with all others, once each', async () => {
    vi.stubEnv('COUNTERSIGN_LOG', 'xml');
    const config = newFile('prot: 1\nport: http\nport: 2\nsecret-thing: x\n');
    const message = await refusal({ config, issuer: ISSUER, host: '', codeSeconds: '1' });
    expect(message.split('\n')).toEqual([
      '6 things are wrong with the settings:',
      `  - ${config}, line 3: this setting stands in the file already.`,
      `  - ${config}, line 1: "prot" is not a setting. Did you mean port?`,
      `  - ${config}, line 4: "secret-thing" is not a setting.`,
      '  - --host is "": it takes an address of this machine.',
      '  - --code-seconds is 1: it takes whole seconds, from 5 to 600.',
      '  - COUNTERSIGN_LOG is "xml": it takes text or json.',
    ]);
  });

  it('is told together with what several settings mean beside each other', async () => {
    const flags = {
      issuer: 'http://auth.example',
      codeSeconds: '1',
      database: 'sqlite::memory:',
      preset: 'production',
      trustedProxy: ['10.0.0.0/8', 'x'],
      x509Roots: '/none/roots.pem',
      refreshIdleSeconds: '900',
      refreshAbsoluteSeconds: '600',
      policy: '/none/policy.json',
    };
    const [first, ...lines] = (await refusal(flags)).split('\n');
    expect(first).toBe('8 things are wrong with the settings:');
    expect(lines.map((line) => line.split(' ', 6).slice(3).join(' '))).toEqual([
      '--code-seconds is 1:',
      '--issuer is "http://auth.example":',
      '--trusted-proxy is "x":',
      '--refresh-idle-seconds is 900,',
      '--auth-token-seconds is 3600,',
      '--x509-roots is "/none/roots.pem":',
      '--policy is "/none/policy.json":',
      '--database is in',
    ]);
  });

  it('is not told twice: what depends on it is not looked at', async () => {
    expect(await refusal({ issuer: ISSUER, refreshAbsoluteSeconds: '1' })).toBe(
      '--refresh-absolute-seconds is 1: it takes whole seconds, from 60 to 158112000.',
    );
    const twice = await refusal({ issuer: 'http://auth.example', insecureLoopback: 'so' });
    expect(twice).toContain('--insecure-loopback is "so"');
    expect(twice).not.toContain('--issuer');
  });

  it('is an entry of a list, and named by its own line or value', async () => {
    const list = (name: string, ...entries: string[]) =>
      `${name}:\n${entries.map((entry) => `  - ${entry}\n`).join('')}`;
    const config = newFile(
      `issuer: ${ISSUER}\n` +
        list('acceptWire', 'rfc9421', '2025-01', '2026-02', '2024-01') +
        list('trust', 'https://a.example', 'b.example', ISSUER) +
        list('user', 'ann:hunter2', 'bob', '":eve"', '7'),
    );
    const message = await refusal({ config });
    expect(message.split('\n').slice(1)).toEqual([
      `  - user (${config}, line 15) cannot be used: it takes NAME:PASSWORD.`,
      `  - acceptWire (${config}, line 4) is "2025-01": it takes rfc9421, 2026-02, 2026-01.`,
      `  - acceptWire (${config}, line 6) is "2024-01": it takes rfc9421, 2026-02, 2026-01.`,
      expect.stringMatching(
        /^ {2}- trust \(.*, line 9\) is "b\.example": it must be an https origin/,
      ),
      `  - trust (${config}, line 10) is "${ISSUER}": that is this server, which trusts itself.`,
    ]);
    const users = newFile(`issuer: ${ISSUER}\n${list('user', 'ann:hunter2', 'bob', '":eve"')}`);
    expect((await refusal({ config: users })).split('\n').slice(1)).toEqual(
      [4, 5].map(
        (line) =>
          `  - user (${users}, line ${line}) takes NAME:PASSWORD, and neither of them may be empty.`,
      ),
    );
    expect(await refusal({ issuer: ISSUER, acceptWire: ['rfc9421', 'x'] })).toBe(
      '--accept-wire is "x": it takes rfc9421, 2026-02, 2026-01.',
    );
  });

  it('is no secret in the answer', async () => {
    const config = newFile('user: [7]\ndatabase: postgres://me:hunter2@\n');
    const message = await refusal({ config, issuer: ISSUER });
    expect(message).toContain('user (');
    expect(message).not.toContain('7]');
    const whole = await refusal({ config: newFile('user: ["alone-password"]'), issuer: ISSUER });
    expect(whole).toContain('takes NAME:PASSWORD');
    expect(whole).not.toContain('alone-password');
  });

  it.each([
    ['a list', '[1, 2]', 'it must hold settings with their values'],
    ['a text', 'hello', 'it must hold settings with their values'],
    ['two documents', 'port: 1\n---\nport: 2', 'one document, not 2'],
    ['no YAML', 'port: [1', 'line 1'],
    ['a tag of its own', 'host: !include x', 'tag'],
    ['an alias of nothing', 'host: *other', 'line 1'],
  ])('makes a file of %s useless as a whole', async (_what, text, why) => {
    expect(await refusal({ config: newFile(text), issuer: ISSUER })).toContain(why);
  });

  it('cannot make a file that explodes', async () => {
    const levels = 'xbcdefghi'.split('').map((name, index, all) =>
      index === 0
        ? '  x: &x [1,1,1,1,1,1,1,1,1]'
        : `  ${name}: &${name} [${Array(9)
            .fill(`*${all[index - 1]}`)
            .join(',')}]`,
    );
    const message = await refusal({
      config: newFile(`policy:\n${levels.join('\n')}\n`),
      issuer: ISSUER,
    });
    expect(message).toContain('refers to too much else in the file');
  });

  it('is a file that is absent, a folder or too large', async () => {
    expect(await refusal({ config: join(folder, 'absent.yaml') })).toContain('cannot be read');
    expect(await refusal({ config: folder })).toContain('cannot be read');
    const large = newFile(`# ${'x'.repeat(1024 * 1024)}`);
    expect(await refusal({ config: large })).toContain('at most 1 MiB');
  });

  it.each([
    ['--refresh-idle-seconds', { refreshIdleSeconds: '900', refreshAbsoluteSeconds: '600' }],
    ['--auth-token-seconds', { refreshIdleSeconds: '600', refreshAbsoluteSeconds: '600' }],
  ])('contradicts another: %s', async (name, flags) => {
    const message = await refusal({ issuer: ISSUER, authTokenSeconds: '601', ...flags });
    expect(message).toContain(`${name} is `);
    expect(message).toContain('more than a refresh token lives in all');
    const { values } = await read({ ...flags, refreshIdleSeconds: '600', authTokenSeconds: '600' });
    expect(values.authTokenSeconds).toBe(600);
  });

  it.each([
    ['postgresql+psycopg://u:hunter2@db/x', '--database is "postgresql+psycopg://u:…@db/x"'],
    ['POSTGRES://u:hunter2@db/x', '--database is "POSTGRES://u:…@db/x"'],
    ['postgres:u:hunter2@db.example/x', '--database is "postgres:…"'],
    ['postgres://u:hunter2@db/x?sslmode=bogus', 'sslmode in the URL'],
    ['postgres://u:hunter2@db/x?foo=hunter2', 'has the setting "foo"'],
  ])('is a database URL whose password is not shown: %s', async (database, why) => {
    const message = await refusal({ issuer: ISSUER, database });
    expect(message).toContain(why);
    expect(message).not.toContain('hunter2');
  });

  it('names a file of certificates without any', async () => {
    const file = newFile('garbage');
    expect(await refusal({ issuer: ISSUER, x509Roots: file })).toBe(
      `--x509-roots is "${file}": there is no PEM certificate in it.`,
    );
    const broken = newFile('-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n');
    expect(await refusal({ issuer: ISSUER, x509Roots: broken })).toContain(`"${broken}": `);
  });

  it('names certificates that cannot be read', async () => {
    expect(await refusal({ issuer: ISSUER, x509Roots: '/none/roots.pem' })).toBe(
      '--x509-roots is "/none/roots.pem": it cannot be read.',
    );
  });
});

describe('the preset for production', () => {
  it('takes settings that are fit for it, and logs JSON', async () => {
    const { values, warnings } = await read({ preset: 'production' });
    expect(values.log).toBe('json');
    expect(warnings).toEqual([]);
    expect((await read({ preset: 'production', log: 'text' })).values.log).toBe('text');
  });

  const insecure: readonly (readonly [string, Record<string, unknown>])[] = [
    ['--insecure-loopback', { insecureLoopback: true }],
    ['--trace', { trace: true }],
    ['--consent never', { consent: 'never' }],
    ['--user', { user: ['ann:hunter2'] }],
    ['--accept-wire', { acceptWire: ['2026-01'] }],
    ['--same-origin-redirects', { sameOriginRedirects: true }],
    ['--database', { database: 'sqlite::memory:' }],
    ['--database', { database: 'postgres://me:hunter2@db.example/x?sslmode=disable' }],
    ['--database', { database: 'postgres://me:hunter2@db.example/x?sslmode=no-verify' }],
    ['--database', { database: 'postgres://me:hunter2@db.example/x?ss%6Cmode=%64isable' }],
    ['--database', { database: 'postgres://me:hunter2@localhost.evil.example/x?sslmode=disable' }],
    [
      '--database',
      { database: 'postgres://me:hunter2@localhost/x?host=db.example&sslmode=disable' },
    ],
  ];
  it.each(insecure)('refuses %s, and says what to do instead', async (name, flags) => {
    const message = await refusal({ issuer: ISSUER, preset: 'production', ...flags });
    expect(message.startsWith(`${name} `)).toBe(true);
    expect(message).toContain('For production, ');
    expect(message).not.toContain('hunter2');
  });

  it.each(insecure)('is what keeps %s out: without it there is a warning', async (name, flags) => {
    const { warnings } = await read(flags);
    expect(warnings).toHaveLength(1);
    expect(warnings[0]?.startsWith(`${name} `)).toBe(true);
    expect(warnings[0]).not.toContain('hunter2');
  });

  it.each([
    'postgres://me:x@127.0.0.1/x?sslmode=disable',
    'postgres:///x?host=/run/postgresql&sslmode=disable',
    'postgres://me:x@db.example/x',
  ])('takes a connection that stays on this machine or is verified: %s', async (database) => {
    expect((await read({ preset: 'production', database })).values.database).toBe(database);
  });

  it('asks for a Nonce unless it is told not to', async () => {
    expect((await read()).values.requireNonce).toBe(false);
    expect((await read({ preset: 'production' })).values.requireNonce).toBe(true);
    vi.stubEnv('COUNTERSIGN_REQUIRE_NONCE', 'false');
    expect((await read({ preset: 'production' })).values.requireNonce).toBe(false);
  });

  it('refuses an issuer over http, whatever else is said', async () => {
    const flags = { issuer: 'http://127.0.0.1:8003', preset: 'production' };
    expect(await refusal(flags)).toContain('plain http is for development only');
  });

  it('refuses a file with a secret that others may read, which else is only said', async () => {
    const text = 'database: postgres://me:hunter2@db.example/x\n';
    const flags = { issuer: ISSUER, preset: 'production' };
    const open = newFile(text, 0o644);
    expect(await refusal({ ...flags, config: open })).toBe(
      `${open} holds a secret and others may read it: chmod 600 ${open}.`,
    );
    expect((await read({ config: open })).warnings).toHaveLength(1);
    expect((await read({ config: newFile(text), preset: 'production' })).warnings).toEqual([]);
    const harmless = newFile('port: 8003\n', 0o644);
    expect((await read({ config: harmless, preset: 'production' })).warnings).toEqual([]);
  });
});

describe('a database file that exists', () => {
  const database = (mode: number, suffix = ''): string => {
    const file = newFile('', 0o600);
    chmodSync(suffix === '' ? file : newFileBeside(file, suffix), mode);
    return file;
  };
  const newFileBeside = (file: string, suffix: string): string => {
    writeFileSync(`${file}${suffix}`, '');
    return `${file}${suffix}`;
  };

  it.each([
    [0o640, ''],
    [0o604, ''],
    [0o644, '-wal'],
  ])('of mode %o that others may use is refused in production, else said', async (mode, suffix) => {
    const file = database(mode, suffix);
    const flags = { issuer: ISSUER, database: `sqlite:${file}` };
    const why =
      `${file}${suffix} holds password hashes and signing keys, and other accounts of this machine may use it: ` +
      `chmod 600 ${file}${suffix}`;
    expect(await refusal({ ...flags, preset: 'production' })).toBe(why);
    expect((await read(flags)).warnings).toEqual([why]);
    expect(statSync(`${file}${suffix}`).mode & 0o777).toBe(mode);
  });

  it('of its owner alone is taken', async () => {
    const flags = { database: `sqlite:${database(0o600)}`, preset: 'production' };
    expect((await read(flags)).warnings).toEqual([]);
  });
});

describe('the preset for development', () => {
  it('accepts loopback without being told, and says so', async () => {
    const { issuer, warnings } = await readAuthServerSettings({ preset: 'development' });
    expect(issuer).toBe('http://127.0.0.1:8003');
    expect(warnings).toEqual(['--preset development accepts plain http on loopback.']);
  });
});

describe('the printed configuration', () => {
  const flags = {
    trust: ['https://a.example'],
    authTokenSeconds: '600',
    policy: undefined,
    migrate: false,
    trustedProxy: ['10.0.0.0/8, ::1'],
  };

  it('can be read again and says the same', async () => {
    const config = newFile('policy:\n  otherwise: deny\n  access: []\nmanagementPort: 9100\n');
    const first = await read({ ...flags, config });
    const printed = printConfiguration(first);
    const second = await readAuthServerSettings({ config: newFile(printed) });
    expect(second.values).toEqual({ ...first.values, port: 8003 });
    expect(second.issuer).toBe(ISSUER);
    expect(printed).toContain('authTokenSeconds: 600  # --auth-token-seconds\n');
    expect(printed).toContain(`managementPort: 9100  # managementPort (${config}, line 4)\n`);
    expect(printed).toContain('host: 127.0.0.1  # default\n');
    expect(Object.keys(parse(printed) as object)).toContain('trustedProxy');
  });

  it('has a line for each setting and no secret', async () => {
    const configuration = await read({
      user: ['ann:hunter2'],
      database: 'postgres://me:hunter3@db.example/x?application_name=hunter4',
    });
    const printed = printConfiguration(configuration);
    expect(printed).toContain('# user: <secret>  # --user\n');
    expect(printed).toContain('# database: postgres://me:…@db.example/x?…  # --database\n');
    expect(printed).not.toMatch(/hunter\d/);
    for (const name of Object.keys(authServerSettings)) {
      expect(printed).toMatch(new RegExp(`^(?:# )?${name}: `, 'm'));
    }
  });

  it('was made without anything else', () => {
    expect(existsSync('countersign.db')).toBe(false);
  });
});
