import { AAuthError } from '@countersign/protocol';
import { afterEach, describe, expect, it } from 'vitest';
import { jsonLog } from '../../src/observability/json-log.js';
import { LineLimit } from '../../src/observability/line-limit.js';
import type { LogLevel } from '../../src/observability/log.js';
import { note, takeNotes } from '../../src/terminal.js';

/** A log that writes into memory. */
function logged(level: LogLevel = 'info') {
  const written: string[] = [];
  const log = jsonLog(level, { write: (line) => void written.push(line) });
  return { log, written, lines: () => written.map((line) => JSON.parse(line) as object) };
}

const answered = (status: number) =>
  ({
    type: 'request-finished',
    endpoint: 'token',
    method: 'POST',
    outcome: status < 400 ? 'answered' : 'refused',
    status,
    durationMilliseconds: 1.23456,
    requestId: 'id-1',
    remoteAddress: '192.0.2.1',
  }) as const;

describe('the JSON log', () => {
  afterEach(() => {
    takeNotes((line) => void process.stderr.write(`${line}\n`));
  });

  it('writes one line per request: id, endpoint, status, duration and client', () => {
    const { log, lines } = logged();
    log.event(answered(200));
    expect(lines()).toEqual([
      {
        level: 'info',
        time: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/) as string,
        msg: 'request',
        requestId: 'id-1',
        endpoint: 'token',
        method: 'POST',
        remoteAddress: '192.0.2.1',
        outcome: 'answered',
        status: 200,
        ms: 1.23,
      },
    ]);
  });

  it('tells of what was no HTTP request, and not of all that a flood sends', () => {
    const { log, lines } = logged();
    const unreadable = { peer: '192.0.2.1:7', status: 400, reason: 'HPE_INVALID_METHOD' };
    for (let count = 0; count < 1_100; count++) log.unreadable(unreadable);
    expect(lines()[0]).toMatchObject({
      level: 'info',
      msg: 'unreadable request',
      client: '192.0.2.1:7',
      status: 400,
      reason: 'HPE_INVALID_METHOD',
    });
    expect(lines()).toHaveLength(1_000);
  });

  it('keeps what strangers wrote on one line, harmless and short', () => {
    const { log, written, lines } = logged();
    const detail = `a\nb\u001B[2J\u0085\u202E\u2028"} ${'x'.repeat(2000)}`;
    log.refused(new AAuthError('invalid_request', 'public', { rule: 'rule', detail }));
    const [line = ''] = written;
    expect(line.match(/\n/g)).toHaveLength(1);
    expect(line.length).toBeLessThan(800);
    expect(line.trimEnd()).not.toMatch(/[\p{Cc}\p{Cf}\u2028]/u);
    expect(lines()[0]).toMatchObject({ code: 'invalid_request', rule: 'rule', msg: 'refused' });
  });

  it('writes the path of an answer without its query', () => {
    const { log, written } = logged();
    const line = { peer: '192.0.2.1:1', method: 'GET', httpVersion: '1.1', reason: 'OK' };
    log.answered({ ...line, target: '/agent/auth?request_token=secret', status: 200 });
    expect(written[0]).toContain('"path":"/agent/auth"');
    expect(written[0]).not.toContain('secret');
  });

  it('takes notes as lines too, warnings as such', () => {
    const { lines } = logged();
    note('WARNING: beware');
    note('Stopping');
    expect(lines()).toMatchObject([
      { level: 'warn', msg: 'beware' },
      { level: 'info', msg: 'Stopping' },
    ]);
  });

  it('leaves out what is below its level', () => {
    const { log, written } = logged('error');
    log.event(answered(200));
    log.event({ type: 'storage-failed', reason: 'gone' });
    expect(written).toHaveLength(1);
  });

  it('holds a flood of refused requests to 1,000 lines, counts the rest, and writes what was granted', () => {
    const { log, written, lines } = logged();
    for (let at = 0; at < 5_000; at++) log.event(answered(401));
    expect(written).toHaveLength(1_000);
    log.event(answered(200));
    log.end();
    expect(lines().slice(1_000)).toMatchObject([
      { status: 200 },
      { level: 'warn', msg: 'lines left out', count: 4_000 },
    ]);
    expect(log.linesLeftOut).toBe(4_000);
  });
});

describe('the limit of lines', () => {
  it('tells at the next line after ten seconds how many were left out, and admits anew', () => {
    let now = 0;
    const told: number[] = [];
    const limit = new LineLimit({
      maxLines: 2,
      now: () => now,
      onLeftOut: (count) => told.push(count),
    });
    expect([limit.admits(), limit.admits(), limit.admits(), limit.admits()]).toEqual([
      true,
      true,
      false,
      false,
    ]);
    now = 9_999;
    expect(limit.admits()).toBe(false);
    now = 10_000;
    expect(limit.admits()).toBe(true);
    expect(told).toEqual([3]);
  });
});
