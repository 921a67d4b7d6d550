import { Hono } from 'hono';
import { describe, expect, it } from 'vitest';
import { aauth, type AccessVariables, interactionRoutes, needs } from '../../src/hono.js';
import { createInteractions, memoryInteractionStore } from '../../src/index.js';
import { makeApi, sign } from '../support.js';
import {
  API,
  call,
  CALLBACK,
  codeOf,
  KEY,
  makeCalendar,
  pageOf,
  TestBrowser,
  visit,
  withReturn,
} from './kit.js';

describe('a connection in the hands of a handler', () => {
  const inside = async () => {
    const api = await makeCalendar();
    const code = await visit(api, await call(api, api.agent));
    const session = (await call(api, api.agent, { code })).headers.get('interaction-session') ?? '';
    const held = async () => {
      const request = await sign(api.agent, {
        url: `${API}/other`,
        headers: [['Interaction-Session', session]],
      });
      const checked = await api.api.check('identity', request);
      if ('response' in checked) throw new Error('refused');
      const result = await api.calendar.check(checked.request, checked.access);
      if ('response' in result) throw new Error('nothing is connected');
      return result.held;
    };
    return { api, session, held };
  };

  it('can be changed, and the next request finds the change', async () => {
    const { held } = await inside();
    const one = await held();
    expect(await one.save({ accessToken: 'renewed' })).toBe(true);
    expect(await one.save({ accessToken: 'renewed again' })).toBe(true);
    expect((await held()).data).toEqual({ accessToken: 'renewed again' });
    expect((await held()).expiresAt).toBe(one.expiresAt);
  });

  it('is changed by one of two who hold the same', async () => {
    const { held } = await inside();
    const [one, two] = [await held(), await held()];
    const saved = await Promise.all([
      one.save({ accessToken: 'one' }),
      two.save({ accessToken: 'two' }),
    ]);
    expect(saved.filter(Boolean)).toHaveLength(1);
    expect((await held()).data.accessToken).toBe(saved[0] ? 'one' : 'two');
  });

  it('can be ended: the person is asked anew, and nothing brings it back', async () => {
    const { api, session, held } = await inside();
    const [one, two] = [await held(), await held()];
    pageOf(await one.askAgain());
    pageOf(await call(api, api.agent, { session }));
    expect(await two.save({ accessToken: 'late' })).toBe(false);
    pageOf(await call(api, api.agent, { session }));
  });
});

describe('a guard without a framework', () => {
  it('opens for what was connected and hands out the session', async () => {
    const api = await makeCalendar();
    const handler = api.api.guard(
      'identity',
      api.calendar.guard((_request, access, held) =>
        Response.json({ level: access.level, token: held.data.accessToken }),
      ),
    );
    const url = `${API}/calendar`;
    const code = await visit(api, await handler(await sign(api.agent, { url })));
    const response = await handler(
      await sign(api.agent, { url, headers: [['Interaction-Code', code]] }),
    );
    expect(await response.json()).toEqual({ level: 'identity', token: 'downstream-1' });
    const session = response.headers.get('interaction-session') ?? '';
    const again = await handler(
      await sign(api.agent, { url, headers: [['Interaction-Session', session]] }),
    );
    expect(again.status).toBe(200);
  });
});

describe('a route that needs two connections', () => {
  it('asks for one after the other, under one session', async () => {
    const made = await makeApi();
    const { api, agent } = made;
    made.discovery.publishAgent(agent, { redirectUris: [CALLBACK] });
    const interactions = createInteractions(api, {
      store: memoryInteractionStore(),
      sealingKeys: [KEY],
    });
    const connect = (name: string) =>
      interactions.connection<string>({
        name,
        title: name,
        description: name,
        begin: () => ({ connected: `${name} data` }),
      });
    const app = new Hono<{ Variables: AccessVariables }>();
    app.use(interactionRoutes(interactions));
    app.get(
      '/both',
      aauth(api, 'identity'),
      needs(connect('calendar'), 'calendar'),
      needs(connect('mail'), 'mail'),
      (c) => {
        c.header('Cache-Control', 'max-age=60');
        return c.text(`${c.get('calendar').data}, ${c.get('mail').data}`);
      },
    );
    const send = async (...headers: (readonly [string, string])[]): Promise<Response> =>
      await app.request(await sign(agent, { url: `${API}/both`, headers }));
    const connected = async (challenged: Response): Promise<string> => {
      const page = withReturn(pageOf(challenged));
      return codeOf(await new TestBrowser({ app }).answer(page));
    };

    const half = await send(['Interaction-Code', await connected(await send())]);
    const session = half.headers.get('interaction-session') ?? '';
    expect(session).toMatch(/^[A-Za-z0-9_-]{43}$/);
    const code = await connected(half);
    const whole = await send(['Interaction-Code', code], ['Interaction-Session', session]);
    expect(await whole.text()).toBe('calendar data, mail data');
    expect(whole.headers.has('interaction-session')).toBe(false);
    const again = await send(['Interaction-Session', session]);
    expect(again.status).toBe(200);
    expect(again.headers.get('cache-control')).toBe('max-age=60');
  });
});
