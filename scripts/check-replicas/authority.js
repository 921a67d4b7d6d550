/** Behind a proxy the authority is the configured one, and a client's address is what a trusted proxy says. */
import assert from 'node:assert/strict';
import { request as plainRequest } from 'node:http';
import { request as tlsRequest } from 'node:https';

const CLAIMS = {
  'X-Forwarded-Host': 'stranger.example',
  'X-Forwarded-Proto': 'http',
  'X-Forwarded-Port': '80',
  Forwarded: 'host=stranger.example;proto=http;for=198.51.100.9',
};

/** One request with exactly these headers, `Host` included. */
function raw(url, { headers = {}, method = 'GET', body, localAddress } = {}) {
  const { protocol, hostname, port, pathname, search } = new URL(url);
  const request = protocol === 'https:' ? tlsRequest : plainRequest;
  return new Promise((resolve, reject) => {
    const options = { hostname, port, path: `${pathname}${search}`, method, headers, localAddress };
    const outgoing = request({ ...options, agent: false, servername: hostname }, (incoming) => {
      let text = '';
      incoming.setEncoding('utf8').on('data', (chunk) => (text += chunk));
      incoming.on('end', () => {
        resolve({ status: incoming.statusCode, headers: incoming.headers, text });
      });
    });
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}

const cookieNames = (answer) =>
  (answer.headers['set-cookie'] ?? []).map((line) => line.split('=', 1)[0]);

/** What strangers write about hosts changes no document, no cookie and no signature. */
export async function checkAuthority(traffic) {
  const { issuer } = traffic;
  const document = `${issuer}/.well-known/aauth-issuer`;
  const honest = await raw(document);
  assert.equal(honest.status, 200);
  assert.equal(JSON.parse(honest.text).issuer, issuer);
  for (const [name, value] of Object.entries({ Host: 'stranger.example', ...CLAIMS })) {
    const answer = await raw(document, { headers: { [name]: value } });
    assert.ok(!answer.text.includes('stranger.example'), `${name} got into the metadata`);
    if (answer.status === 200) assert.equal(answer.text, honest.text, name);
    else assert.equal(answer.status, 421, name);
  }

  const page = traffic.personUrl(await traffic.ask());
  const asHonest = await raw(page);
  const names = cookieNames(asHonest);
  assert.ok(names.length > 0 && names.every((name) => name.startsWith('__Host-')), `${names}`);
  const asStranger = await raw(traffic.personUrl(await traffic.ask()), { headers: CLAIMS });
  assert.deepEqual(cookieNames(asStranger), names);
  assert.equal((await raw(page, { headers: { Host: 'stranger.example' } })).status, 421);

  // Signed for the issuer it is accepted whatever is claimed beside it; signed for another it is refused.
  await traffic.ask(Object.entries(CLAIMS));
  const signed = await traffic.agent.sign({ request_type: 'refresh', refresh_token: 'x' });
  const answer = async (host) => {
    const headers = Object.fromEntries(signed.headers);
    const options = { method: 'POST', headers: { ...headers, Host: host }, body: signed.body };
    return await raw(`${issuer}/agent/token`, options);
  };
  assert.equal((await answer('stranger.example')).status, 421);
  assert.equal(JSON.parse((await answer(new URL(issuer).host)).text).error, 'invalid_grant');
}

/** A Signature-Key of 9 KiB, a long query and a long state get through; what is longer is refused, not an accident. */
export async function checkSizes(traffic) {
  const { issuer } = traffic;
  const withKey = async (bytes) => {
    const start = 'sig1=(scheme=jwt jwt="';
    const key = `${start}${'A'.repeat(bytes - start.length - 2)}")`;
    const headers = {
      'Content-Type': 'application/x-www-form-urlencoded',
      'Signature-Key': key,
      'Signature-Input': 'sig1=("@method" "@authority" "@path" "signature-key");created=1',
      Signature: 'sig1=:AAAA:',
    };
    return await raw(`${issuer}/agent/token`, { method: 'POST', headers, body: 'a=b' });
  };
  const longest = await withKey(9 * 1024);
  assert.equal(longest.status, 401);
  assert.equal(JSON.parse(longest.text).error, 'invalid_signature');
  assert.ok([400, 431].includes((await withKey(17 * 1024)).status));
  const query = await raw(`${issuer}/agent/auth?request_token=${'x'.repeat(8 * 1024)}`);
  assert.ok(query.status >= 400 && query.status < 500 && query.headers['x-answered-by']);
  const body = (bytes) => raw(`${issuer}/agent/token`, { method: 'POST', body: 'x'.repeat(bytes) });
  assert.ok((await body(70 * 1024)).headers['x-answered-by'], 'the server refuses it itself');
  assert.equal((await body(100 * 1024)).status, 413);
}

/** `X-Forwarded-For` counts from trusted proxies, and the right-most address that is not one of them. */
export async function checkForwardedFor(traffic, replica) {
  const direct = `http://127.0.0.1:${replica.port}`;
  const host = new URL(traffic.issuer).host;
  /** The address that the replica's log has for a request of this id. */
  const seen = async (url, forwarded, localAddress) => {
    const from = replica.output.length;
    const path = `/agent/${Math.random().toString(36).slice(2)}`;
    const headers = { Host: host, 'X-Forwarded-For': forwarded };
    await raw(`${url}${path}`, { headers, localAddress });
    for (let attempt = 0; attempt < 100; attempt++) {
      const lines = replica.output.slice(from).split('\n');
      const line = lines.find((one) => one.includes('"msg":"request"'));
      if (line !== undefined) return JSON.parse(line).remoteAddress;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    throw new Error(`no line about a request to ${url}`);
  };
  const proxy = '127.0.0.1';
  assert.equal(await seen(direct, '198.51.100.7', proxy), '198.51.100.7');
  assert.equal(await seen(direct, '203.0.113.1, 198.51.100.7, 127.0.0.1', proxy), '198.51.100.7');
  assert.equal(await seen(direct, '198.51.100.7', '127.0.0.2'), '127.0.0.2');
}

/** nginx replaces what strangers wrote there: no replica has seen the address. */
export async function checkForwardedByProxy(traffic, replicas) {
  const starts = replicas.map(({ output }) => output.length);
  for (let count = 0; count < 4; count++) {
    await raw(`${traffic.issuer}/agent/none`, { headers: { 'X-Forwarded-For': '198.51.100.7' } });
  }
  for (const [index, { output }] of replicas.entries()) {
    assert.ok(!output.slice(starts[index]).includes('198.51.100.7'));
  }
}
