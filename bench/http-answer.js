const END_OF_HEAD = '\r\n\r\n';

/** An answer's head as text, of which only what somebody asks for is read, and its body as text. */
class Answer {
  constructor(status, head, body, closes) {
    this.status = status;
    this.head = head;
    this.body = body;
    /** Whether the server closes the connection after it. */
    this.closes = closes;
  }

  /** What the first group of `pattern` finds in the head: the value of a field. */
  value(pattern) {
    return pattern.exec(this.head)?.[1];
  }
}

const LENGTH = /\r\ncontent-length: *(\d+)/i;
const CHUNKED = /\r\ntransfer-encoding: *chunked/i;
const CLOSES = /\r\nconnection: *close/i;

/** The answer at the start of `bytes`; `undefined` until it is complete. `ended`: nothing more will come. */
export function readAnswer(bytes, ended) {
  const end = bytes.indexOf(END_OF_HEAD);
  if (end < 0) return undefined;
  const head = bytes.latin1Slice(0, end);
  const status = Number(head.slice(9, 12));
  const start = end + END_OF_HEAD.length;
  if (status === 204 || status === 304) return new Answer(status, head, '', CLOSES.test(head));
  const length = LENGTH.exec(head)?.[1];
  if (length !== undefined) {
    const last = start + Number(length);
    if (bytes.length < last) return undefined;
    return new Answer(status, head, bytes.utf8Slice(start, last), CLOSES.test(head));
  }
  if (CHUNKED.test(head)) {
    const body = readChunks(bytes, start);
    return body === undefined ? undefined : new Answer(status, head, body, CLOSES.test(head));
  }
  // Neither a length nor chunks: as much as comes until the connection ends (RFC 9112, 6.3).
  return ended ? new Answer(status, head, bytes.utf8Slice(start), true) : undefined;
}

function readChunks(bytes, start) {
  const pieces = [];
  for (let at = start; ;) {
    const line = bytes.indexOf('\r\n', at);
    if (line < 0) return undefined;
    const size = Number.parseInt(bytes.latin1Slice(at, line), 16);
    const next = line + 2 + size + 2;
    if (bytes.length < next) return undefined;
    // Trailers, which neither server sends, would come before the last line end.
    if (size === 0) return Buffer.concat(pieces).toString();
    pieces.push(bytes.subarray(line + 2, line + 2 + size));
    at = next;
  }
}
