import { formEncode } from './token-endpoint.js';

/** Adds parameters to an address that may have a query of its own. */
function withQuery(address: string, parameters: readonly (readonly [string, string])[]): string {
  const url = new URL(address).href;
  const joint = !url.includes('?') ? '?' : /[?&]$/.test(url) ? '' : '&';
  return url + joint + formEncode(parameters);
}

/** Where a person decides: `{agent_auth_endpoint}?request_token=…&redirect_uri=…&state=…` (PROTOCOL section 5.2). */
export function consentUrl(
  authEndpoint: string,
  request: { readonly requestToken: string; readonly redirectUri: string; readonly state: string },
): string {
  return withQuery(authEndpoint, [
    ['request_token', request.requestToken],
    ['redirect_uri', request.redirectUri],
    ['state', request.state],
  ]);
}

/**
 * A resource's own page with `return_url` added (PROTOCOL section 5.11). The `state` is part of the return URL, so that
 * the person's way back is checked like any other.
 */
export function visitUrl(
  page: string,
  request: { readonly redirectUri: string; readonly state: string },
): string {
  const returnUrl = withQuery(request.redirectUri, [['state', request.state]]);
  return withQuery(page, [['return_url', returnUrl]]);
}
