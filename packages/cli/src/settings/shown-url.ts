/** A database URL as it may be shown: a password in it is left out, and so are settings, where one might be too. */
export function shownUrl(url: string): string {
  return url.startsWith('sqlite:')
    ? url
    : url.replace(/^([a-z]+:\/\/[^:/@]*):.*@/s, '$1:…@').replace(/\?.*$/s, '?…');
}
