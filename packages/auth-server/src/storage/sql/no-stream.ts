/** For connections to the database, of which kysely wants that they stream too: the store never does. */
export function noStream(): never {
  throw new Error('streaming is not supported');
}
