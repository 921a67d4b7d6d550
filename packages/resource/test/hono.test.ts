import { Hono } from 'hono';
import { describe, expect, it } from 'vitest';
import { makeBareKey, makeDelegate } from '../../protocol/test/kit.js';
import { aauth, type AccessVariables } from '../src/hono.js';
import { DATA, makeApi, sign, tokenHolder } from './support.js';

const text = [['Content-Type', 'application/json']] as const;

describe('a guarded Hono route', () => {
  it('finds access in its context and the body unread, as JSON too', async () => {
    const { api, agent } = await makeApi();
    const app = new Hono<{ Variables: AccessVariables }>();
    app.post('/data/:id', aauth(api, 'identity'), async (c) => {
      const access = c.get('access');
      const body: unknown = await c.req.json();
      const who = access.level === 'signature' ? '' : access.agent;
      return c.json({ who, id: c.req.param('id'), query: c.req.query('q'), body });
    });
    const request = await sign(agent, { url: `${DATA}/7?q=x`, body: '{"a":1}', headers: text });
    expect(await (await app.request(request)).json()).toEqual({
      who: 'https://agent.example',
      id: '7',
      query: 'x',
      body: { a: 1 },
    });
  });

  it('may ask for more than the routes around it', async () => {
    const made = await makeApi();
    const app = new Hono<{ Variables: AccessVariables }>();
    app.use('*', aauth(made.api, 'signature'));
    app.get('/data', (c) => c.text(c.get('access').level));
    app.get('/data/own', aauth(made.api, { scopes: ['data.read'] }), (c) =>
      c.text(c.get('access').level),
    );
    const bare = await makeBareKey();
    expect(await (await app.request(await sign(bare))).text()).toBe('signature');
    const own = { url: `${DATA}/own` };
    expect((await app.request(await sign(bare, own))).status).toBe(401);
    const holder = await tokenHolder(made);
    expect(await (await app.request(await sign(holder, own))).text()).toBe('authorization');
  });

  it('lets a body pass two guards', async () => {
    const { api, agent } = await makeApi();
    const app = new Hono<{ Variables: AccessVariables }>();
    app.use('*', aauth(api, 'signature'));
    app.post('/data', aauth(api, 'identity'), async (c) => c.text(await c.req.text()));
    const response = await app.request(await sign(agent, { body: '{}', headers: text }));
    expect(await response.text()).toBe('{}');
  });

  it('is closed when something before it has read the body', async () => {
    const { api, agent, refused } = await makeApi();
    let ran = false;
    const app = new Hono<{ Variables: AccessVariables }>();
    app.use('*', async (c, next) => {
      await c.req.text();
      await next();
    });
    app.post('/data', aauth(api, 'identity'), (c) => {
      ran = true;
      return c.text('done');
    });
    const response = await app.request(await sign(agent, { body: '{}', headers: text }));
    expect(response.status).toBe(500);
    expect(ran).toBe(false);
    expect(refused).toMatchObject([{ rule: 'body_used' }]);
  });

  it('does not run what follows it when it refuses', async () => {
    const { api } = await makeApi();
    const ran: string[] = [];
    const app = new Hono<{ Variables: AccessVariables }>();
    app.use('*', aauth(api, 'signature'), async (_c, next) => {
      ran.push('after the guard');
      await next();
    });
    app.all('*', (c) => {
      ran.push('handler');
      return c.text('done');
    });
    expect((await app.request(DATA)).status).toBe(401);
    expect(ran).toEqual([]);
  });

  it('keeps the access of concurrent requests apart', async () => {
    const { api, agent } = await makeApi();
    const app = new Hono<{ Variables: AccessVariables }>();
    app.get('*', aauth(api, 'identity'), async (c) => {
      const access = c.get('access');
      await new Promise((resolve) => setImmediate(resolve));
      return c.text(access.thumbprint);
    });
    const signers = [agent, await makeDelegate(agent), await makeDelegate(agent, { sub: 'two' })];
    const requests = await Promise.all([...signers, ...signers].map((signer) => sign(signer)));
    const answers = await Promise.all(requests.map(async (request) => await app.request(request)));
    const bodies = await Promise.all(answers.map((answer) => answer.text()));
    expect(bodies).toEqual([...signers, ...signers].map(({ key }) => key.thumbprint));
  });

  it('tells no framework variable of its own to a request that came without Node', async () => {
    const { api, agent } = await makeApi();
    const app = new Hono<{ Variables: AccessVariables }>();
    app.get('*', aauth(api, 'identity'), (c) => c.text('done'));
    const bindings: unknown[] = [undefined, {}, { incoming: null }, { incoming: { url: '/evil' } }];
    for (const env of bindings) {
      const response = await app.request(await sign(agent), undefined, env as object);
      expect(response.status).toBe(200);
    }
  });
});
