import type { Interaction } from '@countersign/agent';
import { isAAuthError } from '@countersign/protocol';
import { approvedDetails, type Resource } from '@countersign/resource';
import { aauth, type AccessVariables, resourceRoutes } from '@countersign/resource/hono';
import { Hono } from 'hono';
import { CommandError } from '../command-error.js';
import { out } from '../terminal.js';
import type { DemoBrowser } from './browser.js';
import type { Play } from './play.js';
import { DEMO_PERSON, type Stage } from './stage.js';

interface Payment {
  readonly amount: string;
  readonly to: string;
}

const DOCUMENT_SECONDS = 900;

/** A resource that asks for each payment with a document that says which. */
function paymentRoutes(resource: Resource, paid: Payment[]): Hono<{ Variables: AccessVariables }> {
  const app = new Hono<{ Variables: AccessVariables }>();
  app.use(resourceRoutes(resource));
  const guard = aauth(resource, {
    scopes: ['payments.make'],
    document: async (request) => {
      const { amount, to } = readPayment(await request.json());
      return {
        purpose: `To pay ${amount} EUR to ${to}`,
        details: [{ type: 'payment', amount, currency: 'EUR', to }],
        expiresIn: DOCUMENT_SECONDS,
      };
    },
  });
  app.post('/payments', guard, async (c) => {
    paid.push(readPayment(await c.req.json()));
    return c.json({ paid: approvedDetails(c.get('access'), 'payment') });
  });
  return app;
}

function readPayment(value: unknown): Payment {
  const { amount, to } = value as Partial<Payment>;
  if (typeof amount !== 'string' || typeof to !== 'string') throw new TypeError('not a payment');
  return { amount, to };
}

/** A resource asks for one payment in particular; what the person approves is that and nothing else. */
export const authRequestDocument: Play = {
  flow: 'auth-request-document',
  title: 'Auth Request Document',
  steps: [
    'The agent asks the resource to pay 20.00 EUR; the challenge names a document that says so',
    'The auth server fetches the document, and the person approves what it shows',
    'The token carries the approved details; the resource compares them and pays',
    'Another amount is another document: the token does not do, and the person denies it',
    'When the document ends, everything approved with it ends',
  ],
  async perform(stage) {
    const person = new ChangingPerson(stage);
    const { agentSeat, resourceSeat, authServerSeat } = await seats(stage);
    const { agent } = await stage.agent({ seat: agentSeat, interaction: person.interaction });
    const paid: Payment[] = [];
    await stage.resource(
      [authServerSeat.id],
      { seat: resourceSeat, scopes: { 'payments.make': 'Make payments from your account' } },
      (resource) => paymentRoutes(resource, paid) as unknown as Hono,
    );
    const { storage } = await stage.authServer({ seat: authServerSeat });
    const pay = (amount: string) =>
      agent.fetch(`${resourceSeat.id}/payments`, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify({ amount, to: 'Ada' }),
        signal: stage.signal,
      });

    const first = await pay('20.00');
    const body = await first.text();
    if (first.status !== 200) throw new CommandError(`The resource answered ${first.status}.`);
    const wanted = [{ type: 'payment', amount: '20.00', currency: 'EUR', to: 'Ada' }];
    stage.check(body === JSON.stringify({ paid: wanted }), 'the handler saw the approved details');
    const [grant] = await storage.grants.list();
    stage.check(
      grant?.purpose === 'To pay 20.00 EUR to Ada' && grant.endsAt !== null,
      'the grant says what for, and until when',
    );
    await pay('20.00');
    stage.check(person.asked === 1 && paid.length === 2, 'the same payment asks nobody again');

    person.decision = 'deny';
    stage.check(
      await denied(pay('2000.00')),
      'another amount asks again, and the person denies it',
    );
    stage.check(
      paid.every(({ amount }) => amount === '20.00'),
      'nothing else was paid',
    );

    stage.advance(DOCUMENT_SECONDS + 60);
    stage.check(
      await denied(pay('20.00')),
      'after its end the approval is gone, and asked for anew',
    );
    stage.check(paid.length === 2, 'nothing was paid after the end');
    if (!stage.options.json) out(`${body}\n`);
    return 'one payment approved, and only that one made';
  },
};

async function seats(stage: Stage) {
  const agentSeat = await stage.seat('Agent');
  const resourceSeat = await stage.seat('Resource');
  const authServerSeat = await stage.seat('Auth server');
  return { agentSeat, resourceSeat, authServerSeat };
}

/** The person of this flow, who changes their mind, and is counted. */
class ChangingPerson {
  decision: 'approve' | 'deny' = 'approve';
  asked = 0;
  readonly #browsers: Readonly<Record<'approve' | 'deny', DemoBrowser>>;

  constructor(stage: Stage) {
    this.#browsers = {
      approve: stage.browser(),
      deny: stage.browser({ ...DEMO_PERSON, decision: 'deny' }),
    };
  }

  readonly interaction: Interaction = {
    mode: 'wait',
    present: async ({ url }) => {
      this.asked += 1;
      await this.#browsers[this.decision].visit(url);
    },
  };
}

async function denied(work: Promise<Response>): Promise<boolean> {
  try {
    await work;
    return false;
  } catch (error) {
    if (isAAuthError(error, 'interaction_denied')) return true;
    throw error;
  }
}
