/** The time in whole Unix seconds. Injected everywhere, so that nothing reads the clock behind a test's back. */
export type Clock = () => number;

/** The machine's clock. */
export const systemClock: Clock = () => Math.floor(Date.now() / 1000);
