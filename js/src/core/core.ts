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

/** enum ipn_want. */
export const WANT_NETMAP = 1;
export const WANT_PEERS = 2;

export interface Core {
  /** Returns what is wrong with the config, or undefined. */
  create(config: CoreConfig, wallOffsetMs: number, now: number): string | undefined;
  destroy(): void;

  run(now: number): number;
  /** In which forms to tell the netmap: WANT_NETMAP at first. */
  want(wanted: number): void;
  /** authKey: '' to ask a person. */
  login(authKey: string, now: number): void;
  logout(now: number): void;
  /** Sessions, streams and idle connections are told to end: their last events follow. */
  closeStreams(now: number): void;
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

  /** NAME\0VALUE\0 … as ipn_ssh.h says. An id > 0, or < 0: enum ipn_err. */
  sshOpen(fields: Uint8Array, now: number): number;
  /** The count taken, 0 when full, < 0 when it can take no more. */
  sshWrite(id: number, bytes: Uint8Array, now: number): number;
  sshEof(id: number, now: number): void;
  sshResize(id: number, rows: number, cols: number, now: number): void;
  sshCredit(id: number, n: number, now: number): void;
  sshAnswerHostKey(id: number, accept: boolean, now: number): void;
  /** Each answer ends in NUL; undefined: cancelled. */
  sshAnswerPrompt(id: number, answers: Uint8Array | undefined, now: number): void;
  sshAnswerAgent(id: number, request: number, allow: boolean, now: number): void;
  sshSignal(id: number, name: string, now: number): void;
  sshClose(id: number, now: number): void;

  tcpOpen(host: string, port: number, timeoutMs: number, now: number): number;
  tcpWrite(id: number, bytes: Uint8Array, now: number): number;
  tcpShutdown(id: number, now: number): void;
  tcpCredit(id: number, n: number, now: number): void;
  tcpClose(id: number, now: number): void;

  /** 0, or < 0. */
  sftpRequest(id: number, fields: Uint8Array, now: number): number;
  sftpWrite(id: number, request: number, bytes: Uint8Array, now: number): number;
  sftpEnd(id: number, request: number, now: number): void;
  sftpCredit(id: number, request: number, n: number, now: number): void;
  sftpCancel(id: number, request: number, now: number): void;

  /** 0, or < 0. */
  knownHostsSet(text: Uint8Array, now: number): number;
  /** 1 or 0, or < 0. */
  knownHostsRemove(host: string, port: number, now: number): number;
  sshKeygen(comment: string, now: number): number;
  sshKeyCheck(text: Uint8Array, now: number): number;

  ping(host: string, now: number): number;
}
