/* ipn.exec: a command, as a promise of its output and as streams. */
import type {IPNExec, IPNExecOptions, IPNExecResult} from '../ipn.js';
import {Inflow, Outflow, checkByteSource, pour, type ByteSource} from './byte_stream.js';
import {abortReason, checkInteger, checkObject, checkText, deferred, onAbort} from './callbacks.js';
import type {Calls} from './calls.js';
import {Credit, type FlowHandler, type FlowMessage, type FlowPort} from './flow_port.js';
import {SshDialog} from './ssh_dialog.js';
import {SshError} from './ssh_error.js';
import {checkAccess, shellFields, type Access} from './ssh_options.js';
import {concat} from './worker/batch.js';

const MAX_BUFFER_BYTES = 16 << 20; // far more than a program reads at once; streams have no limit

type Exit = Awaited<IPNExec['exit']>;

export function openExec(
  calls: Calls,
  host: unknown,
  user: unknown,
  command: unknown,
  options: IPNExecOptions,
): IPNExec {
  checkObject(options, 'options');
  if (checkText(command, 'command') === '') throw new TypeError('command must not be empty');
  const {stdin, maxBuffer, pty, env, term, rows, cols} = options;
  const source =
    stdin === undefined || stdin === null ? undefined : checkByteSource(stdin, 'stdin');
  const limit = checkInteger(
    maxBuffer ?? MAX_BUFFER_BYTES,
    'maxBuffer',
    0,
    Number.MAX_SAFE_INTEGER,
  );
  const access = checkAccess(host, user, options);
  const shell = {command, pty: pty ?? false, env, term, rows, cols} as Parameters<
    typeof shellFields
  >[0];
  const fields = [...access.fields, ...shellFields(shell)];
  return calls.connect(access, fields, (port) => new Exec(access, port, limit, source));
}

/** Collects what a command writes, until the page takes it as a stream. */
class Output {
  readonly #credit: Credit;
  #chunks: Uint8Array[] = [];
  #len = 0;
  #inflow: Inflow | undefined;
  /** Credit for these was given while they were collected. */
  #prepaid = 0;
  readonly #cancel: () => void;
  #isOver = false;
  #error: unknown;

  constructor(credit: Credit, cancel: () => void) {
    this.#credit = credit;
    this.#cancel = cancel;
  }

  /** Bytes that nobody has asked for as a stream. */
  get collected(): number {
    return this.#len;
  }

