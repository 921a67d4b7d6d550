/**
 * A database URL as it may be shown: a password in it is left out, and so are settings, where one might be too. Of what is
 * not written as `scheme://…`, the scheme alone.
 */
export function shownUrl(url: string): string {
  if (url.startsWith('sqlite:')) return url;
  const scheme = /^[a-z][a-z0-9+.-]*:/i.exec(url)?.[0] ?? '';
  const parsed = url.slice(scheme.length).startsWith('//') ? parse(url) : undefined;
  if (parsed === undefined) return `${scheme}…`;
  const { username, password, host, pathname, search } = parsed;
  const user = username === '' ? '' : `${username}${password === '' ? '' : ':…'}@`;
  return `${scheme}//${user}${host}${pathname}${search === '' ? '' : '?…'}`;
}

// By itself: help and mistakes load no package.
function parse(url: string): URL | undefined {
  try {
    return new URL(url);
  } catch {
    return undefined;
  }
}
