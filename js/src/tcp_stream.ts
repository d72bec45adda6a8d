/* A TCP connection as WHATWG streams; a reader that stops reading stops the far end. */
import type {IPNTCPStream} from '../ipn.js';
import {Credit, Outgoing, type FlowHandler, type FlowMessage, type FlowPort} from './flow_port.js';

const MAX_QUEUED_BYTES = 256 * 1024; // on the way to the core, which has a send buffer of its own
const MAX_WRITE_BYTES = 64 * 1024;

export class TcpStream implements IPNTCPStream, FlowHandler {
  readonly opened: Promise<void>;
  readonly readable: ReadableStream<Uint8Array>;
  readonly writable: WritableStream<Uint8Array>;
  readonly #port: FlowPort;
  readonly #outgoing: Outgoing;
  readonly #credit: Credit;
  readonly #arrived: Uint8Array[] = [];
  #resolveOpened!: () => void;
  #rejectOpened!: (error: Error) => void;
  #reader!: ReadableStreamDefaultController<Uint8Array>;
  #writer!: WritableStreamDefaultController;
  /** Set while the reader wants bytes and there are none. */
  #wakeReader: (() => void) | undefined;
  #hasEof = false;
  #isOver = false;

  constructor(port: FlowPort) {
    this.#port = port;
    this.#outgoing = new Outgoing(port, MAX_QUEUED_BYTES);
    this.#credit = new Credit(port);
    this.opened = new Promise((resolve, reject) => {
      this.#resolveOpened = resolve;
      this.#rejectOpened = reject;
    });
    this.opened.catch(() => {}); // the streams say it too
    this.readable = new ReadableStream(
      {
        start: (controller) => void (this.#reader = controller),
        pull: () => this.#pull(),
        cancel: () => this.close(),
      },
      {highWaterMark: 0},
    );
    this.writable = new WritableStream({
      start: (controller) => void (this.#writer = controller),
      write: (chunk) => this.#write(chunk),
      close: () => this.#port.post({type: 'eof'}),
      abort: () => this.close(),
    });
  }

  close(): void {
    if (this.#isOver) return;
    this.#port.post({type: 'closeFlow'});
    this.#end(new Error('The connection was closed.'));
  }

  handle(message: FlowMessage): void {
    switch (message.type) {
      case 'tcpOpen':
        return this.#resolveOpened();
      case 'tcpData':
        if (this.#isOver) return;
        this.#arrived.push(message.bytes);
        return this.#wake();
      case 'tcpEof':
        this.#hasEof = true;
        return this.#wake();
      case 'tcpError':
        return this.#end(new Error(message.message));
      case 'tcpDone':
        return this.#end(new Error('The connection ended.'));
      case 'accepted':
        return this.#outgoing.accepted(message.n);
      default:
        return;
    }
  }

  fail(message: string): void {
    this.#end(new Error(message));
  }

  async #pull(): Promise<void> {
    for (;;) {
      const bytes = this.#arrived.shift();
      if (bytes) {
        const len = bytes.length;
        this.#reader.enqueue(bytes);
        return this.#credit.give(len);
      }
      if (this.#hasEof) return this.#reader.close();
      if (this.#isOver) return;
      await new Promise<void>((resolve) => (this.#wakeReader = resolve));
    }
  }

  #wake(): void {
    this.#wakeReader?.();
    this.#wakeReader = undefined;
  }

  async #write(chunk: Uint8Array): Promise<void> {
    if (!(chunk instanceof Uint8Array)) throw new TypeError('a chunk must be a Uint8Array');
    await this.opened;
    for (let at = 0; at < chunk.length; at += MAX_WRITE_BYTES) {
      await this.#outgoing.drained();
      if (this.#isOver) throw new Error('The connection ended.');
      this.#outgoing.write(chunk.slice(at, at + MAX_WRITE_BYTES));
    }
  }

  /** What arrived before a proper end stays readable; an error discards it, as a reset does. */
  #end(error: Error): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#outgoing.end();
    this.#rejectOpened(error);
    if (!this.#hasEof) this.#reader.error(error);
    this.#writer.error(error);
    this.#wake();
  }
}
