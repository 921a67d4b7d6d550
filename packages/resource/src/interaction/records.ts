import { AAuthError, hashSecret } from '@countersign/protocol';
import type { InteractionCaller } from './interaction-caller.js';
import type { InteractionLimit, InteractionRecord, InteractionStore } from './interaction-store.js';
import type { Sealing } from './sealing.js';

interface Pending {
  /** The name of what is to be connected. */
  readonly connection: string;
  readonly caller: InteractionCaller;
  /** Unix seconds. */
  readonly expiresAt: number;
}

/** A challenge that waits for its person. */
export interface RequestRecord extends Pending {
  /** Unix seconds until which the page can be opened; the record outlives it by the time that a visit may take. */
  readonly opensUntil: number;
  /** SHA-256 of the cookie of the browser that answered the question first: no other may go on. */
  readonly browser?: string;
  /** The visit that this browser is on. */
  readonly visit?: string;
}

/** A person who said yes and is doing what must be done. */
export interface VisitRecord extends Pending {
  readonly request: string;
  readonly browser: string;
  readonly returnUrl: string;
  /** What the application wanted back when the person returns. */
  readonly keep: string | null;
}

/** A visit that has ended well: whoever presents the code gets this. */
export interface CodeRecord extends Pending {
  readonly data: unknown;
}

/** What one caller's handlers are given. */
export interface ConnectionRecord {
  readonly data: unknown;
  /** Unix seconds. */
  readonly expiresAt: number;
}

interface Kinds {
  request: RequestRecord;
  visit: VisitRecord;
  code: CodeRecord;
  connection: ConnectionRecord;
}

/** A record as it was found; `sealed` is what a change expects to find again. */
export interface Found<T> {
  readonly key: string;
  readonly sealed: string;
  readonly value: T;
}

/** The key under which the record of a secret is kept. */
export async function recordKey(
  kind: 'request' | 'visit' | 'code',
  secret: string,
): Promise<string> {
  return `${kind}:${await hashSecret(secret)}`;
}

/** Typed records over a store, sealed on the way in and opened on the way out. */
export class Records {
  readonly #store: InteractionStore;
  readonly #sealing: Sealing;

  constructor(store: InteractionStore, sealing: Sealing) {
    this.#store = store;
    this.#sealing = sealing;
  }

  /** False when the part of `agent` is full. */
  async put<K extends keyof Kinds>(
    kind: K,
    key: string,
    value: Kinds[K],
    limits: { readonly agent: string; readonly limit: InteractionLimit; readonly now: number },
  ): Promise<boolean> {
    const record: InteractionRecord = {
      key,
      owner: limits.agent,
      value: await this.#sealing.seal(key, value),
      expiresAt: value.expiresAt,
      kind: kind === 'connection' ? 'connection' : 'pending',
    };
    return await reached(this.#store.put(record, limits.limit, limits.now));
  }

  /** The record under that key; `kind` is what was put there, as the key says. */
  async find<K extends keyof Kinds>(
    _kind: K,
    key: string,
    now: number,
  ): Promise<Found<Kinds[K]> | undefined> {
    const sealed = await reached(this.#store.find(key, now));
    const value = sealed === undefined ? undefined : await this.#sealing.open(key, sealed);
    if (sealed === undefined || value === undefined) return undefined;
    // It was sealed by this program, for this very key: its shape is trusted like the program's own memory.
    return { key, sealed, value: value as Kinds[K] };
  }

  async replace<K extends keyof Kinds>(
    _kind: K,
    found: Found<Kinds[K]>,
    next: Kinds[K],
    now: number,
  ): Promise<boolean> {
    const sealed = await this.#sealing.seal(found.key, next);
    return await reached(this.#store.replace(found.key, found.sealed, sealed, now));
  }

  /** Of many callers exactly one gets true. */
  async take(found: Found<unknown>, now: number): Promise<boolean> {
    return await reached(this.#store.take(found.key, found.sealed, now));
  }
}

/** The store is one of the resource's own parts: that it fails says nothing about the request (PROTOCOL section 7). */
async function reached<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (cause) {
    throw new AAuthError(
      'temporarily_unavailable',
      'The request cannot be answered now; try again shortly.',
      { rule: 'interaction_store_unreachable', cause, retryAfterSeconds: 10 },
    );
  }
}
