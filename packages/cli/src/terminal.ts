/** Standard output is for the body or the result; everything else goes to standard error. */
export function out(text: string): void {
  process.stdout.write(text);
}

/** One line on standard error. */
export function note(line: string): void {
  process.stderr.write(`${line}\n`);
}
