import { readdirSync } from 'node:fs';
import { type Browser, chromium } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decide } from './support/person.js';
import { folder, type Running, start } from './support/program.js';
import { freePort } from './support/servers.js';

let browser: Browser;
beforeAll(async () => {
  browser = await chromium.launch({
    executablePath: process.env['COUNTERSIGN_CHROMIUM'] ?? '/usr/bin/chromium',
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      '--no-first-run',
    ],
  });
});
afterAll(() => browser.close());

/** Starts the demonstration without a terminal; returns the URL it asks to open. */
async function startDemo(extra: string[] = []): Promise<{ program: Running; url: string }> {
  const [agent, resource, auth] = [await freePort(), await freePort(), await freePort()];
  const ports = `--agent-port ${agent} --resource-port ${resource} --auth-port ${auth}`;
  const args = ['demo', '--manual', ...ports.split(' '), ...extra];
  const program = start(args, { env: { TMPDIR: folder } });
  const [, url = ''] = await program.see(/open the following URL in your browser:\n\n +(\S+)\n/);
  expect(program.stderr()).toContain('Sign in as testuser with the password testpass.');
  return { program, url };
}

describe('demo --manual', () => {
  it('waits for a person with a browser, even with --quiet, then goes on by itself', async () => {
    const { program, url } = await startDemo(['--quiet']);
    const page = await browser.newPage();
    await page.goto(url);
    await page.getByLabel('Username').fill('testuser');
    await page.getByLabel('Password').fill('testpass');
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByRole('button', { name: 'Approve' }).click();
    await page.getByRole('heading', { name: 'Approved' }).waitFor();
    expect(await page.locator('main').innerText()).toContain('return to Demonstration agent');
    const { code, stdout, stderr } = await program.ended;
    expect(code, stderr).toBe(0);
    expect(stdout).toMatch(/^\{"message":"Access granted".+\}\nPASS user-delegation.+\n$/);
    expect(stderr).toMatch(/^\n={80}\nMANUAL CONSENT REQUIRED\n={80}\n[^>]+\n={80}\n\n$/);
  });

  it('ends with exit code 1 and says so when the person denies', async () => {
    const { program, url } = await startDemo();
    expect((await decide(url, { deny: true })).html).toContain('Not approved');
    const { code, stdout, stderr } = await program.ended;
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toMatch(/^error: Access was denied at the auth server http:\S+/m);
    expect(stderr).not.toMatch(/^ +at /m);
  });

  it.each(['SIGINT', 'SIGTERM'] as const)(
    'stops on %s and leaves nothing behind',
    async (signal) => {
      const { program } = await startDemo();
      program.kill(signal);
      const { code, stderr } = await program.ended;
      expect(code).toBe(130);
      expect(stderr).toMatch(/error: Stopped before the end\.\n$/);
      expect(readdirSync(folder)).toEqual([]);
    },
  );
});
