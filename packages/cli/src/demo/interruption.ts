import { CommandError } from '../command-error.js';

/** While it lasts, Ctrl-C ends what waits for {@link signal} instead of the process, so that nothing is left behind. */
export class Interruption {
  readonly #controller = new AbortController();
  readonly interrupt = (): void => {
    this.#controller.abort(new CommandError('Stopped before the end.', 130));
  };

  constructor() {
    process.once('SIGINT', this.interrupt);
    process.once('SIGTERM', this.interrupt);
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  end(): void {
    process.off('SIGINT', this.interrupt);
    process.off('SIGTERM', this.interrupt);
  }
}
