import type { Agent, Interaction, InteractionRequest } from '@countersign/agent';
import { createInterface } from 'node:readline';
import { note } from '../terminal.js';

/** Shows the page to approve on: the URL alone on its line, a QR code on a terminal, and a browser if one is wanted. */
export function terminalInteraction(options: {
  readonly openBrowser: boolean;
  readonly agent: () => Agent;
}): Interaction {
  return {
    mode: 'wait',
    present: async (request) => {
      const { url } = request;
      // Above the URL, so that a small terminal scrolls the code away and not what it stands for.
      if (process.stderr.isTTY) await showQrCode(url);
      note(`Open this URL to approve:\n${url}\n`);
      note(
        'Waiting for the answer. From a browser on another machine, paste the address it ends on.',
      );
      acceptPastedAddresses(options.agent(), request);
      if (options.openBrowser) await openInBrowser(url);
    },
  };
}

async function showQrCode(url: string): Promise<void> {
  const { renderUnicodeCompact } = await import('uqr');
  const code = renderUnicodeCompact(url);
  if (code.indexOf('\n') <= process.stderr.columns) note(`\n${code}\n`);
}

/** Opens a browser if there is one; the URL has been printed, so a failure needs no more words. */
async function openInBrowser(url: string): Promise<void> {
  try {
    const { default: open } = await import('open');
    const child = await open(url);
    child.on('error', () => undefined);
    child.unref();
  } catch {
    // No browser here.
  }
}

/** Reads standard input while the flow waits: each line may be the address that a browser ended on. */
function acceptPastedAddresses(agent: Agent, request: InteractionRequest): void {
  // A file or /dev/null is no socket and has neither of the two.
  const stdin: { ref?(): void; unref?(): void } = process.stdin;
  stdin.ref?.();
  const reader = createInterface({ input: process.stdin });
  reader.on('line', (line) => {
    const address = line.trim();
    if (address === '' || request.signal.aborted) return;
    void agent.acceptCallback(address).then((outcome) => {
      if (outcome.kind !== 'refused') return;
      const { rule, message } = outcome.error;
      const why =
        rule === 'address_other'
          ? message
          : `It is not the answer to this request (${rule ?? 'unknown'}).`;
      note(`That address was not accepted. ${why} Still waiting.`);
    });
  });
  request.signal.addEventListener('abort', () => {
    reader.close();
    process.stdin.pause();
    stdin.unref?.();
  });
}
