import { describe, expect, it } from 'vitest';
import { createDiscovery } from '../../src/discovery/create-discovery.js';
import type { FetchedDocument } from '../../src/discovery/document-fetch.js';
import { answer, failureOf, FakeNetwork, JSON_TYPE, manualClock, serve } from './support.js';

const URL_OF = 'https://rs.example/aauth/auth-request?request=a.b.c';

function world(route: () => FetchedDocument | Promise<FetchedDocument>) {
  const network = new FakeNetwork();
  network.routes.set(URL_OF, route);
  const clock = manualClock();
  const discovery = createDiscovery({ clock: clock.read, fetchDocument: network.fetch });
  return { network, discovery, clock };
}

describe('a document at an address', () => {
  it('is fetched anew each time: it may say something else by now', async () => {
    let text = 'one';
    const { network, discovery } = world(() =>
      answer({ purpose: text }, { cacheControl: 'max-age=86400' }),
    );
    expect(await discovery.documentAt(URL_OF)).toEqual({ purpose: 'one' });
    text = 'two';
    expect(await discovery.documentAt(URL_OF)).toEqual({ purpose: 'two' });
    expect(network.count(URL_OF)).toBe(2);
  });

  it('is fetched once for all who ask at the same time', async () => {
    const { network, discovery } = world(() => answer({}));
    await Promise.all(Array.from({ length: 20 }, () => discovery.documentAt(URL_OF)));
    expect(network.count(URL_OF)).toBe(1);
  });

  it('that cannot be had is not asked for again within ten seconds, and never served from before', async () => {
    let gone = false;
    const { network, discovery, clock } = world(() =>
      gone ? answer('', { status: 404 }) : answer({}),
    );
    await discovery.documentAt(URL_OF);
    gone = true;
    await failureOf(discovery.documentAt(URL_OF));
    await failureOf(discovery.documentAt(URL_OF));
    expect(network.count(URL_OF)).toBe(2);
    clock.now += 10;
    gone = false;
    expect(await discovery.documentAt(URL_OF)).toEqual({});
  });

  it.each<[string, () => FetchedDocument, string]>([
    ['another status', () => answer({}, { status: 404 }), 'status 404'],
    ['text', () => answer({}, { contentType: 'text/html' }), 'content type'],
    ['no type', () => answer({}, { contentType: undefined }), 'content type'],
    ['no JSON', () => answer('{'), 'not a JSON object'],
    ['an array', () => answer([]), 'not a JSON object'],
    ['a member twice', () => answer('{"scope":"a","scope":"b"}'), 'not a JSON object'],
    [
      'a member of a detail twice',
      () => answer('{"authorization_details":[{"type":"a","to":"b","to":"c"}]}'),
      'not a JSON object',
    ],
    ['more than 64 KiB', () => answer(JSON.stringify('a'.repeat(65_536))), 'too large'],
  ])('is refused with %s', async (_title, route, reason) => {
    const { discovery } = world(route);
    const error = await failureOf(discovery.documentAt(URL_OF));
    expect(error.detail).toContain(reason);
    // What the sender wants kept is in the query: it does not get into the log.
    expect(`${error.message} ${error.detail}`).not.toContain('a.b.c');
  });

  it.each<[string, string]>([
    ['plain http', 'http://rs.example/document'],
    ['a fragment', `${URL_OF}#a`],
    ['user info', 'https://a@rs.example/document'],
    ['no URL', 'document'],
  ])('is not fetched at all from %s', async (_title, url) => {
    const { network, discovery } = world(() => answer({}));
    await failureOf(discovery.documentAt(url));
    expect(network.asked).toEqual([]);
  });

  it('over real sockets: is read, a redirect is not followed, and a private address is not asked', async () => {
    const server = await serve((request, response) => {
      if (request.url === '/moved') {
        response.writeHead(302, { location: '/document' }).end();
      } else {
        response.writeHead(200, JSON_TYPE).end('{"purpose":"x"}');
      }
    });
    const { read: clock } = manualClock();
    const discovery = createDiscovery({ clock, insecureLoopback: true });
    expect(await discovery.documentAt(`${server.id}/document`)).toEqual({ purpose: 'x' });
    await failureOf(discovery.documentAt(`${server.id}/moved`));
    expect(server.requests).toEqual(['/document', '/moved']);
    await failureOf(createDiscovery({ clock }).documentAt('https://10.0.0.1/document'));
    await failureOf(discovery.documentAt('https://169.254.169.254/document'));
  });
});
