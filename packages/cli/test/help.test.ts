import { describe, expect, it } from 'vitest';
import { runHere } from './support/here.js';
import { run } from './support/program.js';

const COMMANDS = [
  '',
  'demo',
  'fetch',
  'serve',
  'serve auth-server',
  'serve resource',
  'serve agent',
  'keygen',
  'user',
  'user add',
  'user import',
  'user list',
  'user disable',
  'user enable',
  'delegate add',
  'delegate list',
  'delegate revoke',
  'migrate',
];

const words = (command: string): string[] => command.split(' ').filter((word) => word !== '');

describe('the command line', () => {
  it.concurrent.each(COMMANDS)(
    'explains "countersign %s" with --help and exits 0',
    async (name) => {
      const { code, stdout, stderr } = await runHere([...words(name), '--help']);
      expect(code).toBe(0);
      expect(stderr).toBe('');
      expect(stdout).toMatch(new RegExp(`^Usage: countersign ${name}`));
    },
  );

  it.concurrent('does the same as an installed program', async () => {
    for (const args of [['serve', '--help'], ['nosuch'], ['fetch', 'data']]) {
      expect(await run(args)).toEqual(await runHere(args));
    }
  });

  it.concurrent('says its version', async () => {
    expect(await run(['--version'])).toMatchObject({ code: 0, stdout: '0.1.0\n' });
  });

  it.concurrent.each([
    ['', 'Usage: countersign'],
    ['nosuch', "unknown command 'nosuch'"],
    ['demo nosuch', 'There is no flow "nosuch". Flows: user-delegation, '],
    [
      'demo --agent-port 0',
      "'--agent-port <n>' argument '0' is invalid. A port is a number from 1",
    ],
    ['demo --agent-port 8002', '8002, 8002, 8003: they must differ'],
    ['fetch data', '"data" is not a URL to fetch'],
    ['fetch https://api.example/', '--id is missing'],
    ['fetch http://127.0.0.1:1 -H broken', '-H takes "Name: value", not "broken"'],
    ['fetch http://127.0.0.1:1 -X GET -d x', 'A GET request has no body'],
    ['fetch http://127.0.0.1:1 --timeout 0', 'Give whole seconds, from 1'],
  ])('calls "countersign %s" wrong usage: exit code 2, and why', async (name, why) => {
    const { code, stdout, stderr } = await runHere(words(name));
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain(why);
    expect(stderr).not.toMatch(/^ +at /m);
  });
});
