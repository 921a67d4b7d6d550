import { Agent, request } from 'node:http';

/** Connections that are kept, as those of a load balancer are. */
const agent = new Agent({ keepAlive: true, maxSockets: 64 });

/** Sends one request. Resolves once the answer is complete. */
export function send(port, method, path, headers = [], body) {
  return new Promise((resolve, reject) => {
    const outgoing = request({ host: '127.0.0.1', port, method, path, agent }, (incoming) => {
      let text = '';
      incoming.setEncoding('utf8');
      incoming.on('data', (chunk) => (text += chunk));
      incoming.on('error', reject);
      incoming.on('end', () => {
        resolve({ status: incoming.statusCode, headers: incoming.headersDistinct, text });
      });
    });
    outgoing.on('error', reject);
    for (const [name, value] of headers) outgoing.setHeader(name, value);
    outgoing.end(body);
  });
}
