/**
 * An API in front of calendars that people have elsewhere: before an agent gets at one, its person connects it by OAuth,
 * on the resource's own page. The resource keeps the tokens of the other server; agents never see them.
 */
import type { Resource } from '@countersign/resource';
import { createInteractions, type InteractionStore } from '@countersign/resource';
import { aauth, interactionRoutes, needs, resourceRoutes } from '@countersign/resource/hono';
import { Hono } from 'hono';

/** What the other server handed out for one person's calendar. */
interface Tokens {
  readonly accessToken: string;
  readonly refreshToken: string | undefined;
}

/** The OAuth server that the calendars are behind, and this API's account there. */
export interface CalendarServer {
  readonly authorizationEndpoint: string;
  readonly tokenEndpoint: string;
  readonly calendarEndpoint: string;
  readonly clientId: string;
  readonly clientSecret: string;
}

export function calendarApi(
  resource: Resource,
  server: CalendarServer,
  /** `sqliteInteractionStore('interactions.db')`, and 32 random bytes as base64url. */
  kept: { readonly store: InteractionStore; readonly sealingKeys: readonly [string] },
): Hono {
  const redirectUri = `${resource.id}/calendar/callback`;

  const requestTokens = async (grant: Record<string, string>): Promise<Tokens | undefined> => {
    const { clientId, clientSecret } = server;
    const body = new URLSearchParams({
      ...grant,
      client_id: clientId,
      client_secret: clientSecret,
    });
    const response = await fetch(server.tokenEndpoint, { method: 'POST', body });
    if (response.status === 400) return undefined;
    if (!response.ok) throw new Error(`the token endpoint answered ${response.status}`);
    const answer = (await response.json()) as { access_token: string; refresh_token?: string };
    const refreshToken = answer.refresh_token ?? grant['refresh_token'];
    return { accessToken: answer.access_token, refreshToken };
  };

  const interactions = createInteractions(resource, kept);
  const calendar = interactions.connection<Tokens>({
    name: 'calendar',
    title: 'your calendar at Example Cloud',
    description: 'It can read the entries of your calendar. It cannot change any.',
    begin: async ({ state }) => {
      const verifier = base64url(crypto.getRandomValues(new Uint8Array(32)));
      const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(verifier));
      const redirect = new URL(server.authorizationEndpoint);
      redirect.search = new URLSearchParams({
        response_type: 'code',
        client_id: server.clientId,
        redirect_uri: redirectUri,
        scope: 'openid offline_access',
        prompt: 'consent',
        state,
        code_challenge: base64url(new Uint8Array(digest)),
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
      const code = c.req.query('code');
      if (code === undefined || keep === null) return { denied: true };
      const tokens = await requestTokens({
        grant_type: 'authorization_code',
        code,
        redirect_uri: redirectUri,
        code_verifier: keep,
      });
      return tokens === undefined ? { denied: true } : { connected: tokens };
    }),
  );

  const readCalendar = (token: string): Promise<Response> =>
    fetch(server.calendarEndpoint, { headers: { authorization: `Bearer ${token}` } });

  app.get('/calendar', aauth(resource, 'identity'), needs(calendar), async (c) => {
    const held = c.get('connection');
    let answer = await readCalendar(held.data.accessToken);
    const { refreshToken } = held.data;
    if (answer.status === 401 && refreshToken !== undefined) {
      const renewed = await requestTokens({
        grant_type: 'refresh_token',
        refresh_token: refreshToken,
      });
      if (renewed !== undefined && (await held.save(renewed))) {
        answer = await readCalendar(renewed.accessToken);
      }
    }
    // The person ended it there: they are asked anew.
    if (answer.status === 401) return await held.askAgain();
    return c.json(await answer.json());
  });
  return app;
}

function base64url(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replaceAll('=', '');
}
