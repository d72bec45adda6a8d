/* A connection as WHATWG streams, over TCP or forwarded by an SSH server. */
import type {IPNTCPStream} from '../ipn.js';
import {deferred} from './callbacks.js';
import {Inflow, Outflow} from './byte_stream.js';
import {Credit, type FlowHandler, type FlowMessage, type FlowPort} from './flow_port.js';

export class TcpStream implements IPNTCPStream, FlowHandler {
  readonly #opened = deferred<void>();
  readonly #port: FlowPort;
  readonly #onEnd: (() => void) | undefined;
  readonly #in: Inflow;
  readonly #out: Outflow;
  #hasEof = false;
  #isOver = false;

  constructor(port: FlowPort, onEnd?: () => void) {
    this.#port = port;
    this.#onEnd = onEnd;
    const cancel = (): void => this.close();
    // The core keeps what a server says first until it knows who reads it: the page, or via.
    this.#in = new Inflow(new Credit(port).give, cancel, () => port.post({type: 'credit', n: 0}));
    this.#out = new Outflow(port, {
      opened: this.opened,
      close: () => port.post({type: 'eof'}),
      abort: () => this.close(),
    });
  }

  get opened(): Promise<void> {
    return this.#opened.promise;
  }

  get readable(): ReadableStream<Uint8Array> {
    return this.#in.readable;
  }

  get writable(): WritableStream<Uint8Array> {
    return this.#out.writable;
  }

  close(): void {
    if (this.#isOver) return;
    this.#port.post({type: 'closeFlow'});
    this.#end(new Error('The connection was closed.'));
  }

  handle(message: FlowMessage): void {
    switch (message.type) {
      case 'tcpOpen':
      case 'sshOpen':
        return this.#opened.resolve();
      case 'tcpData':
      case 'sshData':
        if (!this.#isOver) this.#in.push(message.bytes);
        return;
      case 'tcpEof':
      case 'sshEof':
        this.#hasEof = true;
        return this.#in.close();
      case 'tcpError':
      case 'sshError':
        return this.#end(new Error(message.message));
      case 'tcpDone':
      case 'sshDone':
        return this.#end(new Error('The connection ended.'));
      case 'accepted':
        return this.#out.accepted(message.n);
      default:
        return;
    }
  }

  fail(message: string): void {
    this.#end(new Error(message));
  }

  /** What arrived before a proper end stays readable; an error discards it, as a reset does. */
  #end(error: Error): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#onEnd?.();
    this.#opened.reject(error);
    if (!this.#hasEof) this.#in.fail(error, true);
    this.#out.end(error);
  }
}
