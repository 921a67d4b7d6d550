import { createServer } from 'node:http';
import { describe, expect, it } from 'vitest';
import { demo, ports } from './support/demo.js';

const RULE = '='.repeat(80);

/** The blocks of a trace, each with its title and the lines below it. */
function blocks(text: string): { title: string; lines: string[] }[] {
  const parts = text.split(`\n${RULE}\n`);
  const found = [];
  for (let at = 1; at + 2 < parts.length; at += 3) {
    found.push({ title: parts[at]!, lines: parts[at + 1]!.split('\n') });
  }
  return found;
}

describe('demo', () => {
  it.each(['rfc9421', '2026-01'])(
    'runs the captured flow on the %s wire and shows it as the captured run did',
    async (wire) => {
      const { args, agent, resource, auth } = await ports();
      const { code, stdout, stderr } = await demo([...args, '--wire', wire]);
      expect(code, stderr).toBe(0);
      const traced = blocks(stderr);
      const agentAt = (port: number, path: string) => [
        `>>> AGENT REQUEST to http://127.0.0.1:${port}${path}`,
        `>>> ${port === auth ? 'AUTH SERVER' : 'RESOURCE'} REQUEST received`,
        `<<< ${port === auth ? 'AUTH SERVER' : 'RESOURCE'} RESPONSE`,
        `<<< AGENT RESPONSE from http://127.0.0.1:${port}${path}`,
      ];
      expect(traced.map(({ title }) => title)).toEqual([
        'User Delegation',
        ...agentAt(resource, '/data-auth'),
        ...agentAt(auth, '/agent/token'),
        ...agentAt(auth, '/agent/token'),
        ...agentAt(resource, '/data-auth'),
        ...agentAt(resource, '/data-auth'),
      ]);

      // Access lines stand between the blocks.
      expect(stderr).toMatch(
        /\n\nINFO: {5}127\.0\.0\.1:\d+ - "GET \/\.well-known\/aauth-agent HTTP\/1\.1" 200 OK\n/,
      );
      expect(stderr).toMatch(/"GET \/data-auth HTTP\/1\.1" 401 Unauthorized\n/);
      expect(stderr).toMatch(/"GET \/callback\?code=[\w-]{43}&\S+ HTTP\/1\.1" 200 OK\n/);

      const challenge = traced.find(({ title }) => title === '<<< RESOURCE RESPONSE')!.lines;
      expect(challenge[0]).toBe('HTTP/1.1 401 Unauthorized');
      expect(challenge[1]).toMatch(
        /^agent-auth: httpsig; auth-token; resource_token="[\w-]+\.{3}$/,
      );
      expect(challenge[1]).toHaveLength('agent-auth: '.length + 100);
      expect(challenge.slice(-3)).toEqual(['', '[Body (22 bytes)]', 'Authorization required']);

      const token = traced.find(({ title }) => title.includes('AUTH SERVER REQUEST'))!.lines;
      expect(token[0]).toBe('POST /agent/token HTTP/1.1');
      const names = token.slice(1, token.indexOf('')).map((line) => line.split(':', 1)[0]);
      expect(names).toEqual(names.toSorted());
      expect(names).toContain('signature-key');
      expect(names.includes('nonce')).toBe(wire !== '2026-01');
      expect(token.at(-1)).toMatch(/^request_type=auth&resource_token=/);
      expect(token.at(-2)).toBe(`[Body (${token.at(-1)!.length} bytes)]`);

      const decoded = blocks(stdout);
      expect(decoded.map(({ title }) => title)).toEqual([
        'RESOURCE TOKEN (decoded)',
        'AUTH TOKEN (decoded)',
      ]);
      const [resourceToken, authToken] = decoded.map(({ lines }) => {
        const [header = '', payload = ''] = lines.join('\n').split('\n\nPayload:\n');
        return {
          header: JSON.parse(header.replace('Header:\n', '')),
          payload: JSON.parse(payload),
        };
      });
      const agentId = `http://127.0.0.1:${agent}`;
      expect(resourceToken).toMatchObject({
        header: { alg: 'EdDSA', kid: 'resource-key-1', typ: 'resource+jwt' },
        payload: { agent: agentId, aud: `http://127.0.0.1:${auth}`, scope: 'data.read data.write' },
      });
      expect(authToken).toMatchObject({
        header: { alg: 'EdDSA', kid: 'auth-key-1', typ: 'auth+jwt' },
        payload: {
          agent: agentId,
          sub: 'testuser',
          cnf: { jwk: { crv: 'Ed25519', kid: 'key-1' } },
        },
      });

      const [body = '', summary] = stdout.trimEnd().split('\n').slice(-2);
      expect(JSON.parse(body)).toEqual({
        message: 'Access granted',
        data: 'This is protected data (authorized)',
        scheme: 'jwt',
        token_type: 'auth+jwt',
        method: 'GET',
        agent: agentId,
        agent_delegate: null,
        scope: 'data.read data.write',
      });
      expect(summary).toMatch(
        /^PASS user-delegation: access granted; the second request needed no challenge \(\d+ requests, \d+ ms\)$/,
      );
    },
  );

  it('says which port is in use and how to choose another, and stops what it had started', async () => {
    const { args, agent, auth } = await ports();
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(auth, '127.0.0.1', resolve));
    const { code, stdout, stderr } = await demo(['--quiet', '--json', ...args]);
    other.close();
    const why = `Port ${auth} on 127.0.0.1 is in use: stop what is using it, or choose another with --auth-port.`;
    expect({ code, stderr }).toEqual({ code: 1, stderr: `error: ${why}\n` });
    expect(JSON.parse(stdout)).toMatchObject([{ passed: false, error: why }]);
    await expect(fetch(`http://127.0.0.1:${agent}/jwks.json`)).rejects.toThrow('fetch failed');
  });
});
