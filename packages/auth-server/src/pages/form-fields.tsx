/** Where every form of these pages posts to. */
export const AGENT_AUTH_PATH = '/agent/auth';

/** What identifies the request a person is answering, as it stood in the address. */
export interface RequestLink {
  readonly requestToken: string;
  readonly redirectUri: string;
  readonly state?: string | undefined;
}

/** The request, and the token that binds a form to a browser and to a request. */
export interface FormFields extends RequestLink {
  readonly csrf: string;
}

/** The address, on this server, at which the request can be opened again. */
export function requestPath({ requestToken, redirectUri, state }: RequestLink): string {
  const query = new URLSearchParams({ request_token: requestToken, redirect_uri: redirectUri });
  if (state !== undefined) query.set('state', state);
  return `${AGENT_AUTH_PATH}?${query.toString()}`;
}

export function HiddenFields({ form }: { form: FormFields }) {
  return (
    <>
      <input type="hidden" name="csrf" value={form.csrf} />
      <input type="hidden" name="request_token" value={form.requestToken} />
      <input type="hidden" name="redirect_uri" value={form.redirectUri} />
      {form.state === undefined ? null : <input type="hidden" name="state" value={form.state} />}
    </>
  );
}
