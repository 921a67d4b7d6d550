import type { Interaction } from '../interaction.js';

export interface PrintUrlOptions {
  /** Takes the lines to show. Default standard error, so that standard output stays the program's own. */
  readonly write?: (text: string) => void;
}

/** An interaction that prints `Open this URL to approve:` and the URL alone on the next line, and waits. */
export function printUrl(options: PrintUrlOptions = {}): Extract<Interaction, { mode: 'wait' }> {
  const write = options.write ?? ((text: string) => void process.stderr.write(text));
  return {
    mode: 'wait',
    present({ url }) {
      write(`Open this URL to approve:\n${url}\n`);
    },
  };
}
