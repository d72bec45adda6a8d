/* ipn.sftp: files on a server. Requests may run at once; each is a flow of its own. */
import type {
  IPNFileEntry,
  IPNFileProgress,
  IPNFileReadOptions,
  IPNFileStat,
  IPNFileWriteOptions,
  IPNSFTP,
  IPNSSHAccess,
  IPNSSHInfo,
} from '../ipn.js';
import {checkByteSource, pour} from './byte_stream.js';
import {
  abortReason,
  callPage,
  checkObject,
  checkOptionalBoolean,
  checkOptionalFunctions,
  checkSignal,
  deferred,
} from './callbacks.js';
import type {Calls} from './calls.js';
import type {Field} from './fields.js';
import type {FlowMessage, FlowPort} from './flow_port.js';
import {fileStat, SftpCall, SftpRead, SftpWrite, type SftpDone} from './sftp_call.js';
import {
  checkOffset,
  checkPath,
  checkTransfer,
  mode,
  OP,
  OVERWRITE,
  SET_MODE,
  SET_SIZE,
  WRITE_FLAGS,
} from './sftp_options.js';
import {DialogFlow} from './ssh_dialog.js';
import {SshError, tooLarge} from './ssh_error.js';
import {checkAccess, type Access} from './ssh_options.js';
import {sshInfo} from './ssh_session.js';
import {concat} from './worker/batch.js';

const READ_FILE_MAX_BYTES = 64 << 20; // a page that wants more says so, or reads a stream

interface Signalled {
  signal?: AbortSignal;
}

export async function openSftp(
  calls: Calls,
  host: unknown,
  user: unknown,
  options: IPNSSHAccess,
): Promise<IPNSFTP> {
  const access = checkAccess(host, user, options);
  const fields: Field[] = [...access.fields, ['kind', 'sftp']];
  return calls.connect(access, fields, (port) => new Sftp(access, port, calls)).opened;
}

class Sftp extends DialogFlow implements IPNSFTP {
  readonly #opened = deferred<Sftp>();
  readonly #calls: Calls;
  readonly #port: FlowPort;
  #info: IPNSSHInfo | undefined;

  constructor(access: Access, port: FlowPort, calls: Calls) {
    super(access, port);
    this.#calls = calls;
    this.#port = port;
  }

  get opened(): Promise<IPNSFTP> {
    return this.#opened.promise;
  }

  get info(): IPNSSHInfo {
    return this.#info!; // nobody has it before it is opened
  }

  async *list(path: string, options?: Signalled): AsyncGenerator<IPNFileEntry, void, undefined> {
    const {call, port} = this.#begin(OP.list, path, [], options);
    try {
      for (let some; (some = await call.entries()).length > 0;) {
        yield* some;
        port.post({type: 'credit', n: some.length});
      }
      await call.done;
    } finally {
      port.post({type: 'closeFlow'});
    }
  }

  async readdir(path: string, options?: Signalled): Promise<IPNFileEntry[]> {
    const entries: IPNFileEntry[] = [];
    for await (const entry of this.list(path, options)) entries.push(entry);
    return entries;
  }

