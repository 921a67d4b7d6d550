import open from 'open';
import type { Interaction } from '../interaction.js';
import { printUrl } from './print-url.js';

export interface OpenBrowserOptions {
  /** What is done when no browser can be started. Default {@link printUrl}. */
  readonly fallback?: Extract<Interaction, { mode: 'wait' }>;
  /** Starts the browser and resolves with its process. Default the `open` package. */
  readonly open?: (url: string) => Promise<BrowserProcess>;
}

/** The part of a child process that says whether starting it worked. */
export interface BrowserProcess {
  once(event: 'error', listener: (error: Error) => void): unknown;
  once(event: 'exit', listener: (code: number | null) => void): unknown;
}

/**
 * An interaction that opens the person's browser and waits. A browser that cannot be started, or whose starter exits
 * with a failure, leads to the fallback, once; that a browser was started does not prove that a person saw it.
 */
export function openBrowser(
  options: OpenBrowserOptions = {},
): Extract<Interaction, { mode: 'wait' }> {
  const { fallback = printUrl(), open: start = (url) => open(url) } = options;
  return {
    mode: 'wait',
    async present(request) {
      let browser: BrowserProcess;
      try {
        browser = await start(request.url);
      } catch {
        await fallback.present(request);
        return;
      }
      const failed = await new Promise<boolean>((resolve) => {
        browser.once('error', () => resolve(true));
        browser.once('exit', (code) => resolve(code !== 0 && code !== null));
        request.signal.addEventListener('abort', () => resolve(false), { once: true });
      });
      if (failed && !request.signal.aborted) await fallback.present(request);
    },
  };
}
