/** Shorter texts are found by chance. */
const SHORTEST = 8;

/** Collects every secret that a test makes or sees and everything that is logged, and finds the one in the other. */
export class SecretWatch {
  readonly #secrets = new Map<string, string>();
  readonly #output: string[] = [];

  /** `what` is how the secret is called when it is found; too short ones are left out. */
  secret(what: string, value: string | undefined | null): void {
    if (typeof value === 'string' && value.length >= SHORTEST) this.#secrets.set(value, what);
  }

  /** Secret members of a JSON document and parameters of a form or an address. */
  secretsIn(text: string): void {
    const members =
      /\\*"(request_token|auth_token|refresh_token|resource_token|code|d|p|q|dp|dq|qi)\\*"\s*:\s*\\*"([^"\\]+)/g;
    for (const [, name = '', value] of text.matchAll(members)) this.secret(name, value);
    const parameters =
      /\b(request_token|resource_token|refresh_token|csrf|code|state)=([\w.~%-]+)/g;
    for (const [, name = '', value] of text.matchAll(parameters)) this.secret(name, value);
  }

  /** Something that a server wrote. */
  printed(text: string): void {
    this.#output.push(text);
  }

  get count(): number {
    return this.#secrets.size;
  }

  /** Throws when a secret stands in what was printed; names it, and does not repeat it. */
  check(): void {
    const all = this.#output.join('\n');
    const found = [...this.#secrets].filter(([value]) => all.includes(value));
    if (found.length === 0) return;
    const names = [...new Set(found.map(([, what]) => what))].join(', ');
    throw new Error(`What the servers wrote has secrets in it: ${names}.`);
  }
}
