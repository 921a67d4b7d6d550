import { connect } from 'node:net';
import { readAnswer } from './http-answer.js';

const BUFFER_BYTES = 64 * 1024;

/** One kept-alive connection, and what is under way on it. */
class Lane {
  #client;
  #socket;
  #held;
  #asked;
  #answered = 0;

  constructor(client, port) {
    this.#client = client;
    // Read into one buffer each time: what a stream does to every piece costs more than reading the answer.
    const onread = {
      buffer: Buffer.allocUnsafe(BUFFER_BYTES),
      callback: (length, buffer) => {
        this.#read(buffer.subarray(0, length));
        return true;
      },
    };
    this.#socket = connect({ host: '127.0.0.1', port, noDelay: true, onread });
    this.#socket.on('error', () => undefined);
    this.#socket.on('close', () => this.#closed());
  }

  ask(asked) {
    this.#asked = asked;
    this.#socket.write(asked.request, 'latin1');
  }

  close() {
    this.#socket.destroy();
  }

  #read(piece) {
    const bytes = this.#held === undefined ? piece : Buffer.concat([this.#held, piece]);
    const answer = readAnswer(bytes, false);
    // The buffer is read into again.
    this.#held = answer === undefined ? Buffer.from(bytes) : undefined;
    if (answer !== undefined) this.#finish(answer);
  }

  #finish(answer) {
    const asked = this.#asked;
    this.#asked = undefined;
    this.#held = undefined;
    if (asked === undefined) {
      this.close();
      return;
    }
    this.#answered += 1;
    if (answer.closes) this.close();
    else this.#client.isFree(this);
    asked.resolve(answer);
  }

  #closed() {
    this.#client.isGone(this);
    const asked = this.#asked;
    if (asked === undefined) return;
    const held = this.#held;
    const answer = held === undefined ? undefined : readAnswer(held, true);
    if (answer !== undefined) {
      this.#finish(answer);
      return;
    }
    this.#asked = undefined;
    // Closed by the server while it was kept for the next request, which therefore nobody has read (RFC 9112, 9.3.1).
    const unread = held === undefined && this.#answered > 0 && !asked.again;
    if (unread) this.#client.askAgain(asked);
    else asked.reject(new Error(`the connection was closed instead of an answer`));
  }
}

/**
 * HTTP/1.1 on sockets that are kept open, as those of a load balancer are, to one port of this machine. Costs a fraction
 * of what `node:http` and `fetch` do: who measures a server on cores that it shares with the load must not measure them.
 */
export class HttpClient {
  #port;
  #free = [];
  #all = new Set();

  constructor(port) {
    this.#port = port;
  }

  /** Sends the text of a whole request, ASCII only. Resolves once the answer is complete. */
  send(request) {
    return new Promise((resolve, reject) => {
      this.#lane().ask({ request, resolve, reject, again: false });
    });
  }

  close() {
    for (const lane of this.#all) lane.close();
  }

  askAgain(asked) {
    this.#open().ask({ ...asked, again: true });
  }

  isFree(lane) {
    this.#free.push(lane);
  }

  isGone(lane) {
    this.#all.delete(lane);
    const place = this.#free.indexOf(lane);
    if (place >= 0) this.#free.splice(place, 1);
  }

  #lane() {
    return this.#free.pop() ?? this.#open();
  }

  #open() {
    const lane = new Lane(this, this.#port);
    this.#all.add(lane);
    return lane;
  }
}