  get readable(): ReadableStream<Uint8Array> {
    if (!this.#inflow) {
      this.#inflow = new Inflow(
        (n) => this.#taken(n),
        () => this.#cancel(),
      );
      this.#prepaid = this.#len;
      for (const chunk of this.#chunks) this.#inflow.push(chunk);
      this.#chunks = [];
      this.#len = 0;
      if (this.#isOver) this.#finish(this.#inflow);
    }
    return this.#inflow.readable;
  }

  push(bytes: Uint8Array): void {
    if (this.#inflow) return this.#inflow.push(bytes);
    this.#chunks.push(bytes);
    this.#len += bytes.length;
    this.#credit.give(bytes.length);
  }

  end(error?: unknown): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#error = error;
    if (this.#inflow) this.#finish(this.#inflow);
  }

  all(): Uint8Array {
    return concat(this.#chunks, this.#len);
  }

  #finish(inflow: Inflow): void {
    if (this.#error === undefined) inflow.close();
    else inflow.fail(this.#error);
  }

  #taken(n: number): void {
    const paid = Math.min(n, this.#prepaid);
    this.#prepaid -= paid;
    if (n > paid) this.#credit.give(n - paid);
  }
}

class Exec implements IPNExec, FlowHandler {
  readonly [Symbol.toStringTag] = 'IPNExec';
  readonly #exit = deferred<Exit>();
  readonly #result = deferred<IPNExecResult>();
  readonly #opened = deferred<void>();
  readonly #dialog: SshDialog;
  readonly #port: FlowPort;
  readonly #limit: number;
  readonly #stdout: Output;
  readonly #stderr: Output;
  readonly #stdin: Outflow;
  readonly #stopListening: () => void;
  #status: Exit = {code: -1, signal: ''};
  /** Whether somebody feeds stdin. */
  #hasStdin: boolean;
  #isOver = false;

  constructor(access: Access, port: FlowPort, limit: number, source: ByteSource | undefined) {
    this.#port = port;
    this.#limit = limit;
    this.#dialog = new SshDialog(access, port);
    const credit = new Credit(port);
    const stop = (): void => this.#fail(new SshError('closed', 'Its output was not wanted.'));
    this.#stdout = new Output(credit, stop);
    this.#stderr = new Output(credit, () => {});
    this.#stdin = new Outflow(port, {
      opened: this.#opened.promise,
      close: () => port.post({type: 'eof'}),
      abort: () => port.post({type: 'eof'}),
    });
    this.#hasStdin = source !== undefined;
    const {signal} = access; // and nothing else of it: it holds secrets
    this.#stopListening = onAbort(signal, () => this.#fail(abortReason(signal)));
    if (source !== undefined) this.#feed(source);
  }

  get exit(): Promise<Exit> {
    return this.#exit.promise;
  }

  get stdin(): WritableStream<Uint8Array> {
    this.#hasStdin = true;
    return this.#stdin.writable;
  }

  get stdout(): ReadableStream<Uint8Array> {
    return this.#stdout.readable;
  }

  get stderr(): ReadableStream<Uint8Array> {
    return this.#stderr.readable;
  }

  kill(name = 'TERM'): boolean {
    checkText(name, 'signal');
    if (this.#isOver) return false;
    this.#port.post({type: 'signal', name});
    return true;
  }

  then<A = IPNExecResult, B = never>(
    done?: ((result: IPNExecResult) => A | PromiseLike<A>) | null,
    failed?: ((error: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    return this.#result.promise.then(done, failed);
  }

  catch<B = never>(
    failed?: ((error: unknown) => B | PromiseLike<B>) | null,
  ): Promise<IPNExecResult | B> {
    return this.#result.promise.catch(failed);
  }

  finally(done?: (() => void) | null): Promise<IPNExecResult> {
    return this.#result.promise.finally(done);
  }

  handle(message: FlowMessage): void {
    switch (message.type) {
      case 'sshOpen':
        this.#opened.resolve();
        if (!this.#hasStdin) this.#port.post({type: 'eof'});
        return;
      case 'sshData':
        return this.#collect(this.#stdout, message.bytes);
      case 'sshStderr':
        return this.#collect(this.#stderr, message.bytes);
      case 'sshEof':
        this.#stdout.end();
        return this.#stderr.end();
      case 'sshExit':
        this.#status = {code: message.signal ? -1 : message.code, signal: message.signal};
        return this.#exit.resolve(this.#status);
      case 'sshDone':
        return this.#handleDone();
      case 'accepted':
        return this.#stdin.accepted(message.n);
      default:
        return this.#dialog.handle(message);
    }
  }

  fail(message: string): void {
    this.#dialog.fail(message);
    this.#handleDone();
  }

  /** It ends by itself when its source does; the far end may stop reading before. */
  #feed(source: ByteSource): void {
    pour(source, this.#stdin.writable).catch((error: unknown) => {
      if (!this.#isOver) this.#fail(error);
    });
  }

  #collect(output: Output, bytes: Uint8Array): void {
    if (this.#isOver) return;
    output.push(bytes);
    if (this.#stdout.collected + this.#stderr.collected <= this.#limit) return;
    this.#fail(
      new SshError(
        'max-buffer',
        `The command wrote more than ${this.#limit} bytes (maxBuffer); read its streams instead.`,
      ),
    );
  }

  #handleDone(): void {
    if (this.#isOver) return;
    const {error} = this.#dialog;
    if (error) return this.#end(error);
    this.#end();
    const stdout = this.#stdout.all();
    const stderr = this.#stderr.all();
    const text = (): string => new TextDecoder().decode(stdout);
    this.#exit.resolve(this.#status);
    this.#result.resolve({...this.#status, stdout, stderr, text});
  }

  /** By us: what the page wanted cannot be had, or it wants it no more. */
  #fail(error: unknown): void {
    if (this.#isOver) return;
    this.#port.post({type: 'closeFlow'});
    this.#end(error);
  }

  #end(error?: unknown): void {
    this.#isOver = true;
    this.#stopListening?.();
    this.#stdin.end(error ?? new Error('The command ended.'));
    this.#stdout.end(error);
    this.#stderr.end(error);
    if (error === undefined) return;
    this.#opened.reject(error);
    this.#exit.reject(error);
    this.#result.reject(error);
  }
}
