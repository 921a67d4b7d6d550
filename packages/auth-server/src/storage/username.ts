/**
 * The form in which user names are compared: NFKC, lower case, and NFKC again because lower-casing can undo it.
 * Two names with the same key belong to the same person; the name is shown as it was given.
 */
export function usernameKey(username: string): string {
  return username.normalize('NFKC').toLowerCase().normalize('NFKC');
}
