import {
  AAuthError,
  type IdentifierOptions,
  isServerIdentifier,
  parseUrl,
} from '@countersign/protocol';

export interface RedirectSituation extends IdentifierOptions {
  /** The address that was called. */
  readonly url: string;
  readonly method: string;
  /** Redirects already followed in this call. */
  readonly redirects: number;
  /** The caller's `init.redirect`. */
  readonly redirectMode: RequestRedirect;
  readonly allowCrossOriginRedirects: boolean;
}

export type RedirectStep =
  | { readonly kind: 'deliver' }
  | {
      readonly kind: 'follow-redirect';
      readonly url: string;
      readonly method: string;
      /** False when the method has become GET: the body and the fields that describe it stay behind. */
      readonly keepBody: boolean;
      /** True for another origin: no token, no credentials of the caller's. */
      readonly crossOrigin: boolean;
    }
  | { readonly kind: 'give-up'; readonly error: AAuthError };

const MAX_REDIRECTS = 5;

/** True for the statuses whose `Location` is followed. */
export function isRedirect(status: number): boolean {
  return [301, 302, 303, 307, 308].includes(status);
}

function refuse(message: string, rule: string): RedirectStep {
  return { kind: 'give-up', error: new AAuthError('redirect_refused', message, { rule }) };
}

/** The origin as the URL parser writes it (host in punycode), clipped: it is shown in an error. */
function originName(target: URL): string {
  return target.origin.slice(0, 300);
}

/**
 * Where a redirect leads (PROTOCOL section 5.12): to the same origin at most five times, elsewhere only when allowed,
 * never to plain http that is not allowed loopback. The method by RFC 9110 section 15.4. Gives up with
 * `redirect_refused`, naming the other origin.
 */
export function decideRedirect(
  status: number,
  location: string,
  situation: RedirectSituation,
): RedirectStep {
  const { redirectMode, redirects, method } = situation;
  if (redirectMode === 'manual') return { kind: 'deliver' };
  if (redirectMode === 'error') {
    return refuse('The resource answered with a redirect, which the caller does not want.', 'mode');
  }
  const target = parseUrl(location, situation.url);
  if (target === undefined) {
    return refuse('The resource answered with a redirect to no valid address.', 'location_invalid');
  }
  if (redirects >= MAX_REDIRECTS) {
    return refuse(`The resource redirects more than ${MAX_REDIRECTS} times.`, 'too_many');
  }
  const crossOrigin = target.origin !== new URL(situation.url).origin;
  if (!isServerIdentifier(target.origin, situation) || target.username + target.password !== '') {
    return refuse(
      `The resource redirects to an address on ${originName(target)} that may not be called: not https, or with user info.`,
      'target_not_allowed',
    );
  }
  if (crossOrigin && !situation.allowCrossOriginRedirects) {
    return refuse(
      `The resource redirects to another origin, ${originName(target)}. Call that address yourself, or set ` +
        'allowCrossOriginRedirects.',
      'other_origin',
    );
  }
  const becomesGet =
    (status === 303 && method !== 'GET' && method !== 'HEAD') ||
    ((status === 301 || status === 302) && method === 'POST');
  return {
    kind: 'follow-redirect',
    url: target.href,
    method: becomesGet ? 'GET' : method,
    keepBody: !becomesGet,
    crossOrigin,
  };
}
