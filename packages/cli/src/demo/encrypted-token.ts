import { memoryStore } from '@countersign/agent';
import {
  decodeJws,
  generateEncryptionJwk,
  isAAuthError,
  loadTokenOpener,
  type TokenOpener,
} from '@countersign/protocol';
import type { Resource } from '@countersign/resource';
import { aauth, type AccessVariables, resourceRoutes } from '@countersign/resource/hono';
import { Hono } from 'hono';
import { CommandError } from '../command-error.js';
import { out } from '../terminal.js';
import type { Play } from './play.js';

/** A resource whose tokens are for its eyes only. */
function recordRoutes(resource: Resource): Hono<{ Variables: AccessVariables }> {
  const app = new Hono<{ Variables: AccessVariables }>();
  app.use(resourceRoutes(resource));
  const document = { purpose: 'To read your records' };
  app.get('/records', aauth(resource, { scopes: ['records.read'], document }), (c) => {
    const access = c.get('access');
    return c.json({ of: access.level === 'authorization' ? access.subject : null });
  });
  return app;
}

/** The auth server encrypts the token to the resource: the agent carries what it cannot read. */
export const encryptedToken: Play = {
  flow: 'encrypted-token',
  title: 'Encrypted Token',
  steps: [
    'The resource challenges with a document that carries its encryption key',
    'The person approves, and the auth server signs the token and encrypts it to that key',
    'The agent keeps and sends five parts that it cannot open; the resource opens them',
    'A renewed token is encrypted as well',
    'A token that was changed on its way is refused',
  ],
  async perform(stage) {
    const agentSeat = await stage.seat('Agent');
    const resourceSeat = await stage.seat('Resource');
    const authServerSeat = await stage.seat('Auth server');
    const store = memoryStore();
    const { agent } = await stage.agent({ seat: agentSeat, store });
    const tokenOpener = await newOpener('encryption-key-1');
    await stage.resource(
      [authServerSeat.id],
      { seat: resourceSeat, tokenOpener, scopes: { 'records.read': 'Read your records' } },
      (resource) => recordRoutes(resource) as unknown as Hono,
    );
    await stage.authServer({ seat: authServerSeat });
    const read = () => agent.fetch(`${resourceSeat.id}/records`, { signal: stage.signal });
    const held = async () => {
      const [one] = await store.tokens('', resourceSeat.id);
      return one ?? missing();
    };

    const first = await read();
    const body = await first.text();
    if (first.status !== 200) throw new CommandError(`The resource answered ${first.status}.`);
    const { token } = await held();
    stage.check(token.split('.').length === 5, 'what the agent holds is a JWE of five parts');
    stage.check(
      await refused((await newOpener('encryption-key-1')).open(token)),
      'keys of its own do not open it, whatever they are called',
    );
    const inside = decodeJws(await tokenOpener.open(token));
    stage.check(
      typeof inside !== 'string' && body === JSON.stringify({ of: inside.payload['sub'] }),
      'the resource read in it who consented',
    );

    stage.advance(3600);
    const renewed = await read();
    const second = await held();
    stage.check(
      renewed.status === 200 && second.token !== token && second.token.split('.').length === 5,
      'an hour later it was renewed without the person, encrypted again',
    );

    await store.removeToken('', resourceSeat.id, second.token);
    await store.saveToken('', { ...second, token: changed(second.token) }, stage.clock());
    const at = stage.observed.messages.length;
    const last = await read();
    const answers = stage.observed.messages.slice(at).map(({ answer }) => answer);
    stage.check(
      answers[0]?.startsWith('401') === true && answers[0].includes('invalid_token'),
      'a token that was changed on its way is refused',
    );
    stage.check(last.status === 200, 'and the agent gets another');
    if (!stage.options.json) out(`${body}\n`);
    return 'the resource read its token; the agent could not';
  },
};

async function newOpener(kid: string): Promise<TokenOpener> {
  return await loadTokenOpener({ keys: [await generateEncryptionJwk({ kid })] });
}

async function refused(work: Promise<unknown>): Promise<boolean> {
  try {
    await work;
    return false;
  } catch (error) {
    if (isAAuthError(error, 'invalid_token')) return true;
    throw error;
  }
}

/** The same token with one character of its ciphertext changed. */
function changed(token: string): string {
  const parts = token.split('.');
  const text = parts[3] ?? '';
  parts[3] = `${text.startsWith('A') ? 'B' : 'A'}${text.slice(1)}`;
  return parts.join('.');
}

function missing(): never {
  throw new CommandError('The agent holds no token.');
}
