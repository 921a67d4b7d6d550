import { resourceDocument } from '@countersign/protocol';
import type { Play } from './play.js';
import { meaningOf, refusalOf } from './refusal.js';

/** An agent that knows what it needs asks before it calls (PROTOCOL section 5.10). */
export const resourceToken: Play = {
  flow: 'resource-token',
  title: 'Resource Token Endpoint',
  steps: [
    'The agent asks the resource for a resource token with the scopes it will need',
    'It presents that to the auth server, and a person approves',
    'The first call already carries the auth token: there is no 401',
    'A scope that the resource does not have is refused, as is a resource without such an endpoint',
  ],
  async perform(stage) {
    const agentSeat = await stage.seat('Agent');
    const resourceSeat = await stage.seat('Resource');
    const authServerSeat = await stage.seat('Auth server');
    const { agent } = await stage.agent({ seat: agentSeat });
    await stage.resource([authServerSeat.id], { seat: resourceSeat });
    await stage.authServer({ seat: authServerSeat });
    const { signal, observed } = stage;

    const scopes = ['data.read', 'data.write'];
    const held = await agent.authorize(resourceSeat.id, { scopes, signal });
    stage.check(held.authServer === authServerSeat.id, `access was granted by ${held.authServer}`);
    const asked = observed.messages.length;
    const response = await agent.fetch(`${resourceSeat.id}/data-auth`, { signal });
    stage.check(response.status === 200, 'the first call got in');
    stage.check(observed.messages.length === asked + 1, 'it was one request, without a challenge');
    await agent.authorize(resourceSeat.id, { scopes: ['data.read'], signal });
    stage.check(
      observed.messages.length === asked + 1,
      'asking again for what is held sends nothing',
    );

    const unknown = await refusalOf(
      agent.authorize(resourceSeat.id, { scopes: ['data.delete'], signal }),
    );
    stage.check(
      unknown.code === 'invalid_scope' && unknown.refusedBy === 'resource',
      `a scope that the resource does not have: ${meaningOf(unknown)}`,
    );
    const other = await stage.seat('Other resource');
    const document = resourceDocument({
      resource: other.id as typeof held.resource,
      jwksUri: `${other.id}/jwks.json`,
    });
    other.serve(async () => Response.json(document));
    const missing = await refusalOf(agent.authorize(other.id, { scopes, signal }));
    stage.check(
      missing.rule === 'resource_token_endpoint_missing',
      `a resource without the endpoint: ${meaningOf(missing)}`,
    );
    return 'access was granted before the first call, which met no challenge';
  },
};
