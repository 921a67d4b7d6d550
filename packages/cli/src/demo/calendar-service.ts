import { Hono } from 'hono';
import { html } from 'hono/html';
import { createHash, randomBytes } from 'node:crypto';
import type { DemoPerson } from './browser.js';

/** The one client that this server has: the resource of the demonstration. */
export interface CalendarClient {
  readonly id: string;
  readonly secret: string;
  readonly redirectUri: string;
}

interface Code {
  readonly username: string;
  readonly challenge: string;
}

const secret = (): string => randomBytes(32).toString('base64url');

/**
 * The other server of the demonstration: calendars behind an OAuth authorization server (RFC 6749 with PKCE), as far as
 * one client and its people need one. It knows nothing of AAuth.
 */
export class CalendarService {
  readonly #client: CalendarClient;
  readonly #people: readonly DemoPerson[];
  readonly #codes = new Map<string, Code>();
  readonly #tokens = new Map<string, string>();
  readonly app = new Hono();

  constructor(client: CalendarClient, people: readonly DemoPerson[]) {
    this.#client = client;
    this.#people = people;
    this.app.get('/authorize', (c) => {
      const query = new URL(c.req.url).searchParams;
      if (!this.#isOwnRequest(query)) return c.text('This client is not known here.', 400);
      const hidden = [...query].map(
        ([name, value]) => html`<input type="hidden" name="${name}" value="${value}" />`,
      );
      return c.html(
        html`<!doctype html>
          <title>Calendars</title>
          <h1>Let the API read your calendar?</h1>
          <form method="post" action="/authorize">
            ${hidden}
            <p>
              <label>Username <input name="username" /></label>
            </p>
            <p>
              <label>Password <input type="password" name="password" /></label>
            </p>
            <button name="decision" value="allow">Allow</button>
          </form>`,
      );
    });
    this.app.post('/authorize', async (c) => {
      const form = new URLSearchParams(await c.req.text());
      if (!this.#isOwnRequest(form)) return c.text('This client is not known here.', 400);
      const person = this.#people.find(
        ({ username, password }) =>
          username === form.get('username') && password === form.get('password'),
      );
      if (person === undefined) return c.text('The username or the password is not right.', 403);
      const code = secret();
      this.#codes.set(code, {
        username: person.username,
        challenge: form.get('code_challenge') ?? '',
      });
      const back = new URL(this.#client.redirectUri);
      back.searchParams.set('code', code);
      back.searchParams.set('state', form.get('state') ?? '');
      return c.redirect(back.href, 303);
    });
    this.app.post('/token', async (c) => {
      const form = new URLSearchParams(await c.req.text());
      const { id, secret: clientSecret } = this.#client;
      if (form.get('client_id') !== id || form.get('client_secret') !== clientSecret) {
        return c.json({ error: 'invalid_client' }, 401);
      }
      const code = form.get('code') ?? '';
      const known = this.#codes.get(code);
      this.#codes.delete(code);
      const verifier = form.get('code_verifier') ?? '';
      const challenge = createHash('sha256').update(verifier).digest('base64url');
      if (known === undefined || known.challenge !== challenge) {
        return c.json({ error: 'invalid_grant' }, 400);
      }
      const token = secret();
      this.#tokens.set(token, known.username);
      return c.json({ access_token: token, token_type: 'Bearer', expires_in: 3600 });
    });
    this.app.get('/entries', (c) => {
      const token = c.req.header('authorization')?.replace(/^Bearer /, '') ?? '';
      const owner = this.#tokens.get(token);
      if (owner === undefined) return c.json({ error: 'invalid_token' }, 401);
      return c.json({ owner, entries: ['09:00 Stand-up', '12:30 Lunch with Bo'] });
    });
  }

  #isOwnRequest(parameters: URLSearchParams): boolean {
    return (
      parameters.get('client_id') === this.#client.id &&
      parameters.get('redirect_uri') === this.#client.redirectUri &&
      parameters.get('code_challenge_method') === 'S256'
    );
  }

  /** The person, or the operator, takes back what was granted. */
  revokeAll(): void {
    this.#tokens.clear();
  }
}
