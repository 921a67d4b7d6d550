/** Standard output is for the body or the result; everything else goes to standard error. */
export function out(text: string | Uint8Array): void {
  process.stdout.write(text);
}

const toStandardError = (line: string): void => {
  process.stderr.write(`${line}\n`);
};
let writeNote = toStandardError;

/** One line on standard error, or to the log that takes such lines. */
export function note(line: string): void {
  writeNote(line);
}

/** From now on notes are lines of a log. */
export function takeNotes(write: (line: string) => void): void {
  writeNote = write;
}

/** Goes quietly when whoever read the output has gone (`countersign … | head`), and serves on when it was the log. */
export function outliveReaders(): void {
  const isGone = (error: Error): boolean => 'code' in error && error.code === 'EPIPE';
  process.stdout.on('error', (error: Error) => {
    if (!isGone(error)) throw error;
    process.exit();
  });
  process.stderr.on('error', (error: Error) => {
    if (!isGone(error)) throw error;
  });
}
