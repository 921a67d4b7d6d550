import { type Browser, chromium } from 'playwright-core';

/**
 * Starts Chromium: the one that `COUNTERSIGN_CHROMIUM` names, else the system's. Rejects when it cannot be started,
 * so that tests in a browser fail where there is none: what they show is shown nowhere else.
 */
export async function startChromium(): Promise<Browser> {
  return await chromium.launch({
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
}
