/*
 * What a session brings, handed to the page in order. A sink that returns a Promise stops the
 * rest until it settles; what waits meanwhile is joined. consumed(n) is the credit that lets the
 * far end send n more, so what waits here is bounded by the credit the core started with.
 */
import {reportUncaught} from './callbacks.js';
import {concat} from './worker/batch.js';

export type Sink = (bytes: Uint8Array) => unknown;

const MAX_JOINED_BYTES = 256 * 1024; // a sink is busy for milliseconds with this much

interface Data {
  sink: Sink;
  bytes: Uint8Array;
  /** Nobody waits for credit for it. */
  isFree?: boolean;
}

export class Delivery {
  readonly #consumed: (n: number) => void;
  #queue: Array<Data | (() => void)> = [];
  #isWaiting = false;
  #isRunning = false;
  #isDropping = false;

  constructor(consumed: (n: number) => void) {
    this.#consumed = consumed;
  }

  push(sink: Sink, bytes: Uint8Array): void {
    if (this.#isDropping) return this.#consumed(bytes.length);
    this.#queue.push({sink, bytes});
    this.#run();
  }

  /** As push, of bytes that were paid for before. */
  pushFree(sink: Sink, bytes: Uint8Array): void {
    if (this.#isDropping || bytes.length === 0) return;
    this.#queue.push({sink, bytes, isFree: true});
    this.#run();
  }

  /** Runs when everything pushed before has been taken. */
  then(action: () => void): void {
    this.#queue.push(action);
    this.#run();
  }

  /** The page wants no more data: actions still run, and wait for nothing. */
  drop(): void {
    this.#isDropping = true;
    this.#isWaiting = false;
    for (const item of this.#queue)
      if (typeof item !== 'function' && !item.isFree) this.#consumed(item.bytes.length);
    this.#queue = this.#queue.filter((item) => typeof item === 'function');
    this.#run();
  }

  /** Not reentrant: a sink may cause more to be pushed. */
  #run(): void {
    if (this.#isRunning) return;
    this.#isRunning = true;
    try {
      while (!this.#isWaiting) {
        const item = this.#queue.shift();
        if (!item) break;
        if (typeof item === 'function') item();
        else if (item.isFree) this.#deliver(item.sink, item.bytes, () => {});
        else this.#deliver(item.sink, this.#joinWaiting(item), this.#consumed);
      }
    } finally {
      this.#isRunning = false;
    }
  }

  #joinWaiting(first: Data): Uint8Array {
    const chunks = [first.bytes];
    let len = first.bytes.length;
    for (let next; (next = this.#queue[0]); this.#queue.shift()) {
      if (typeof next === 'function' || next.isFree || next.sink !== first.sink) break;
      if (len + next.bytes.length > MAX_JOINED_BYTES) break;
      chunks.push(next.bytes);
      len += next.bytes.length;
    }
    return concat(chunks, len);
  }

  #deliver(sink: Sink, bytes: Uint8Array, consumed: (n: number) => void): void {
    const len = bytes.length; // the sink may transfer the buffer away
    let result: Promise<unknown> | undefined;
    try {
      result = promised(sink(bytes));
    } catch (error) {
      reportUncaught(error);
    }
    if (!result) return consumed(len);
    this.#isWaiting = true;
    const settled = (): void => {
      consumed(len);
      this.#isWaiting = false;
      this.#run();
    };
    result.then(settled, (error: unknown) => {
      reportUncaught(error);
      settled();
    });
  }
}

/** What a sink returned, if it is to be waited for. The page's thenables may throw or call twice. */
function promised(value: unknown): Promise<unknown> | undefined {
  const {then} = (value ?? {}) as {then?: unknown};
  return typeof then === 'function' ? Promise.resolve(value) : undefined;
}
