/**
 * A web application that acts for its signed-in users: nobody waits, the browser is sent to the auth server and comes
 * back to where it was. A pure Fetch handler: give it to any server.
 */
import { createAgent, isInteractionRequired } from '@countersign/agent';
import type { KeySet } from '@countersign/protocol';

/** Makes the application. `personOf` is its own sign-in: a stable name for the person behind a request. */
export function webApplication(
  keys: KeySet,
  personOf: (request: Request) => string | undefined,
): (request: Request) => Promise<Response> {
  const agent = createAgent({
    id: 'https://app.example',
    keys,
    name: 'Example application',
    homepage: 'https://app.example/about',
    interaction: { mode: 'redirect' },
  });
  return async (request) => {
    // /.well-known/aauth-agent, /jwks.json and /callback
    const own = await agent.handle(request);
    if (own !== undefined) return own;

    const person = personOf(request);
    if (person === undefined) return new Response('Sign in first', { status: 401 });
    try {
      const { fetch } = agent.for(person, { returnTo: '/report' });
      const data = await fetch('https://api.example/data');
      return new Response(`Your data: ${await data.text()}`);
    } catch (error) {
      if (isInteractionRequired(error)) return error.interaction.response();
      throw error;
    }
  };
}
