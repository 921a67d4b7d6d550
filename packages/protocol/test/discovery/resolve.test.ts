import { createSocket } from 'node:dgram';
import { describe, expect, it } from 'vitest';
import { resolveByDns, resolveBySystem } from '../../src/platform/resolve.js';

const TYPE_A = 1;

/** A name server that answers as told: address records by query type, `undefined` for silence. */
async function nameServer(
  records: (type: number) => readonly Uint8Array[] | undefined,
): Promise<{ address: string; close: () => void }> {
  const socket = createSocket('udp4');
  socket.on('message', (query, { port, address }) => {
    const questionEnd = query.indexOf(0, 12) + 5;
    const type = query.readUInt16BE(questionEnd - 4);
    const found = records(type);
    if (found === undefined) return;
    const answers = found.map((data) =>
      Buffer.concat([Buffer.from([0xc0, 12, 0, type, 0, 1, 0, 0, 0, 0, 0, data.length]), data]),
    );
    const header = Buffer.from([0, 0, 0x81, 0x80, 0, 1, 0, answers.length, 0, 0, 0, 0]);
    query.copy(header, 0, 0, 2);
    socket.send(
      Buffer.concat([header, query.subarray(12, questionEnd), ...answers]),
      port,
      address,
    );
  });
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
  return { address: `127.0.0.1:${socket.address().port}`, close: () => void socket.close() };
}

describe('resolving', () => {
  it('finds the addresses of both families by DNS', async () => {
    const six = new Uint8Array(16).fill(0x20);
    const server = await nameServer((type) => [
      type === TYPE_A ? new Uint8Array([8, 8, 4, 4]) : six,
    ]);
    const { signal } = new AbortController();
    expect(await resolveByDns('a.example', signal, [server.address])).toEqual([
      '8.8.4.4',
      '2020:2020:2020:2020:2020:2020:2020:2020',
    ]);
    server.close();
  });

  it('finds a name of one family only', async () => {
    const server = await nameServer((type) =>
      type === TYPE_A ? [new Uint8Array([8, 8, 4, 4])] : [],
    );
    const { signal } = new AbortController();
    expect(await resolveByDns('a.example', signal, [server.address])).toEqual(['8.8.4.4']);
    server.close();
  });

  it('stops asking a silent name server when told to', async () => {
    const server = await nameServer(() => undefined);
    const abort = new AbortController();
    const asked = resolveByDns('a.example', abort.signal, [server.address]);
    abort.abort();
    await expect(asked).rejects.toMatchObject({ code: 'ECANCELLED' });
    server.close();
  });

  it('leaves the names that an operator chose to the machine', async () => {
    const { signal } = new AbortController();
    expect(await resolveBySystem('localhost', signal)).toContain('127.0.0.1');
    await expect(resolveBySystem('localhost', AbortSignal.abort())).rejects.toThrow();
  });
});
