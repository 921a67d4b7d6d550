import { parseUrl } from '@countersign/protocol';
import { createHash } from 'node:crypto';
import { STYLESHEET } from './stylesheet.js';

const STYLE_HASH = createHash('sha256').update(STYLESHEET, 'utf8').digest('base64');

/** Scheme, a host of letters, digits, dots and hyphens, a port: what a source expression can hold and nothing else. */
const PLAIN_ORIGIN = /^https?:\/\/[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?(?::\d{1,5})?$/u;
const LOOPBACK_IPV6 = /^http:\/\/\[::1\](?::\d{1,5})?$/u;

/**
 * The source expression that lets a form's answer be redirected to `redirectUri`; `undefined` when there is none that
 * means exactly this origin. The URL standard allows `;`, `,` and `*` in a host, which in a policy would be a new
 * directive or a wildcard, so the origin is matched, not trusted. IPv6 hosts do not exist in source expressions:
 * loopback, the only one in use, is let through by its scheme.
 */
export function callbackSource(redirectUri: string): string | undefined {
  const origin = parseUrl(redirectUri)?.origin;
  if (origin === undefined) return undefined;
  if (LOOPBACK_IPV6.test(origin)) return 'http:';
  return PLAIN_ORIGIN.test(origin) ? origin : undefined;
}

/**
 * The content security policy of a page: nothing is loaded, one stylesheet is applied, nobody may frame it. `img-src` is
 * for the icon in the tab, a `data:` URL; without it browsers ask for /favicon.ico. A page whose form's answer leads to
 * an agent's callback names it here, because Chromium applies `form-action` to the redirect that follows a post.
 */
export function contentSecurityPolicy(redirectUri?: string): string {
  const callback = redirectUri === undefined ? undefined : callbackSource(redirectUri);
  return [
    "default-src 'none'",
    `style-src 'sha256-${STYLE_HASH}'`,
    'img-src data:',
    callback === undefined ? "form-action 'self'" : `form-action 'self' ${callback}`,
    "frame-ancestors 'none'",
    "base-uri 'none'",
  ].join('; ');
}

/**
 * All headers of a page. `Cross-Origin-Opener-Policy` cuts off a window that opened this one, so that an agent cannot
 * steer the page a person decides on; the redirect back is an ordinary navigation and goes through, but a callback
 * opened as a popup has no `window.opener`.
 */
export function pageHeaders(redirectUri?: string): Record<string, string> {
  return {
    'content-type': 'text/html; charset=utf-8',
    'content-language': 'en',
    'content-security-policy': contentSecurityPolicy(redirectUri),
    'cache-control': 'no-store',
    'referrer-policy': 'no-referrer',
    'x-content-type-options': 'nosniff',
    'x-frame-options': 'DENY',
    'cross-origin-opener-policy': 'same-origin',
    'cross-origin-resource-policy': 'same-origin',
    'x-robots-tag': 'noindex',
  };
}
