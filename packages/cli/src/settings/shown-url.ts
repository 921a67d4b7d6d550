/**
 * A database URL as it may be shown: a password in it is left out, and so are settings, where one might be too. Of what is
 * not written as `scheme://…`, the scheme alone.
 */
export function shownUrl(url: string): string {
  if (url.startsWith('sqlite:')) return url;
  const scheme = /^[a-z][a-z0-9+.-]*:/i.exec(url)?.[0] ?? '';
  if (!url.slice(scheme.length).startsWith('//') || !URL.canParse(url)) return `${scheme}…`;
  const { username, password, host, pathname, search } = new URL(url);
  const user = username === '' ? '' : `${username}${password === '' ? '' : ':…'}@`;
  return `${scheme}//${user}${host}${pathname}${search === '' ? '' : '?…'}`;
}
