/**
 * An API that asks for each payment by itself: what the person approves is one amount to one payee, and the token is
 * encrypted to this API. `countersign keygen resource-keys.json` makes the keys file; the encryption key is made here.
 */
import { serve } from '@hono/node-server';
import { generateEncryptionJwk, loadKeySet } from '@countersign/protocol';
import {
  type Access,
  type AuthorizationDetail,
  createResource,
  loadTokenOpener,
} from '@countersign/resource';
import { aauth, type AccessVariables, resourceRoutes } from '@countersign/resource/hono';
import { sqliteReplayStore } from '@countersign/resource/sqlite';
import { Hono } from 'hono';
import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { z } from 'zod';

const ENCRYPTION_KEYS = 'encryption-keys.json';
if (!existsSync(ENCRYPTION_KEYS)) {
  const keys = [await generateEncryptionJwk({ kid: 'encryption-1' })];
  await writeFile(ENCRYPTION_KEYS, JSON.stringify({ keys }), { mode: 0o600, flag: 'wx' });
}

const resource = createResource({
  id: process.env['API_URL'] ?? 'https://payments.example',
  keys: await loadKeySet(JSON.parse(await readFile('resource-keys.json', 'utf8'))),
  authServers: ['https://auth.example'],
  scopes: {
    'payments.make': 'Make payments from your account',
    'payments.list': 'See the payments you have made',
  },
  replay: sqliteReplayStore('replay.db'),
  tokenOpener: await loadTokenOpener(JSON.parse(await readFile(ENCRYPTION_KEYS, 'utf8'))),
  documents: {
    statement: {
      scopes: ['payments.list'],
      purpose: 'To prepare your statement of the month',
      expiresIn: 3600,
    },
  },
  onRefused: (error) => {
    console.error(error.code, error.rule, error.detail);
  },
});

const paymentOrder = z.object({
  order: z.string().regex(/^[\w-]{1,40}$/),
  amount: z.string().regex(/^\d{1,6}\.\d{2}$/),
  to: z.string().min(1).max(80),
});

/** What a person is asked to approve: every member of it is shown to them, and compared when the token comes back. */
const detailOf = ({ order, amount, to }: z.infer<typeof paymentOrder>): AuthorizationDetail => ({
  type: 'payment',
  order,
  amount,
  currency: 'EUR',
  to,
});

const app = new Hono<{ Variables: AccessVariables }>();
app.use(resourceRoutes(resource));

// A token is good until it ends, and so for as many requests: that an order is paid once is the API's own business.
const paid = new Map<string, { readonly by: string; readonly payment: AuthorizationDetail }>();
const payerOf = (access: Access): string =>
  access.level === 'authorization' ? (access.subject ?? access.agent) : '';

const guard = aauth(resource, {
  scopes: ['payments.make'],
  document: async (request) => {
    const asked = paymentOrder.parse(await request.json());
    return {
      purpose: `To pay ${asked.amount} EUR to ${asked.to}`,
      details: [detailOf(asked)],
      expiresIn: 900,
    };
  },
});
app.post('/payments', guard, async (c) => {
  // The very payment that was approved: the guard has compared what this request asks with the token.
  const asked = paymentOrder.parse(await c.req.json());
  const by = payerOf(c.get('access'));
  const order = `${by} ${asked.order}`;
  const known = paid.get(order);
  if (known !== undefined) return c.json({ paid: known.payment, again: true });
  const payment = detailOf(asked);
  paid.set(order, { by, payment });
  return c.json({ paid: payment }, 201);
});

app.get('/payments', aauth(resource, { scopes: ['payments.list'], document: 'statement' }), (c) => {
  const own = [...paid.values()].filter(({ by }) => by === payerOf(c.get('access')));
  return c.json({ payments: own.map(({ payment }) => payment) });
});

serve({ fetch: app.fetch, port: 8002 });
