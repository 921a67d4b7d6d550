import { hash } from '@node-rs/argon2';
import { openStorage, signIn } from '@countersign/auth-server';
import { chmodSync, existsSync, writeFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { type HereOptions, runHere } from './support/here.js';
import { run } from './support/program.js';
import { newFile } from './support/servers.js';

const database = newFile('imported.db');
const words = (...args: string[]) => ['user', ...args, '--database', `sqlite:${database}`];
const user = (args: string, options: HereOptions = {}) =>
  runHere(words(...args.split(' ')), options);
const listed = async (): Promise<string> => (await user('list')).stdout;

function file(text: string, mode = 0o600): string {
  const name = newFile('people');
  writeFileSync(name, text);
  chmodSync(name, mode);
  return name;
}

async function signsIn(username: string, password: string): Promise<boolean> {
  const storage = await openStorage(`sqlite:${database}`);
  const attempt = { username, password, address: '192.0.2.1', now: 1_700_000_000 };
  const { outcome } = await signIn(storage, attempt);
  await storage.close();
  return outcome === 'signed-in';
}

let passwordHash: string;
beforeAll(async () => {
  passwordHash = await hash('from elsewhere', { memoryCost: 1024, timeCost: 1 });
});

describe('user import', () => {
  it('takes CSV, from a file or standard input, with passwords or their hashes', async () => {
    const csv =
      'username,name,email,emailVerified,password,passwordHash\r\n' +
      'ann,"Ann, of Example",ann@people.example,true,a long password,\r\n' +
      `bob,,,,,"${passwordHash}"\r\n`;
    expect(await run(words('import', file(csv)))).toEqual({
      code: 0,
      signal: null,
      stderr: '',
      stdout: '2 people can sign in now.\n',
    });
    expect(await signsIn('ann', 'a long password')).toBe(true);
    expect(await signsIn('bob', 'from elsewhere')).toBe(true);
    const storage = await openStorage(`sqlite:${database}`);
    expect(await storage.users.findByUsername('ann')).toMatchObject({
      name: 'Ann, of Example',
      email: 'ann@people.example',
      emailVerified: true,
      subject: expect.stringMatching(/^[\w-]{22}$/),
    });
    await storage.close();
    const piped = await user('import -', { input: 'username,password\ncarl,another password\n' });
    expect(piped).toMatchObject({ code: 0, stdout: '1 person can sign in now.\n' });
    expect(await listed()).toBe('ann\nbob\ncarl\n');
  });

  it('takes one JSON object a line', async () => {
    const people = [
      { username: 'dora', password: 'a password, "quoted"', emailVerified: false, name: null },
      { username: 'emil', passwordHash },
    ];
    const text = people.map((one) => `${JSON.stringify(one)}\n`).join('\n');
    expect(await user(`import ${file(text)}`)).toMatchObject({ code: 0, stderr: '' });
    expect(await signsIn('dora', 'a password, "quoted"')).toBe(true);
    expect(await signsIn('emil', 'from elsewhere')).toBe(true);
  });

  it('tells every mistake with its line, repeats no password, and imports nobody', async () => {
    const before = await listed();
    const text = [
      'username,email,emailVerified,password,passwordHash',
      'fritz,,,hunter2hunter2,',
      'ANN,,,hunter2hunter2,',
      'gina,,,hunter2,',
      'Fritz,,,hunter2hunter2,',
      ' hans,,,hunter2hunter2,',
      ',,,,',
      'ida,ida,maybe,hunter2hunter2,',
      'jan,,true,hunter2hunter2,$argon2id$x',
      'kai,,,,"$argon2id$v=19$m=999999,t=3,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA"',
      'lea,,hunter2hunter2',
      'max,,,"hunter2hunter2,',
    ];
    const name = file(`${text.join('\n')}\n`);
    const { code, stdout, stderr } = await user(`import ${name}`);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr.trimEnd().split('\n')).toEqual([
      `error: 13 things are wrong with ${name}, and nobody has been imported:`,
      '  - line 3: That user name is taken.',
      '  - line 4: The password must have at least 8 characters.',
      '  - line 5: its user name stands on line 2 already.',
      '  - line 6: That user name has characters that cannot be seen, or is too long.',
      '  - line 7: username is missing.',
      '  - line 7: it has neither password nor passwordHash.',
      '  - line 8: email must be an address such as ann@people.example.',
      '  - line 8: emailVerified must be true or false.',
      '  - line 9: it has a password and a passwordHash: one of them is enough.',
      '  - line 9: emailVerified is true, and there is no email.',
      expect.stringMatching(/^ {2}- line 10: The password hash must be one of argon2id/),
      '  - line 11: it has 3 fields, and the first line 5.',
      '  - line 12: a quotation mark stands where none may be, or is not closed.',
    ]);
    expect(stderr).not.toContain('hunter2');
    expect(await listed()).toBe(before);
  });

  it.each([
    ['{"username":"x","username":"y"}', 'line 1: it must be a JSON object, with no member twice.'],
    ['{"username":"x","password":"long enough"}\n[1]', 'line 2: it must be a JSON object'],
    ['{"username":7,"password":"long enough"}', 'line 1: username must be a text'],
    [
      '{"username":"x","password":"long enough","admin":true}',
      'line 1: "admin" is none of username',
    ],
    [
      '{"username":"x","password":"long enough","hunter2!":1}',
      'line 1: there is something that is',
    ],
    ['username,secret\nx,y', 'line 1: "secret" is none of username'],
    ['username,password,password\nx,y,z', 'line 1: there are two columns password.'],
    ['', 'names nobody'],
    ['username,password\n', 'names nobody'],
  ])('refuses %j', async (text, why) => {
    const { code, stdout, stderr } = await user(`import ${file(text)}`);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toContain(why);
    expect(stderr).not.toContain('hunter2');
  });

  it('refuses a file that others may read, or nobody can', async () => {
    const open = file('username,password\nnina,hunter2hunter2\n', 0o640);
    expect(await user(`import ${open}`)).toMatchObject({
      code: 1,
      stderr: `error: Others may read ${open}, which holds passwords: chmod 600 ${open}\n`,
    });
    expect(await user('import /none/people.csv')).toMatchObject({
      code: 1,
      stderr: 'error: /none/people.csv cannot be read.\n',
    });
  });

  it('changes nothing when it is only tried, and says the same of mistakes', async () => {
    const before = await listed();
    const good = file('username,password\nolga,a long password\n');
    expect(await user(`import ${good} --dry-run`)).toMatchObject({
      code: 0,
      stdout: '1 person can be imported.\n',
    });
    const bad = file('username,password\nann,short\n');
    expect(await user(`import ${bad} --dry-run`)).toEqual(await user(`import ${bad}`));
    expect(await listed()).toBe(before);
    const absent = newFile('absent.db');
    const tried = await runHere(
      `user import ${good} --dry-run --database sqlite:${absent}`.split(' '),
    );
    expect(tried).toMatchObject({ code: 2, stdout: '' });
    expect(existsSync(absent)).toBe(false);
  });
});
