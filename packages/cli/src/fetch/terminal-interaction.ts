import type { Agent, Interaction, InteractionRequest } from '@countersign/agent';
import open from 'open';
import { createInterface } from 'node:readline';
import { renderUnicodeCompact } from 'uqr';
import { note } from './terminal.js';

/** Shows the page to approve on: the URL alone on its line, a QR code on a terminal, and a browser if one is wanted. */
export function terminalInteraction(options: {
  readonly openBrowser: boolean;
  readonly agent: () => Agent;
}): Interaction {
  return {
    mode: 'wait',
    present: (request) => {
      note('\nOpen this URL to approve:\n');
      note(request.url);
      note('');
      if (process.stderr.isTTY) note(`${renderUnicodeCompact(request.url)}\n`);
      if (options.openBrowser) openInBrowser(request.url);
      note(
        'Waiting for the answer. If the browser is on another machine, paste the address it ends on here.',
      );
      acceptPastedAddresses(options.agent(), request);
    },
  };
}

/** Opens a browser if there is one; the URL has been printed, so a failure needs no more words. */
function openInBrowser(url: string): void {
  open(url)
    .then((child) => {
      child.on('error', () => undefined);
      child.unref();
    })
    .catch(() => undefined);
}

/** Reads standard input while the flow waits: each line may be the address that a browser ended on. */
function acceptPastedAddresses(agent: Agent, request: InteractionRequest): void {
  const reader = createInterface({ input: process.stdin });
  reader.on('line', (line) => {
    const address = line.trim();
    if (address === '') return;
    void agent.acceptCallback(address).then((outcome) => {
      if (outcome.kind === 'refused')
        note(`That address was not accepted: ${outcome.error.message}`);
    });
  });
  request.signal.addEventListener('abort', () => {
    reader.close();
    process.stdin.pause();
    process.stdin.unref();
  });
}
