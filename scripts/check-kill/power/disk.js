/**
 * What a disk may hold after a power cut, from the log that `disk-log.c` writes: everything that was synced, and of what was
 * not each sector, length and name, or not.
 */
const HEADER_BYTES = 32;
const SECTOR_BYTES = 512;
const ACTS = ['created', 'written', 'cut', 'sync began', 'sync ended', 'removed'];
/** As they are numbered in the log, from 1; what each adds to the name of the database. */
export const ENDINGS = ['', '-wal', '-journal'];
const FOLDER = 4;

function* recordsOf(log) {
  for (let at = 0; at + HEADER_BYTES <= log.length;) {
    const act = ACTS[log.readUInt32LE(at) - 1];
    const file = log.readUInt32LE(at + 4);
    const thread = log.readUInt32LE(at + 12);
    const offset = Number(log.readBigUInt64LE(at + 16));
    const length = act === 'written' ? Number(log.readBigUInt64LE(at + 24)) : 0;
    at += HEADER_BYTES;
    yield { act, file, thread, offset, bytes: log.subarray(at, at + length) };
    at += length;
  }
}

/** A file, whatever its name is. */
class File {
  #bytes;
  #length;
  #settled = 0;
  /** Writes and changes of length that are not on the disk. */
  #pending = [];

  constructor(content = Buffer.alloc(0)) {
    this.#bytes = content;
    this.#length = content.length;
  }

  change(record) {
    this.#pending.push(record);
  }

  /** How many changes there have been. */
  get changes() {
    return this.#settled + this.#pending.length;
  }

  /** So many changes, counted from the first, are on the disk. */
  settle(changes) {
    const settled = this.#pending.splice(0, Math.max(0, changes - this.#settled));
    this.#settled += settled.length;
    for (const record of settled) this.#apply(record);
  }

  /** The content, with those parts of what is not on the disk that `keeps` picks. */
  afterCut(keeps) {
    for (const record of this.#pending) {
      for (const part of partsOf(record)) if (keeps()) this.#apply(part);
    }
    return this.#bytes.subarray(0, this.#length);
  }

  #apply({ act, offset, bytes }) {
    if (act === 'cut') this.#setLength(offset);
    else {
      this.#setLength(Math.max(this.#length, offset + bytes.length));
      bytes.copy(this.#bytes, offset);
    }
  }

  #setLength(length) {
    if (length > this.#bytes.length) {
      const larger = Buffer.alloc(2 * length);
      this.#bytes.copy(larger, 0, 0, this.#length);
      this.#bytes = larger;
    }
    // What is beyond the end reads as zeros once the file reaches there again.
    this.#bytes.fill(0, Math.min(length, this.#length), Math.max(length, this.#length));
    this.#length = length;
  }
}

function partsOf(record) {
  const { act, offset, bytes } = record;
  if (act !== 'written') return [record];
  const parts = [];
  for (let from = 0; from < bytes.length;) {
    const to = Math.min(bytes.length, from + SECTOR_BYTES - ((offset + from) % SECTOR_BYTES));
    parts.push({ act, offset: offset + from, bytes: bytes.subarray(from, to) });
    from = to;
  }
  return parts;
}

/** A name in the folder: which file it has meant since the folder was synced, the last one now. */
class Name {
  meant;

  constructor(content) {
    this.meant = [content === undefined ? undefined : new File(content)];
  }

  get file() {
    return this.meant.at(-1);
  }
}

/**
 * `before` and `after`: the contents of the database's files, in the order of {@link ENDINGS}; `undefined` for none. `unsynced`
 * and `lost` count sectors and changes of length.
 */
export function afterPowerCut({ log, before, random }) {
  const names = before.map((content) => new Name(content));
  const syncs = new Map();
  for (const record of recordsOf(log)) {
    const { act, file, thread } = record;
    const name = names[file - 1];
    const key = `${thread} ${file}`;
    if (act === 'created') name.meant.push(new File());
    else if (act === 'removed') name.meant.push(undefined);
    else if (act === 'sync began') {
      syncs.set(key, file === FOLDER ? names.map(({ meant }) => meant.length) : name.file?.changes);
    } else if (act === 'sync ended') {
      const reached = syncs.get(key);
      if (file === FOLDER) {
        for (const [index, { meant }] of names.entries()) meant.splice(0, reached[index] - 1);
      } else if (reached !== undefined) name.file?.settle(reached);
    } else name.file?.change(record);
  }
  const kept = [0, 0.1, 0.5, 0.9, 1][Math.floor(random() * 5)];
  const counts = { unsynced: 0, lost: 0 };
  const keeps = () => {
    const isKept = random() < kept;
    counts.unsynced += 1;
    if (!isKept) counts.lost += 1;
    return isKept;
  };
  const after = names.map(({ meant }) => {
    const file = meant[random() < kept ? meant.length - 1 : Math.floor(random() * meant.length)];
    return file?.afterCut(keeps);
  });
  return { after, ...counts };
}
