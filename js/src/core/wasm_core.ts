/*
 * The only file that touches wasm memory. Views are made per call: memory.buffer changes whenever
 * the memory grows.
 */
import type {Core, CoreConfig} from './core.js';
import type {CoreExports} from './exports.js';
import {decodeEvent, type CoreEvent, type Utf8} from './events.js';

/** What the module may ask for; memory is passed in because it exists only after instantiation. */
export interface CoreHost {
  utf8: Utf8;
  random(bytes: Uint8Array): void;
  log(level: number, line: string): void;
}

type Import = (...args: number[]) => number | void;

/**
 * Implements one import of the module. Unknown ones exist only because a C library drags them in
 * and are never called in a healthy module: they throw, which ends the core as a trap does.
 */
export function coreImport(name: string, host: CoreHost, memory: () => ArrayBuffer): Import {
  switch (name) {
    case 'host_random':
      return (at = 0, len = 0) => host.random(new Uint8Array(memory(), at, len));
    case 'host_log':
      return (level = 0, at = 0, len = 0) => {
        host.log(level, host.utf8.decode(new Uint8Array(memory(), at, len)));
      };
    case 'emscripten_notify_memory_growth':
      return () => {};
    default:
      return () => {
        throw new Error(`ipn.wasm called ${name}, which does not exist here`);
      };
  }
}

const EVENT_WORDS = 7;
const MAX_INPUT_BYTES = 256 * 1024; // at once; the streams do not care where they are cut
const EMPTY = new Uint8Array(0);

export class WasmCore implements Core {
  readonly #x: CoreExports;
  readonly #utf8: Utf8;

  constructor(exports: CoreExports, utf8: Utf8) {
    this.#x = exports;
    this.#utf8 = utf8;
    exports._initialize?.();
  }

