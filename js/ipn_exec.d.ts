/* Commands over SSH, as a promise and as streams. */
import type {IPNSSHAccess} from './ipn_ssh.js';

/** [+] */
export interface IPNExecOptions extends IPNSSHAccess {
  /** All that the command reads. Without it, and unless .stdin is taken before it runs: nothing. */
  stdin?:
    | string
    | Uint8Array
    | ArrayBuffer
    | Blob
    | ReadableStream<Uint8Array>
    | AsyncIterable<Uint8Array>;
  /** What may be collected, in bytes; more rejects with code 'max-buffer'. Default: 16 MB */
  maxBuffer?: number;
  /** Default: no */
  pty?: boolean;
  env?: Record<string, string>;
  term?: string;
  rows?: number;
  cols?: number;
}

/** [+] Rejects with an IPNSSHError, or with the signal's reason; an exit code is no error. */
export interface IPNExec extends Promise<IPNExecResult> {
  readonly stdin: WritableStream<Uint8Array>;
  /** Taking one of the two ends the collecting of it; whoever takes it reads it. */
  readonly stdout: ReadableStream<Uint8Array>;
  readonly stderr: ReadableStream<Uint8Array>;
  /** code -1: a signal ended it, or the server did not say. */
  readonly exit: Promise<{code: number; signal: string}>;
  /** Default: 'TERM'. Servers may ignore it; aborting `signal` always ends it. */
  kill(signal?: string): boolean;
}

/** [+] */
export interface IPNExecResult {
  /** -1: a signal ended it, or the server did not say. */
  code: number;
  /** e.g. 'TERM', or ''. */
  signal: string;
  stdout: Uint8Array;
  stderr: Uint8Array;
  /** stdout as UTF-8. */
  text(): string;
}
