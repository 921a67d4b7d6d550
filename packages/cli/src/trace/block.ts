const RULE = '='.repeat(80);
const MAX_VALUE = 100;

/** What a block of the trace shows below its title. */
export interface TracedMessage {
  readonly startLine: string;
  readonly headers: Iterable<readonly [name: string, value: string]>;
  readonly body?: Uint8Array | undefined;
}

function clip(value: string): string {
  return value.length > MAX_VALUE ? `${value.slice(0, MAX_VALUE - 3)}...` : value;
}

/** A titled box of the captured run's layout: an 80-column rule, the title, a rule, the lines, a rule. */
export function titledBlock(title: string, lines: readonly string[]): string {
  return ['', RULE, title, RULE, ...lines, RULE, '', ''].join('\n');
}

/** A message in that layout: start line, headers sorted by name with long values cut, a blank line and the body. */
export function messageBlock(title: string, message: TracedMessage): string {
  const headers = [...message.headers]
    .toSorted(([one], [other]) => (one < other ? -1 : one > other ? 1 : 0))
    .map(([name, value]) => `${name}: ${clip(value)}`);
  const { body } = message;
  const lines = [message.startLine, ...headers];
  if (body !== undefined && body.length > 0) {
    lines.push('', `[Body (${body.length} bytes)]`, new TextDecoder().decode(body));
  }
  return titledBlock(title, lines);
}
