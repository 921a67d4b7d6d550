/**
 * The cookie that binds a flow to the browser that started it (PROTOCOL section 5.12). Each flow has a cookie of its
 * own, so that two tabs do not undo one another.
 */
export function flowCookieName(redirectUri: string, stateHash: string): string {
  const { protocol, port } = new URL(redirectUri);
  const flow = stateHash.slice(0, 16);
  // Cookies ignore ports: on loopback, programs on other ports must not overwrite each other's.
  return protocol === 'https:'
    ? `__Host-countersign-${flow}`
    : `countersign-${port || '80'}-${flow}`;
}

/** The `Set-Cookie` value. `maxAge` is in seconds; 0 removes the cookie. */
export function setCookie(name: string, value: string, maxAge: number): string {
  const secure = name.startsWith('__Host-') ? '; Secure' : '';
  return `${name}=${value}; Path=/; Max-Age=${maxAge}; HttpOnly; SameSite=Lax${secure}`;
}

/** A cookie's value in a `Cookie` header; `undefined` when it is absent or given twice. */
export function readCookie(header: string | undefined, name: string): string | undefined {
  const values = (header ?? '')
    .split(';')
    .map((pair) => pair.trim())
    .filter((pair) => pair.startsWith(`${name}=`))
    .map((pair) => pair.slice(name.length + 1));
  return values.length === 1 ? values[0] : undefined;
}
