import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { sequenceDiagram, withDiagram } from '../src/demo/diagram.js';
import type { FlowResult } from '../src/demo/flow.js';
import { FLOW_NAMES } from '../src/demo/plays.js';
import { run } from './support/program.js';
import { freePort } from './support/servers.js';

const pageOf = (flow: string) =>
  readFileSync(new URL(`../../../docs/flows/${flow}.md`, import.meta.url), 'utf8');

describe('the page of a flow', () => {
  it('shows the messages of a real run, for every flow (npm run docs:flows writes them)', async () => {
    const [agent, resource, auth] = [await freePort(), await freePort(), await freePort()];
    const ports = `--agent-port ${agent} --resource-port ${resource} --auth-port ${auth}`;
    const { code, stdout, stderr } = await run(`demo all --quiet --json ${ports}`.split(' '), {
      deadline: 120_000,
    });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const results = JSON.parse(stdout) as FlowResult[];
    expect(results).toEqual(
      FLOW_NAMES.map((flow) => ({
        flow,
        passed: true,
        requests: expect.any(Number),
        milliseconds: expect.any(Number),
        messages: expect.any(Array),
      })),
    );
    for (const { flow, messages } of results) {
      const page = pageOf(flow);
      expect(messages.length, flow).toBeGreaterThan(1);
      expect(withDiagram(page, flow, sequenceDiagram(messages)), flow).toBe(page);
    }
  }, 120_000);

  it('keeps its words when its diagram is written anew', () => {
    const page = 'before\n<!-- trace:x -->\nold\n<!-- /trace -->\nafter\n';
    const message = { from: 'A', to: 'B', request: 'GET /; #1', answer: '200' };
    expect(withDiagram(page, 'x', sequenceDiagram([message]))).toBe(
      'before\n<!-- trace:x -->\n\n```mermaid\nsequenceDiagram\n    participant P1 as A\n' +
        '    participant P2 as B\n    P1->>P2: GET /,  1\n    P2-->>P1: 200\n```\n\n<!-- /trace -->\nafter\n',
    );
    expect(withDiagram(page, 'y', '')).toBeUndefined();
  });
});