  async stat(path: string, options?: Signalled): Promise<IPNFileStat> {
    return fileStat((await this.#do(OP.stat, path, [], options)).attrs);
  }

  async lstat(path: string, options?: Signalled): Promise<IPNFileStat> {
    return fileStat((await this.#do(OP.lstat, path, [], options)).attrs);
  }

  async mkdir(path: string, options: {mode?: number} & Signalled = {}): Promise<void> {
    checkObject(options, 'options');
    await this.#do(OP.mkdir, path, [mode(options.mode ?? 0o777)], options);
  }

  async rmdir(path: string, options?: Signalled): Promise<void> {
    await this.#do(OP.rmdir, path, [], options);
  }

  async remove(path: string, options?: Signalled): Promise<void> {
    await this.#do(OP.remove, path, [], options);
  }

  async rename(
    from: string,
    to: string,
    options: {overwrite?: boolean} & Signalled = {},
  ): Promise<void> {
    checkObject(options, 'options');
    const overwrite = checkOptionalBoolean(options.overwrite, 'overwrite', false);
    const fields: Field[] = [['path2', checkPath(to, 'to')]];
    if (overwrite) fields.push(['flags', OVERWRITE]);
    await this.#do(OP.rename, from, fields, options);
  }

  async chmod(path: string, bits: number, options?: Signalled): Promise<void> {
    await this.#do(OP.setstat, path, [mode(bits), ['flags', SET_MODE]], options);
  }

  async truncate(path: string, size = 0, options?: Signalled): Promise<void> {
    const length = checkOffset(size, 'size');
    await this.#do(
      OP.setstat,
      path,
      [
        ['length', length],
        ['flags', SET_SIZE],
      ],
      options,
    );
  }

  async symlink(target: string, path: string, options?: Signalled): Promise<void> {
    await this.#do(OP.symlink, path, [['path2', checkPath(target, 'target')]], options);
  }

  async readlink(path: string, options?: Signalled): Promise<string> {
    return (await this.#do(OP.readlink, path, [], options)).text;
  }

  async realpath(path: string, options?: Signalled): Promise<string> {
    return (await this.#do(OP.realpath, path, [], options)).text;
  }

  read(path: string, options: IPNFileReadOptions = {}): ReadableStream<Uint8Array> {
    const transfer = checkTransfer(options);
    checkPath(path, 'path');
    const {length} = options;
    if (length === 0) return new Response('').body!;
    const len = length === undefined ? 0 : checkOffset(length, 'length');
    return new SftpRead(transfer, len, (read) => {
      let port!: FlowPort;
      const fields: Field[] = [
        ['op', OP.read],
        ['path', path],
        ['offset', transfer.offset],
      ];
      this.#calls.sftp(this.#port, [...fields, ['length', len]], (at) => {
        port = at;
        return read;
      });
      return port;
    }).readable;
  }

  write(path: string, options: IPNFileWriteOptions = {}): WritableStream<Uint8Array> {
    const transfer = checkTransfer(options);
    const name = options.flags ?? (options.offset === undefined ? 'w' : 'r+');
    if (!Object.hasOwn(WRITE_FLAGS, name))
      throw new TypeError(`flags must be one of ${Object.keys(WRITE_FLAGS).join(' ')}`);
    const fields: Field[] = [
      ['op', OP.write],
      ['path', checkPath(path, 'path')],
      ['offset', transfer.offset],
      ['flags', WRITE_FLAGS[name]],
    ];
    if (options.mode !== undefined) fields.push(mode(options.mode));
    return this.#calls.sftp(this.#port, fields, (port) => new SftpWrite(port, transfer)).writable;
  }

  async readFile(
    path: string,
    options: IPNFileReadOptions & {maxBytes?: number} = {},
  ): Promise<Uint8Array> {
    checkObject(options, 'options');
    const max = checkOffset(options.maxBytes ?? READ_FILE_MAX_BYTES, 'maxBytes');
    const chunks: Uint8Array[] = [];
    let len = 0;
    let total = 0;
    const onProgress = (progress: IPNFileProgress): void => {
      total = progress.total ?? 0;
      callPage(options.onProgress, progress);
    };
    checkOptionalFunctions(options, ['onProgress']);
    const reader = this.read(path, {...options, onProgress}).getReader();
    for (let step; !(step = await reader.read()).done;) {
      chunks.push(step.value);
      len += step.value.length;
      if (Math.max(len, total) <= max) continue;
      await reader.cancel();
      throw tooLarge(path, max);
    }
    return concat(chunks, len);
  }

  async writeFile(path: string, data: unknown, options?: IPNFileWriteOptions): Promise<void> {
    const source = checkByteSource(data, 'data');
    await pour(source, this.write(path, options));
  }

  close(): void {
    this.#port.post({type: 'closeFlow'});
  }

  override handle(message: FlowMessage): void {
    if (message.type !== 'sshOpen') return super.handle(message);
    this.#info = sshInfo(message);
    this.#opened.resolve(this);
  }

  protected aborted(reason: unknown): void {
    this.#opened.reject(reason);
  }

  /** The engine ends the requests that are left, each with its own DONE. */
  protected ended(): void {
    this.#opened.reject(this.dialog.error ?? new SshError('closed', 'The connection was closed.'));
  }

  #begin(
    op: number,
    path: string,
    fields: Field[],
    options: Signalled = {},
  ): {call: SftpCall; port: FlowPort} {
    checkObject(options, 'options');
    const signal = checkSignal(options.signal);
    if (signal?.aborted) throw abortReason(signal) as Error;
    let port!: FlowPort;
    const all: Field[] = [['op', op], ['path', checkPath(path, 'path')], ...fields];
    const call = this.#calls.sftp(this.#port, all, (at) => new SftpCall((port = at), signal));
    return {call, port};
  }

  #do(op: number, path: string, fields: Field[], options?: Signalled): Promise<SftpDone> {
    return this.#begin(op, path, fields, options).call.done;
  }
}
