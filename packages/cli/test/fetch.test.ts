import { readFileSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { json, type PeerServer, type Received, type Reply, serve } from './peers/http.js';
import { runHere } from './support/here.js';
import { run } from './support/program.js';
import { freePort, newFile } from './support/servers.js';

/** Answers with what it was sent. */
let echo: PeerServer;
const answers: Readonly<Record<string, Reply>> = {
  '/created': { status: 201, headers: { 'x-one': '1' }, body: 'made' },
  '/missing': { status: 404, headers: { 'content-type': 'text/plain' }, body: 'nothing here\n' },
  '/broken': { status: 500, body: '' },
  '/away': { status: 302, headers: { location: 'http://127.0.0.2:1/elsewhere' } },
};
beforeAll(async () => {
  echo = await serve(
    ({ method, path, query, headers, body }: Received) =>
      answers[path] ?? json({ method, path, query, headers, body }),
  );
});
afterAll(() => echo.close());

const ours = (path: string, ...args: string[]) =>
  runHere(['fetch', `${echo.url}${path}`, '--scheme', 'hwk', ...args]);

describe('fetch', () => {
  it('writes the body to standard output and nothing else anywhere', async () => {
    const { code, stdout, stderr } = await run(
      `fetch ${echo.url}/data?page=2 --scheme hwk`.split(' '),
    );
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const sent = JSON.parse(stdout);
    expect(sent).toMatchObject({ method: 'GET', path: '/data', query: 'page=2', body: '' });
    expect(sent.headers['signature-key']).toMatch(/^sig1=\(scheme=hwk kty="OKP" crv="Ed25519" x="/);
    expect(sent.headers['signature-input']).toContain('"@query" "signature-key");created=');
  });

  it("takes curl's -X, -H and -d", async () => {
    const args = ['-X', 'put', '-H', 'Accept: text/plain', '-H', 'X-Two:  two words ', '-d', 'a=1'];
    const sent = JSON.parse((await ours('/data', ...args)).stdout);
    expect(sent).toMatchObject({ method: 'PUT', body: 'a=1' });
    expect(sent.headers).toMatchObject({
      accept: 'text/plain',
      'x-two': 'two words',
      'content-type': 'application/x-www-form-urlencoded',
      'content-digest': expect.stringContaining('sha-256=:'),
    });
  });

  it('joins data with &, reads files and standard input, and posts it unless told otherwise', async () => {
    const file = newFile('data.json');
    writeFileSync(file, '{"b":2}\n');
    const joined = JSON.parse((await ours('/data', '-d', 'a=1', '-d', 'b=2')).stdout);
    expect(joined).toMatchObject({ method: 'POST', body: 'a=1&b=2' });
    const type = ['-H', 'Content-Type: application/json'];
    const read = JSON.parse((await ours('/data', '-d', `@${file}`, ...type)).stdout);
    expect(read).toMatchObject({ method: 'POST', body: '{"b":2}\n' });
    expect(read.headers['content-type']).toBe('application/json');
    const url = `${echo.url}/data`;
    const piped = await run(['fetch', url, '--scheme', 'hwk', '-d', '@-'], {
      input: 'from a pipe',
    });
    expect(JSON.parse(piped.stdout)).toMatchObject({ method: 'POST', body: 'from a pipe' });
  });

  it('writes the head with -i and the body to a file with -o', async () => {
    const shown = await ours('/created', '-i');
    expect(shown.code).toBe(0);
    expect(shown.stdout).toMatch(/^HTTP\/1\.1 201 Created\r\n(?:[^\r]+\r\n)*x-one: 1\r\n\r\nmade$/);
    const file = newFile('body');
    expect(await ours('/created', '-o', file)).toMatchObject({ code: 0, stdout: '', stderr: '' });
    expect(readFileSync(file, 'utf8')).toBe('made');
    const { code, stderr } = await ours('/created', '-o', '/none/body');
    expect(code).toBe(1);
    expect(stderr).toBe('error: -o is "/none/body", which cannot be written (ENOENT).\n');
  });

  it('shows the exchange with -v on standard error', async () => {
    const { stdout, stderr } = await ours('/created', '-v');
    expect(stdout).toBe('made');
    expect(stderr).toContain(`\n>>> AGENT REQUEST to ${echo.url}/created\n`);
    expect(stderr).toContain(`\n<<< AGENT RESPONSE from ${echo.url}/created\n`);
    expect(stderr).toMatch(/\nHTTP\/1\.1 201 Created\n/);
  });

  it('ends with exit code 1 for 400 and above, body and all', async () => {
    const missing = await ours('/missing');
    expect(missing).toMatchObject({ code: 1, stdout: 'nothing here\n' });
    expect(missing.stderr).toBe(`error: ${echo.url} answered 404 Not Found\n`);
    expect((await ours('/broken')).code).toBe(1);
  });

  it('does not follow a redirect to another origin', async () => {
    const { code, stdout, stderr } = await ours('/away');
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toContain('http://127.0.0.2:1');
    expect(stderr.trimEnd()).not.toContain('\n');
  });

  it('says in one line that a server cannot be reached', async () => {
    const port = await freePort();
    const { code, stdout, stderr } = await runHere(['fetch', `http://127.0.0.1:${port}/data`]);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toBe(
      `error: http://127.0.0.1:${port} cannot be reached: nothing is listening there.\n`,
    );
  });
});
