/*
 * The core as the driver sees it: the verbs of wasm/include/ipn.h. `now` is milliseconds of one
 * monotonic clock. Implemented by WasmCore, and by a scripted one in the tests.
 */
import type {CoreEvent} from './events.js';

export interface CoreConfig {
  controlURL: string;
  controlKey: string;
  authKey: string;
  hostname: string;
  /** `name=value` lines of what STORE asked to keep. */
  state: string;
  /** `KEY=url` lines: where else to reach a relay region, by its id, host:port or `*`. */
  derpURLs: string;
}

export interface SshOpenOptions {
  host: string;
  user: string;
  term: string;
  /** '' for a shell. */
  command: string;
  env: Record<string, string>;
  port: number;
  rows: number;
  cols: number;
  pty: boolean;
  timeoutMs: number;
}

export interface Core {
  /** Returns what is wrong with the config, or undefined. */
  create(config: CoreConfig, wallOffsetMs: number, now: number): string | undefined;
  destroy(): void;

  run(now: number): number;
  login(now: number): void;
  logout(now: number): void;
  tick(now: number): void;
  rebind(wallOffsetMs: number, now: number): void;
  /** The next event, its bytes borrowed until the next call; undefined when there is none. */
  poll(now: number): CoreEvent | undefined;
  /** Infinity: nothing is due. */
  nextDeadline(): number;

  socketOpened(id: number, now: number): void;
  socketInput(id: number, bytes: Uint8Array, now: number): void;
  socketClosed(id: number, code: number, reason: string, now: number): void;
  httpDone(id: number, status: number, body: Uint8Array, now: number): void;

  /** An id > 0, or < 0: enum ipn_err. */
  sshOpen(options: SshOpenOptions, now: number): number;
  /** The count taken, 0 when full, < 0 when it can take no more. */
  sshWrite(id: number, bytes: Uint8Array, now: number): number;
  sshEof(id: number, now: number): void;
  sshResize(id: number, rows: number, cols: number, now: number): void;
  sshCredit(id: number, n: number, now: number): void;
  sshAnswerHostKey(id: number, accept: boolean, now: number): void;
  sshClose(id: number, now: number): void;

  tcpOpen(host: string, port: number, timeoutMs: number, now: number): number;
  tcpWrite(id: number, bytes: Uint8Array, now: number): number;
  tcpShutdown(id: number, now: number): void;
  tcpCredit(id: number, n: number, now: number): void;
  tcpClose(id: number, now: number): void;

  ping(host: string, now: number): number;
}
