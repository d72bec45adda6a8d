/* One request on files: what it waits for, and its end. */
import type {IPNFileEntry, IPNFileProgress, IPNFileStat} from '../ipn.js';
import {Inflow, Outflow} from './byte_stream.js';
import {abortReason, callPage, deferred, onAbort} from './callbacks.js';
import type {FlowEvent, SftpAttrs} from './core/events.js';
import {Credit, type FlowHandler, type FlowMessage, type FlowPort} from './flow_port.js';
import {SftpError} from './ssh_error.js';

export type SftpDone = Extract<FlowEvent, {type: 'sftpDone'}>;
const CLOSED = -7;

/** Modes of stat(2). */
const TYPES: Record<number, IPNFileStat['type']> = {
  0o100000: 'file',
  0o040000: 'directory',
  0o120000: 'symlink',
};

export function fileStat({size, mode, uid, gid, atime, mtime}: SftpAttrs): IPNFileStat {
  const date = (seconds?: number): Date | undefined =>
    seconds === undefined ? undefined : new Date(seconds * 1000);
  const type = mode === undefined ? 'unknown' : (TYPES[mode & 0o170000] ?? 'other');
  const bits = mode === undefined ? undefined : mode & 0o7777;
  return {type, size, mode: bits, uid, gid, atime: date(atime), mtime: date(mtime)};
}

/** Waits for DONE; collects names on the way. An abort cancels it there and rejects here at once. */
export class SftpCall implements FlowHandler {
  readonly #done = deferred<SftpDone>();
  readonly #stopListening: () => void;
  #entries: IPNFileEntry[] = [];
  #wake: (() => void) | undefined;

  constructor(port: FlowPort, signal: AbortSignal | undefined) {
    this.#stopListening = onAbort(signal, () => {
      port.post({type: 'closeFlow'});
      this.#done.reject(abortReason(signal));
    });
    this.#done.promise.catch(() => {}).finally(() => this.#wake?.());
  }

  get done(): Promise<SftpDone> {
    return this.#done.promise;
  }

  /** What has come since the last time; waits for some. Empty: that was all. */
  async entries(): Promise<IPNFileEntry[]> {
    let isOver = false;
    const over = this.#done.promise.finally(() => (isOver = true));
    over.catch(() => {});
    while (this.#entries.length === 0 && !isOver) {
      await Promise.race([over, new Promise<void>((resolve) => (this.#wake = resolve))]);
    }
    return this.#entries.splice(0);
  }

  handle(message: FlowMessage): void {
    if (message.type === 'sftpEntry') {
      this.#entries.push({name: message.name, ...fileStat(message.attrs)});
      this.#wake?.();
    } else if (message.type === 'sftpDone') {
      this.#stopListening();
      if (message.status === 0) this.#done.resolve(message);
      else this.#done.reject(new SftpError(message.status, message.text));
    }
  }

  fail(message: string): void {
    this.#stopListening();
    this.#done.reject(new SftpError(CLOSED, message));
  }
}

export interface TransferOptions {
  offset: number;
  signal: AbortSignal | undefined;
  onProgress: ((progress: IPNFileProgress) => void) | undefined;
}

/** READ as a stream; it is asked for when the reader wants its first bytes. */
export class SftpRead implements FlowHandler {
  readonly readable: ReadableStream<Uint8Array>;
  readonly #in: Inflow;
  readonly #options: TransferOptions;
  readonly #length: number;
  readonly #stopListening: () => void;
  #port: FlowPort | undefined;
  #total: number | undefined;
  #bytes = 0;

  /** length 0: to the end. start: makes the request. */
  constructor(options: TransferOptions, length: number, start: (read: SftpRead) => FlowPort) {
    this.#options = options;
    this.#length = length;
    let credit: Credit | undefined;
    this.#in = new Inflow(
      (n) => {
        credit?.give(n);
        this.#progress(n);
      },
      () => this.#cancel(),
      () => {
        this.#port = start(this);
        credit = new Credit(this.#port);
      },
    );
    this.readable = this.#in.readable;
    const {signal} = options;
    this.#stopListening = onAbort(signal, () => {
      this.#in.fail(abortReason(signal), true);
      this.#cancel();
    });
  }

  handle(message: FlowMessage): void {
    if (message.type === 'sftpAttrs') {
      const {size} = message.attrs;
      const rest = size === undefined ? undefined : Math.max(size - this.#options.offset, 0);
      if (this.#length === 0) this.#total = rest;
      else this.#total = rest === undefined ? this.#length : Math.min(rest, this.#length);
    } else if (message.type === 'sftpData') {
      this.#in.push(message.bytes);
    } else if (message.type === 'sftpDone') {
      this.#stopListening();
      if (message.status === 0) this.#in.close();
      else this.#in.fail(new SftpError(message.status, message.text));
    }
  }

  fail(message: string): void {
    this.#stopListening();
    this.#in.fail(new SftpError(CLOSED, message));
  }

  #cancel(): void {
    this.#stopListening?.();
    this.#port?.post({type: 'closeFlow'});
  }

  #progress(n: number): void {
    this.#bytes += n;
    callPage(this.#options.onProgress, {bytes: this.#bytes, total: this.#total});
  }
}

/** WRITE as a stream; the file is opened at once, and closed before close() resolves. */
export class SftpWrite implements FlowHandler {
  readonly #out: Outflow;
  readonly #done: SftpCall;
  readonly #options: TransferOptions;
  #bytes = 0;

  constructor(port: FlowPort, options: TransferOptions) {
    this.#options = options;
    this.#done = new SftpCall(port, options.signal);
    this.#out = new Outflow(port, {
      close: async () => {
        port.post({type: 'eof'});
        await this.#done.done;
      },
      abort: () => port.post({type: 'closeFlow'}),
    });
    this.#done.done.catch((error: unknown) => this.#out.end(error));
  }

  get writable(): WritableStream<Uint8Array> {
    return this.#out.writable;
  }

  handle(message: FlowMessage): void {
    if (message.type === 'accepted') return this.#out.accepted(message.n);
    if (message.type === 'sftpWritable') this.#progress(message.acknowledged);
    if (message.type === 'sftpDone') this.#progress(message.attrs.size ?? 0);
    this.#done.handle(message);
  }

  fail(message: string): void {
    this.#done.fail(message);
  }

  #progress(acknowledged: number): void {
    const bytes = acknowledged - this.#options.offset;
    if (bytes <= this.#bytes) return;
    this.#bytes = bytes;
    callPage(this.#options.onProgress, {bytes, total: undefined});
  }
}