  create(config: CoreConfig, wallOffsetMs: number, now: number): string | undefined {
    const {controlURL, controlKey, authKey, hostname, state, derpURLs} = config;
    const strings = [controlURL, controlKey, authKey, hostname, state, derpURLs];
    const problem = this.#withStrings(strings, (p) =>
      this.#x.x_new(p[0]!, p[1]!, p[2]!, p[3]!, p[4]!, p[5]!, wallOffsetMs, now),
    );
    return problem === 0 ? undefined : this.#stringAt(problem);
  }

  destroy(): void {
    this.#x.x_close();
  }

  run(now: number): number {
    return this.#x.x_run(now);
  }

  want(wanted: number): void {
    this.#x.x_want(wanted);
  }

  login(authKey: string, now: number): void {
    this.#withStrings([authKey], ([at]) => this.#x.x_login(at!, now));
  }

  logout(now: number): void {
    this.#x.x_logout(now);
  }

  closeStreams(now: number): void {
    this.#x.x_close_streams(now);
  }

  tick(now: number): void {
    this.#x.x_tick(now);
  }

  rebind(wallOffsetMs: number, now: number): void {
    this.#x.x_rebind(wallOffsetMs, now);
  }

  poll(now: number): CoreEvent | undefined {
    for (;;) {
      const at = this.#x.x_poll(now);
      if (at === 0) return undefined;
      const event = this.#eventAt(at);
      if (event) return event;
    }
  }

  nextDeadline(): number {
    return this.#x.x_next_deadline();
  }

  socketOpened(id: number, now: number): void {
    this.#x.x_socket_opened(id, now);
  }

  /** In pieces: a server's message has no limit, the scratch buffer in wasm memory needs one. */
  socketInput(id: number, bytes: Uint8Array, now: number): void {
    for (let at = 0; at < bytes.length; at += MAX_INPUT_BYTES) {
      const piece = bytes.subarray(at, at + MAX_INPUT_BYTES);
      this.#x.x_socket_input(id, this.#lend(piece), piece.length, now);
    }
  }

  socketClosed(id: number, code: number, reason: string, now: number): void {
    const bytes = this.#utf8.encode(reason);
    this.#x.x_socket_closed(id, code, this.#lend(bytes), bytes.length, now);
  }

  httpDone(id: number, status: number, body: Uint8Array, now: number): void {
    this.#x.x_http_done(id, status, this.#lend(body), body.length, now);
  }

  sshOpen(fields: Uint8Array, now: number): number {
    return this.#withBytes([fields], ([at]) => this.#x.x_ssh_open(at!, fields.length, now));
  }

  sshWrite(id: number, bytes: Uint8Array, now: number): number {
    return this.#x.x_ssh_write(id, this.#lend(bytes), bytes.length, now);
  }

  sshEof(id: number, now: number): void {
    this.#x.x_ssh_eof(id, now);
  }

  sshResize(id: number, rows: number, cols: number, now: number): void {
    this.#x.x_ssh_resize(id, rows, cols, now);
  }

  sshCredit(id: number, n: number, now: number): void {
    this.#x.x_ssh_credit(id, n, now);
  }

  sshAnswerHostKey(id: number, accept: boolean, now: number): void {
    this.#x.x_ssh_answer_host_key(id, accept ? 1 : 0, now);
  }

  sshAnswerPrompt(id: number, answers: Uint8Array | undefined, now: number): void {
    if (!answers) return void this.#x.x_ssh_answer_prompt(id, 0, 0, now);
    const {length} = answers;
    this.#withBytes([answers], ([at]) => this.#x.x_ssh_answer_prompt(id, at!, length, now));
  }

  sshAnswerAgent(id: number, request: number, allow: boolean, now: number): void {
    this.#x.x_ssh_answer_agent(id, request, allow ? 1 : 0, now);
  }

  sshSignal(id: number, name: string, now: number): void {
    this.#withStrings([name], ([at]) => this.#x.x_ssh_signal(id, at!, now));
  }

  sshClose(id: number, now: number): void {
    this.#x.x_ssh_close(id, now);
  }

  tcpOpen(host: string, port: number, timeoutMs: number, now: number): number {
    return this.#withStrings([host], (p) => this.#x.x_tcp_open(p[0]!, port, timeoutMs, now));
  }

  tcpWrite(id: number, bytes: Uint8Array, now: number): number {
    return this.#x.x_tcp_write(id, this.#lend(bytes), bytes.length, now);
  }

  tcpShutdown(id: number, now: number): void {
    this.#x.x_tcp_shutdown(id, now);
  }

  tcpCredit(id: number, n: number, now: number): void {
    this.#x.x_tcp_credit(id, n, now);
  }

  tcpClose(id: number, now: number): void {
    this.#x.x_tcp_close(id, now);
  }

  sftpRequest(id: number, fields: Uint8Array, now: number): number {
    return this.#x.x_sftp_request(id, this.#lend(fields), fields.length, now);
  }

  sftpWrite(id: number, request: number, bytes: Uint8Array, now: number): number {
    return this.#x.x_sftp_write(id, request, this.#lend(bytes), bytes.length, now);
  }

  sftpEnd(id: number, request: number, now: number): void {
    this.#x.x_sftp_end(id, request, now);
  }

  sftpCredit(id: number, request: number, n: number, now: number): void {
    this.#x.x_sftp_credit(id, request, n, now);
  }

  sftpCancel(id: number, request: number, now: number): void {
    this.#x.x_sftp_cancel(id, request, now);
  }

  knownHostsSet(text: Uint8Array, now: number): number {
    return this.#withBytes([text], ([at]) => this.#x.x_known_hosts_set(at!, text.length, now));
  }

  knownHostsRemove(host: string, port: number, now: number): number {
    return this.#withStrings([host], ([at]) => this.#x.x_known_hosts_remove(at!, port, now));
  }

  sshKeygen(comment: string, now: number): number {
    return this.#withStrings([comment], ([at]) => this.#x.x_ssh_keygen(at!, now));
  }

  sshKeyCheck(text: Uint8Array, now: number): number {
    return this.#withBytes([text], ([at]) => this.#x.x_ssh_key_check(at!, text.length, now));
  }

  ping(host: string, now: number): number {
    return this.#withStrings([host], (p) => this.#x.x_ping(p[0]!, now));
  }

  /** Copies into the scratch buffer, which holds until the next call of this. */
  #lend(bytes: Uint8Array): number {
    if (bytes.length === 0) return 0;
    const at = this.#x.x_buffer(bytes.length);
    if (at === 0) throw new Error('out of memory');
    new Uint8Array(this.#x.memory.buffer, at, bytes.length).set(bytes);
    return at;
  }

  #withStrings<T>(strings: string[], call: (pointers: number[]) => T): T {
    return this.#withBytes(
      strings.map((text) => this.#utf8.encode(text)),
      call,
    );
  }

  /** Calls with NUL-terminated copies that are wiped and freed afterwards. */
  #withBytes<T>(list: Uint8Array[], call: (pointers: number[]) => T): T {
    const copies = list.map((bytes) => {
      const at = this.#x.x_alloc(bytes.length + 1);
      if (at === 0) throw new Error('out of memory');
      const view = new Uint8Array(this.#x.memory.buffer, at, bytes.length + 1);
      view.set(bytes);
      view[bytes.length] = 0;
      return {at, len: bytes.length};
    });
    try {
      return call(copies.map((copy) => copy.at));
    } finally {
      for (const {at, len} of copies) {
        new Uint8Array(this.#x.memory.buffer, at, len).fill(0);
        this.#x.x_free(at);
      }
    }
  }

  #stringAt(at: number): string {
    const bytes = new Uint8Array(this.#x.memory.buffer);
    return this.#utf8.decode(bytes.subarray(at, bytes.indexOf(0, at)));
  }

  #eventAt(at: number): CoreEvent | undefined {
    const buffer = this.#x.memory.buffer;
    const words = new Uint32Array(buffer, at, EVENT_WORDS);
    const view = (ptr: number, len: number): Uint8Array =>
      len === 0 ? EMPTY : new Uint8Array(buffer, ptr, len);
    return decodeEvent(
      {
        type: words[0]!,
        id: words[1]!,
        code: words[2]! | 0,
        text: view(words[3]!, words[5]!),
        aux: view(words[4]!, words[6]!),
      },
      this.#utf8,
    );
  }
}
