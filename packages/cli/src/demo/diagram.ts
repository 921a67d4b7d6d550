import type { Message } from './messages.js';

/** A sequence diagram (Mermaid) of what was said in a run of a flow. */
export function sequenceDiagram(messages: readonly Message[]): string {
  const parties = new Map<string, string>();
  for (const { from, to } of messages) {
    for (const name of [from, to]) {
      if (!parties.has(name)) parties.set(name, `P${parties.size + 1}`);
    }
  }
  const short = (name: string): string => parties.get(name) ?? name;
  return [
    'sequenceDiagram',
    ...Array.from(parties, ([name, id]) => `    participant ${id} as ${escaped(name)}`),
    ...messages.flatMap(({ from, to, request, answer }) => [
      `    ${short(from)}->>${short(to)}: ${escaped(request)}`,
      `    ${short(to)}-->>${short(from)}: ${escaped(answer)}`,
    ]),
  ].join('\n');
}

/** Mermaid ends a statement at `;` and reads `#` as an entity. */
function escaped(text: string): string {
  return text.replaceAll(';', ',').replaceAll('#', ' ');
}

/** Puts a diagram between a page's `<!-- trace:FLOW -->` and `<!-- /trace -->`; `undefined` when it has no such place. */
export function withDiagram(page: string, flow: string, diagram: string): string | undefined {
  const open = `<!-- trace:${flow} -->`;
  const start = page.indexOf(open);
  const end = page.indexOf('<!-- /trace -->', start);
  if (start < 0 || end < 0) return undefined;
  return `${page.slice(0, start)}${open}\n\n\`\`\`mermaid\n${diagram}\n\`\`\`\n\n${page.slice(end)}`;
}
