/** Lines about refused requests, and how long they are counted for. */
const MAX_LINES = 1_000;
const WINDOW_MILLISECONDS = 10_000;

export interface LineLimitOptions {
  /** Told, at the end of a window, how many lines were left out in it. */
  readonly onLeftOut: (count: number) => void;
  /** Milliseconds that only grow. */
  readonly now?: () => number;
  readonly maxLines?: number;
}

/**
 * Holds what strangers can cause to be written to 1,000 lines in ten seconds, so that a flood of refused requests does
 * not fill the disk. What is left out is counted and told.
 */
export class LineLimit {
  readonly #options: LineLimitOptions;
  #until = -Infinity;
  #lines = 0;
  #leftOut = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: LineLimitOptions) {
    this.#options = options;
  }

  /** Whether one more line may be written. */
  admits(): boolean {
    const { now = () => performance.now(), maxLines = MAX_LINES } = this.#options;
    if (now() >= this.#until) {
      this.tell();
      this.#until = now() + WINDOW_MILLISECONDS;
      this.#lines = 0;
    }
    if (this.#lines < maxLines) {
      this.#lines++;
      return true;
    }
    this.#leftOut++;
    this.#timer ??= setTimeout(() => {
      this.tell();
    }, WINDOW_MILLISECONDS).unref();
    return false;
  }

  /** Tells what has been left out so far; at the end of the program too. */
  tell(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const count = this.#leftOut;
    this.#leftOut = 0;
    if (count > 0) this.#options.onLeftOut(count);
  }
}
