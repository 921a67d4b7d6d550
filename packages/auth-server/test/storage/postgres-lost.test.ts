import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { expect, it } from 'vitest';
import { openStorage, StorageError } from '../../src/storage/index.js';

function message(type: string, content: Buffer): Buffer {
  const length = Buffer.alloc(4);
  length.writeInt32BE(content.length + 4);
  return Buffer.concat([Buffer.from(type), length, content]);
}

/** What PostgreSQL says to somebody who has just signed in when it is stopped at that moment, in one piece. */
const WELCOME_AND_GOODBYE = Buffer.concat([
  message('R', Buffer.alloc(4)),
  message('Z', Buffer.from('I')),
  message('E', Buffer.from('SFATAL\0C57P01\0Mterminating connection\0\0')),
]);

it('a connection that is lost the moment it is made is a failure of the operation, not of the process', async () => {
  const server = createServer((socket) => {
    socket.once('data', () => socket.end(WELCOME_AND_GOODBYE));
    socket.on('error', () => undefined);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  await expect(openStorage(`postgres://someone@127.0.0.1:${port}/any`)).rejects.toBeInstanceOf(
    StorageError,
  );
  server.close();
});
