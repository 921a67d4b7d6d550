import { createInteractions, type Resource } from '@countersign/resource';
import { aauth, interactionRoutes, needs, resourceRoutes } from '@countersign/resource/hono';
import { sqliteInteractionStore } from '@countersign/resource/sqlite';
import { Hono } from 'hono';
import { createHash, randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { out } from '../terminal.js';
import { CalendarService } from './calendar-service.js';
import type { Play } from './play.js';
import { DEMO_PERSON, type Stage } from './stage.js';

/** What the resource keeps of a person's visit. */
interface Tokens {
  readonly accessToken: string;
}

/** A person does something at the resource itself: here, lets it read their calendar elsewhere (PROTOCOL section 5.11). */
export const userInteraction: Play = {
  flow: 'user-interaction',
  title: 'User Interaction at a Resource',
  steps: [
    'The agent requests the calendar and is challenged to send its person to a page of the resource',
    'The page names the agent and asks; the person goes on',
    `The resource sends the person to the calendar service (${DEMO_PERSON.username} / ${DEMO_PERSON.password}) and gets a token there, which it keeps`,
    'The person comes back to the agent with a single-use code',
    'The agent repeats its request with the code; the answer names a session for the person',
    'A second request uses the session; another agent is asked for a person of its own',
    'The calendar service takes the token back, and the person is asked anew',
  ],
  async perform(stage: Stage): Promise<string> {
    const { signal, observed } = stage;
    const resourceSeat = await stage.seat('Resource');
    const serviceSeat = await stage.seat('Calendar service');
    const client = {
      id: 'calendar-api',
      secret: randomBytes(32).toString('base64url'),
      redirectUri: `${resourceSeat.id}/calendar/callback`,
    };
    const service = new CalendarService(client, [DEMO_PERSON]);
    serviceSeat.serve(async (request) => await service.app.fetch(request));

    const store = sqliteInteractionStore(join(stage.folder, 'interactions.db'));
    stage.atEnd(() => {
      store.close();
    });
    const { agent } = await stage.agent();
    await stage.resource(
      // Nobody needs a token of it here; a resource trusts at least one.
      ['https://auth.example'],
      { seat: resourceSeat },
      (resource) => calendarRoutes(resource, { stage, store, serviceUrl: serviceSeat.id, client }),
    );

    const url = `${resourceSeat.id}/calendar`;
    const first = await agent.fetch(url, { signal });
    const body = await first.text();
    stage.check(first.status === 200, 'the agent reads the calendar of its person');
    const asked = observed.requests;
    const second = await agent.fetch(url, { signal });
    // The resource asks the calendar service each time.
    stage.check(
      second.status === 200 && observed.requests - asked === 2,
      'the second request met no challenge',
    );
    let visits = 0;
    const { agent: other } = await stage.agent({
      name: 'Another agent',
      interaction: {
        mode: 'wait',
        present: () => {
          visits += 1;
          throw new Error('nobody is there');
        },
      },
    });
    const refused = await other.fetch(url, { signal }).then(
      () => false,
      () => true,
    );
    stage.check(refused && visits === 1, 'another agent is asked for a person of its own');

    service.revokeAll();
    const before = observed.messages.length;
    const third = await agent.fetch(url, { signal });
    const again = observed.messages.slice(before).some(({ answer }) => answer.startsWith('401'));
    stage.check(
      third.status === 200 && again,
      'what was taken back elsewhere is asked for anew, and nothing else',
    );
    if (!stage.options.json) out(`${body}\n`);
    return 'the person connected a calendar at the resource, and the agent never saw its token';
  },
};

function calendarRoutes(
  resource: Resource,
  at: {
    readonly stage: Stage;
    readonly store: ReturnType<typeof sqliteInteractionStore>;
    readonly serviceUrl: string;
    readonly client: { readonly id: string; readonly secret: string; readonly redirectUri: string };
  },
): Hono {
  const { stage, store, serviceUrl, client } = at;
  const send = stage.transport('Resource');
  const interactions = createInteractions(resource, {
    store,
    sealingKeys: [randomBytes(32).toString('base64url')],
  });
  const calendar = interactions.connection<Tokens>({
    name: 'calendar',
    title: 'your calendar at the calendar service',
    description: 'It can read the entries of your calendar. It cannot change any.',
    begin: ({ state }) => {
      const verifier = randomBytes(32).toString('base64url');
      const redirect = new URL(`${serviceUrl}/authorize`);
      redirect.search = new URLSearchParams({
        response_type: 'code',
        client_id: client.id,
        redirect_uri: client.redirectUri,
        state,
        code_challenge: createHash('sha256').update(verifier).digest('base64url'),
        code_challenge_method: 'S256',
      }).toString();
      return { redirect, keep: verifier };
    },
  });

  const app = new Hono();
  app.use(resourceRoutes(resource));
  app.use(interactionRoutes(interactions));
  app.get('/calendar/callback', (c) =>
    calendar.finish(c.req.raw, c.req.query('state'), async ({ keep }) => {
      const response = await send(`${serviceUrl}/token`, {
        method: 'POST',
        body: new URLSearchParams({
          grant_type: 'authorization_code',
          code: c.req.query('code') ?? '',
          redirect_uri: client.redirectUri,
          code_verifier: keep ?? '',
          client_id: client.id,
          client_secret: client.secret,
        }),
      });
      if (!response.ok) return { denied: true };
      const { access_token: accessToken } = (await response.json()) as { access_token: string };
      return { connected: { accessToken } };
    }),
  );
  app.get('/calendar', aauth(resource, 'identity'), needs(calendar), async (c) => {
    const held = c.get('connection');
    const answer = await send(`${serviceUrl}/entries`, {
      headers: { authorization: `Bearer ${held.data.accessToken}` },
    });
    if (answer.status === 401) return await held.askAgain();
    return c.json(await answer.json());
  });
  return app;
}
