import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

/** A request whose head the server has taken and whose body it waits for. */
export async function beginRequest(url: string, path: string): Promise<Socket> {
  const { host, hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  await once(socket, 'connect');
  socket.write(
    `POST ${path} HTTP/1.1\r\nHost: ${host}\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n`,
  );
  await once(socket, 'data');
  socket.resume();
  socket.on('error', () => undefined);
  return socket;
}
