/* Files over SSH (SFTP). */
import type {IPNExecOptions} from './ipn_exec.js';
import type {IPNSSHInfo} from './ipn_ssh.js';

/** [+] Requests may run at once. Each rejects with an IPNSFTPError, or with its signal's reason. */
export interface IPNSFTP {
  /** Entry by entry as they come, without . and ..; who reads slowly slows the server down. */
  list(path: string, options?: {signal?: AbortSignal}): AsyncIterableIterator<IPNFileEntry>;
  readdir(path: string, options?: {signal?: AbortSignal}): Promise<IPNFileEntry[]>;
  stat(path: string, options?: {signal?: AbortSignal}): Promise<IPNFileStat>;
  /** Of a link itself. */
  lstat(path: string, options?: {signal?: AbortSignal}): Promise<IPNFileStat>;
  mkdir(path: string, options?: {mode?: number; signal?: AbortSignal}): Promise<void>;
  rmdir(path: string, options?: {signal?: AbortSignal}): Promise<void>;
  remove(path: string, options?: {signal?: AbortSignal}): Promise<void>;
  rename(
    from: string,
    to: string,
    options?: {overwrite?: boolean; signal?: AbortSignal},
  ): Promise<void>;
  chmod(path: string, mode: number, options?: {signal?: AbortSignal}): Promise<void>;
  truncate(path: string, size?: number, options?: {signal?: AbortSignal}): Promise<void>;
  /** As ln -s target path. */
  symlink(target: string, path: string, options?: {signal?: AbortSignal}): Promise<void>;
  readlink(path: string, options?: {signal?: AbortSignal}): Promise<string>;
  realpath(path: string, options?: {signal?: AbortSignal}): Promise<string>;
  /** Opened when it is first read. */
  read(path: string, options?: IPNFileReadOptions): ReadableStream<Uint8Array>;
  /** Opened at once; closed, and all of it acknowledged, when close() resolves. */
  write(path: string, options?: IPNFileWriteOptions): WritableStream<Uint8Array>;
  /** Larger files than maxBytes reject with code 'EFBIG'. Default: 64 MB */
  readFile(path: string, options?: IPNFileReadOptions & {maxBytes?: number}): Promise<Uint8Array>;
  writeFile(
    path: string,
    data: NonNullable<IPNExecOptions['stdin']>,
    options?: IPNFileWriteOptions,
  ): Promise<void>;
  readonly info: IPNSSHInfo;
  /** What is not done fails. */
  close(): void;
}

/** [+] undefined: the server did not say. */
export interface IPNFileStat {
  type: 'file' | 'directory' | 'symlink' | 'other' | 'unknown';
  size: number | undefined;
  /** Permission bits, 0 to 0o7777. */
  mode: number | undefined;
  uid: number | undefined;
  gid: number | undefined;
  atime: Date | undefined;
  mtime: Date | undefined;
}

/** [+] Of a link: of the link itself. */
export interface IPNFileEntry extends IPNFileStat {
  /** As the server has it: text to show, with anything in it but "/" and NUL. */
  name: string;
}

/** [+] bytes: so far, from the offset on. total: if it is known. */
export interface IPNFileProgress {
  bytes: number;
  total: number | undefined;
}

/** [+] */
export interface IPNFileReadOptions {
  /** To resume. Default: 0 */
  offset?: number;
  /** Default: to the end */
  length?: number;
  signal?: AbortSignal;
  onProgress?: (progress: IPNFileProgress) => void;
}

/** [+] */
export interface IPNFileWriteOptions {
  /** To resume. Default: 0 */
  offset?: number;
  /**
   * 'w': created or emptied (default). 'wx': created, it must not be there. 'a': at its end. 'r+':
   * it is there and kept (default with an offset).
   */
  flags?: 'w' | 'wx' | 'a' | 'r+';
  /** Of a file that is created. Default: the server's */
  mode?: number;
  signal?: AbortSignal;
  /** bytes: acknowledged by the server. */
  onProgress?: (progress: IPNFileProgress) => void;
}

/** [+] */
export interface IPNSFTPError extends Error {
  /** 'ENOENT', 'EACCES', 'EEXIST', 'ENOTSUP', 'EFAILURE' (the server says no more), … */
  code: string;
  /** SSH_FX_*, or < 0: not the server's. */
  status: number;
}
