/*
 * Bytes as WHATWG streams, without a queue of their own: what the reader does not take gives no
 * credit, what the far end does not take holds back the writer.
 */
import {Outgoing, type FlowPort} from './flow_port.js';

/** What arrives, for a reader. */
export class Inflow {
  readonly readable: ReadableStream<Uint8Array>;
  readonly #taken: (n: number) => void;
  readonly #arrived: Uint8Array[] = [];
  #controller!: ReadableStreamDefaultController<Uint8Array>;
  /** Set while the reader wants bytes and there are none. */
  #wake: (() => void) | undefined;
  #end: {error?: unknown} | undefined;

  /** taken(n): the reader has n bytes more. begin: it wants the first. */
  constructor(taken: (n: number) => void, cancel: () => void, begin?: () => void) {
    this.#taken = taken;
    this.readable = new ReadableStream(
      {
        start: (controller) => void (this.#controller = controller),
        pull: () => {
          begin?.();
          begin = undefined;
          return this.#pull();
        },
        cancel: () => {
          this.#end ??= {};
          this.#wake = undefined;
          for (const bytes of this.#arrived.splice(0)) taken(bytes.length);
          cancel();
        },
      },
      {highWaterMark: 0},
    );
  }

  push(bytes: Uint8Array): void {
    if (this.#end) return this.#taken(bytes.length);
    this.#arrived.push(bytes);
    this.#wakeReader();
  }

  /** After what has arrived. */
  close(): void {
    this.#end ??= {};
    this.#wakeReader();
  }

  /** After what has arrived, or at once. */
  fail(error: unknown, atOnce = false): void {
    if (this.#end) return;
    this.#end = {error};
    if (atOnce) {
      this.#arrived.length = 0;
      this.#controller.error(error);
    }
    this.#wakeReader();
  }

  async #pull(): Promise<void> {
    for (;;) {
      const bytes = this.#arrived.shift();
      if (bytes) {
        const {length} = bytes;
        this.#controller.enqueue(bytes);
        return this.#taken(length);
      }
      if (this.#end) {
        if ('error' in this.#end) this.#controller.error(this.#end.error);
        else this.#controller.close();
        return;
      }
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  #wakeReader(): void {
    this.#wake?.();
    this.#wake = undefined;
  }
}

const MAX_QUEUED_BYTES = 256 * 1024; // on the way to the core, which has a send buffer of its own
const MAX_WRITE_BYTES = 64 * 1024;

interface OutflowEvents {
  /** Nothing is written before it settles; a rejection fails the write. */
  opened?: Promise<unknown>;
  /** The writer closed it; what it returns is waited for. */
  close(): void | Promise<void>;
  abort(): void;
}

/** What a writer writes, on its way to the core. */
export class Outflow {
  readonly writable: WritableStream<Uint8Array>;
  readonly #outgoing: Outgoing;
  readonly #events: OutflowEvents;
  #controller!: WritableStreamDefaultController;
  #error: unknown;
  #isOver = false;

  constructor(port: FlowPort, events: OutflowEvents) {
    this.#outgoing = new Outgoing(port, MAX_QUEUED_BYTES);
    this.#events = events;
    this.writable = new WritableStream({
      start: (controller) => {
        this.#controller = controller;
        // Now, while the stream's own abort() waits for a write that may never end; but not from
        // within the signal, which Node's streams do not bear.
        const abort = (): void => {
          events.abort();
          this.end(controller.signal.reason);
        };
        controller.signal.addEventListener('abort', () => queueMicrotask(abort));
      },
      write: (chunk) => this.#write(chunk),
      close: () => events.close(),
    });
  }

  accepted(n: number): void {
    this.#outgoing.accepted(n);
  }

  /** Nothing is taken any more. */
  end(error: unknown): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#error = error;
    this.#controller.error(error);
    this.#outgoing.end();
  }

  async #write(chunk: Uint8Array): Promise<void> {
    if (!(chunk instanceof Uint8Array)) throw new TypeError('a chunk must be a Uint8Array');
    await this.#events.opened;
    for (let at = 0; at < chunk.length; at += MAX_WRITE_BYTES) {
      await this.#outgoing.drained();
      if (this.#isOver) throw this.#error;
      this.#outgoing.write(chunk.slice(at, at + MAX_WRITE_BYTES));
    }
  }
}

export type ByteSource =
  string | Uint8Array | ArrayBuffer | Blob | ReadableStream<Uint8Array> | AsyncIterable<Uint8Array>;

export function checkByteSource(value: unknown, name: string): ByteSource {
  const isStream =
    typeof (value as Partial<ReadableStream> | null)?.getReader === 'function' ||
    typeof (value as Partial<AsyncIterable<unknown>> | null)?.[Symbol.asyncIterator] === 'function';
  if (
    typeof value === 'string' ||
    value instanceof Uint8Array ||
    value instanceof ArrayBuffer ||
    value instanceof Blob ||
    isStream
  )
    return value as ByteSource;
  throw new TypeError(`${name} must be a string, a Uint8Array, a Blob or a stream of bytes`);
}

/** Writes all of it, then closes; what was not read of a source that fails to go is cancelled. */
export async function pour(source: ByteSource, target: WritableStream<Uint8Array>): Promise<void> {
  const stream = source instanceof Blob ? source.stream() : source;
  if (stream instanceof ReadableStream) return stream.pipeTo(target);
  const writer = target.getWriter();
  try {
    if (typeof stream === 'string') await writer.write(new TextEncoder().encode(stream));
    else if (stream instanceof ArrayBuffer) await writer.write(new Uint8Array(stream));
    else if (stream instanceof Uint8Array) await writer.write(stream);
    else for await (const chunk of stream as AsyncIterable<Uint8Array>) await writer.write(chunk);
    await writer.close();
  } catch (error) {
    await writer.abort(error).catch(() => {});
    // The target's own reason, if it had one: close() on an errored stream names none.
    throw await writer.closed.then(
      () => error,
      (reason: unknown) => reason,
    );
  }
}
