import { clipText, TEXT_LIMITS } from './display-text.js';

/** One line of an authorization detail: where in the document, and the value there. */
export interface DetailLine {
  readonly label: string;
  readonly value: string;
}

/** The lines of each authorization detail, and whether they are all there is. */
export interface DetailLines {
  readonly groups: readonly (readonly DetailLine[])[];
  readonly complete: boolean;
}

/** Lines that a page shows of one request. */
export const MAX_DETAIL_LINES = 40;

const DEEPEST = 6;
const LABEL_LIMIT = 40;
const LIST_LIMIT = 300;

/**
 * Authorization details (RFC 9396) as lines a person can read, in document order. `complete` is false as soon as
 * anything was cut off, left out or nested too deep: what is approved is everything, so the page says so, and a server
 * may refuse such a request before it gets to a person.
 */
export function detailLines(details: readonly unknown[]): DetailLines {
  const reader = new DetailReader();
  for (const detail of details) {
    if (!reader.complete) break;
    reader.read(detail);
  }
  return { groups: reader.groups, complete: reader.complete };
}

class DetailReader {
  readonly groups: DetailLine[][] = [];
  complete = true;
  #count = 0;

  read(detail: unknown): void {
    if (this.groups.length >= MAX_DETAIL_LINES) {
      this.complete = false;
      return;
    }
    this.groups.push([]);
    this.#collect(detail, '', DEEPEST);
  }

  #collect(value: unknown, label: string, depth: number): void {
    if (this.#count >= MAX_DETAIL_LINES || depth < 0) {
      this.complete = false;
      return;
    }
    if (Array.isArray(value) && !value.some(isNested)) {
      const items = value.slice(0, LIST_LIMIT).map(plain);
      if (items.length < value.length) this.complete = false;
      this.#push(label, items.join(', '), LIST_LIMIT);
    } else if (!isNested(value) || (label !== '' && Object.keys(value).length === 0)) {
      // A member without content is approved like any other, and so it is shown.
      this.#push(label, plain(value), TEXT_LIMITS.detail);
    } else {
      for (const [key, member] of Object.entries(value)) {
        if (!this.complete) return;
        const name = this.#clip(Array.isArray(value) ? String(Number(key) + 1) : key, LABEL_LIMIT);
        this.#collect(member, label === '' ? name : `${label} › ${name}`, depth - 1);
      }
    }
  }

  #push(label: string, value: string, limit: number): void {
    this.#count += 1;
    this.groups.at(-1)?.push({ label, value: this.#clip(value, limit) });
  }

  #clip(text: string, limit: number): string {
    const { shown, cut } = clipText(text, limit);
    if (cut) this.complete = false;
    return shown;
  }
}

function isNested(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

function plain(value: unknown): string {
  if (typeof value === 'string') return value;
  if (typeof value === 'number') return String(value);
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  return '–';
}
