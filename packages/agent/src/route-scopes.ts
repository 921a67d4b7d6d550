import type { Wanted } from './held-token.js';

/** How many routes are remembered. The ones least recently learned go first. */
const MAX_ROUTES = 1024;

/**
 * What resources have asked for at their routes, learned from their challenges, so that of several tokens the right one
 * is sent first. A guess and never a proof: a wrong one costs a challenge, as having none does. In memory only.
 */
export class RouteScopes {
  readonly #wanted = new Map<string, Wanted>();

  /** Remembers what a route asked for, and takes it for a guess about its neighbours. */
  learn(method: string, url: string, { scope, authRequestUrl }: Wanted): void {
    const wanted = authRequestUrl === undefined ? { scope } : { scope, authRequestUrl };
    const [exact, folder] = placesOf(url);
    for (const place of [folder, exact]) {
      if (place === undefined) continue;
      const key = `${method} ${place}`;
      this.#wanted.delete(key);
      this.#wanted.set(key, wanted);
    }
    for (const oldest of this.#wanted.keys()) {
      if (this.#wanted.size <= MAX_ROUTES) break;
      this.#wanted.delete(oldest);
    }
  }

  /** What the route, or else the nearest folder above it, asked for last. */
  of(method: string, url: string): Wanted | undefined {
    for (const place of placesOf(url)) {
      const wanted = this.#wanted.get(`${method} ${place}`);
      if (wanted !== undefined) return wanted;
    }
    return undefined;
  }
}

/** An address without its query, then the folders above it, at most eight. */
function placesOf(url: string): string[] {
  const { origin, pathname } = new URL(url);
  const places = [origin + pathname];
  let folder = pathname.slice(0, pathname.lastIndexOf('/') + 1);
  while (folder !== '' && places.length < 9) {
    places.push(origin + folder);
    folder = folder.slice(0, folder.lastIndexOf('/', folder.length - 2) + 1);
  }
  return [...new Set(places)];
}
