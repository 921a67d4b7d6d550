import type { Interaction } from '@countersign/agent';
import type { Resource } from '@countersign/resource';
import { aauth, type AccessVariables, resourceRoutes } from '@countersign/resource/hono';
import { Hono } from 'hono';
import { DemoBrowser } from './browser.js';
import type { Play } from './play.js';
import { meaningOf, refusalOf } from './refusal.js';
import { DEMO_PERSON } from './stage.js';

const SCOPES = {
  'notes.read': 'Read your notes',
  'notes.write': 'Change your notes',
  'notes.delete': 'Delete your notes for ever',
};

function notes(resource: Resource): Hono {
  const app = new Hono<{ Variables: AccessVariables }>();
  app.use(resourceRoutes(resource));
  app.get('/notes', aauth(resource, { scopes: ['notes.read'] }), (c) => c.text('read'));
  app.put('/notes', aauth(resource, { scopes: ['notes.read', 'notes.write'] }), (c) =>
    c.text('written'),
  );
  app.delete('/notes', aauth(resource, { scopes: ['notes.read', 'notes.delete'] }), (c) =>
    c.text('deleted'),
  );
  return app as unknown as Hono;
}

/** An endpoint that asks for more than the token has (PROTOCOL sections 3 and 5.2). */
export const stepUp: Play = {
  flow: 'step-up',
  title: 'Step-Up',
  steps: [
    'The agent reads, with a token that a person approved for reading',
    'It writes: 403 insufficient_scope, with a challenge for everything that writing asks',
    'The person sees what is new beside what they have approved already, and approves',
    'The wider token serves both from then on',
    'The person refuses deleting: nothing is deleted, and what was granted still serves',
  ],
  async perform(stage) {
    const agentSeat = await stage.seat('Agent');
    const resourceSeat = await stage.seat('Resource');
    const authServerSeat = await stage.seat('Auth server');
    const { observed, signal } = stage;
    let seen = '';
    let decision: 'approve' | 'deny' = 'approve';
    const looking: typeof fetch = async (input, init) => {
      const response = await fetch(input, init);
      if (response.headers.get('content-type')?.startsWith('text/html') === true) {
        const html = await response.clone().text();
        if (html.includes('value="deny"')) seen = html;
      }
      return response;
    };
    const interaction: Interaction = {
      mode: 'wait',
      present: async ({ url }) => {
        const person = { ...DEMO_PERSON, decision };
        await new DemoBrowser(person, observed.watch('Person', looking)).visit(url);
      },
    };
    const { agent } = await stage.agent({ seat: agentSeat, interaction });
    await stage.resource([authServerSeat.id], { seat: resourceSeat, scopes: SCOPES }, notes);
    await stage.authServer({ seat: authServerSeat });
    const url = `${resourceSeat.id}/notes`;
    const call = async (method: string): Promise<string> =>
      await (await agent.fetch(url, { method, signal })).text();

    stage.check((await call('GET')) === 'read', 'reading was approved');
    stage.check(!seen.includes('Already approved'), 'nothing had been approved before');
    stage.check((await call('PUT')) === 'written', 'writing was approved');
    const fresh = seen.indexOf('notes.write');
    const already = seen.indexOf('Already approved');
    stage.check(
      fresh !== -1 && already > fresh && seen.indexOf('notes.read') > already,
      'the page showed writing as new, and reading as approved already',
    );

    const asked = observed.requests;
    for (const method of ['GET', 'PUT', 'GET', 'PUT']) await call(method);
    stage.check(
      observed.requests === asked + 4,
      'the wider token serves both, without a challenge',
    );

    decision = 'deny';
    const error = await refusalOf(call('DELETE'));
    stage.check(error.code === 'interaction_denied', `deleting: ${meaningOf(error)}`);
    const after = observed.requests;
    stage.check((await call('PUT')) === 'written', 'writing still serves');
    stage.check(observed.requests === after + 1, 'and is not asked for again');
    return 'the wider token serves both endpoints; what the person refused was not done';
  },
};
