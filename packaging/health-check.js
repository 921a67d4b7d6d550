/** For a container's HEALTHCHECK: exits 0 while the server beside it can answer requests, without curl in the image. */
import { get } from 'node:http';

const port = process.env['COUNTERSIGN_MANAGEMENT_PORT'] || '9464';
const request = get({ host: '127.0.0.1', port, path: '/readyz', timeout: 3_000 }, (answer) => {
  answer.pipe(process.stdout);
  process.exitCode = answer.statusCode === 200 ? 0 : 1;
});
request.on('timeout', () => request.destroy(new Error('no answer within 3 seconds')));
request.on('error', ({ message }) => {
  process.stderr.write(`The management port ${port}: ${message}\n`);
  process.exitCode = 1;
});
