import { expect, it } from 'vitest';
import { FLOW_NAMES } from '../src/demo/plays.js';
import { demo, ports } from './support/demo.js';

it('demo runs all flows, on the 2026-02 wire too, and ends with a table of what passed', async () => {
  const { args } = await ports();
  const all = ['all', '--quiet', '--wire', '2026-02', ...args];
  const { code, stdout, stderr } = await demo(all, { deadline: 120_000 });
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  const table = stdout
    .trimEnd()
    .split('\n')
    .slice(-(FLOW_NAMES.length + 2));
  expect(table[0]).toMatch(/^ +flow +requests +ms$/);
  const rows = table.slice(1, -1).map((line) => line.split(/ {2,}/));
  expect(rows).toEqual(
    FLOW_NAMES.map((flow) => ['PASS', flow, expect.any(String), expect.any(String)]),
  );
  const requests = rows.reduce((sum, row) => sum + Number(row[2]), 0);
  expect(table.at(-1)).toMatch(
    new RegExp(`^PASS +${FLOW_NAMES.length} of ${FLOW_NAMES.length} +${requests} +\\d+$`),
  );
}, 120_000);
