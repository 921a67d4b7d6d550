import type { ZodType } from 'zod';
import type { z as parts } from './zod-parts.js';

/** The library that checks values, handed in by who loads it: help and other commands do without. */
export type Zod = typeof parts;

/** How a value is written where everything is text: on the command line and in variables. */
export type Spelling =
  | 'text'
  | 'number'
  | 'boolean'
  /** Repeated on the command line; in a variable parted by white space or commas. */
  | 'words'
  /** Repeated on the command line; in a variable one a line. */
  | 'lines';

/** One setting of a server, from which its option, its variable, its key in the file and its check all follow. */
export interface Setting<T = unknown> {
  readonly spelling: Spelling;
  /** The option as it is shown in the help: `--port <n>`. */
  readonly flags: string;
  readonly description: string;
  /** What the value may be, to go on after "it takes". */
  readonly allowed: string;
  /** Checks one value and gives it its type. An error with a message of its own is shown in place of `allowed`. */
  readonly schema: (z: Zod) => ZodType<T>;
  readonly default?: NoInfer<T>;
  /** Never shown: neither in an error nor by `--print-config`. */
  readonly secret?: boolean;
  /** How a value that holds a secret part is shown. */
  readonly show?: (value: string) => string;
  /** Says at the start that what is set is not for production, and is refused by the preset for it. */
  readonly insecure?: {
    /** Whether the value is an insecure one. */
    readonly when: (value: T) => boolean;
    /** What it means, said at the start. */
    readonly warning: string;
    /** What to do in production. */
    readonly instead: string;
  };
}

/** A setting that has a value in any case. */
export interface DefaultedSetting<T> extends Setting<T> {
  readonly default: NoInfer<T>;
}

/** The checked values of some settings; `undefined` is what has neither been given nor has a default. */
export type ValuesOf<S> = {
  readonly [K in keyof S]: S[K] extends DefaultedSetting<infer T>
    ? T
    : S[K] extends Setting<infer T>
      ? T | undefined
      : never;
};

/** Says what a setting is, and keeps what its type is. */
export function setting<T>(of: DefaultedSetting<T>): DefaultedSetting<T>;
export function setting<T>(of: Setting<T>): Setting<T>;
export function setting<T>(of: Setting<T>): Setting<T> {
  return of;
}

/** A setting whose type is of no concern. */
export type AnySetting = Omit<Setting, 'insecure'> & {
  readonly insecure?: {
    when(value: unknown): boolean;
    readonly warning: string;
    readonly instead: string;
  };
};

/** `--same-origin-redirects`, of `sameOriginRedirects`. */
export function flagOf(name: string): string {
  return `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

/** `COUNTERSIGN_SAME_ORIGIN_REDIRECTS`, of `sameOriginRedirects`. */
export function variableOf(name: string): string {
  return `COUNTERSIGN_${flagOf(name).slice(2).replaceAll('-', '_').toUpperCase()}`;
}
