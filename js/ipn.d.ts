/*
 * The public types of meshterm: a superset of Tailscale's tsconnect package, so that a page
 * written for that one needs only its import changed. What tsconnect lacks is marked [+].
 *
 * This file: joining and leaving, and the ready-made terminal. From it come, each of them looking
 * only to its right:  ipn_sftp > ipn_exec > ipn_ssh > ipn_streams,  ipn_netmap,  ipn_status.
 */
import type {IPNExec, IPNExecOptions} from './ipn_exec.js';
import type {IPNPeersChange, IPNState} from './ipn_netmap.js';
import type {IPNSFTP} from './ipn_sftp.js';
import type {
  IPNAttachOptions,
  IPNDetachedSession,
  IPNKnownHosts,
  IPNSSHAccess,
  IPNSSHKey,
  IPNSSHKeyInfo,
  IPNSSHOptions,
  IPNSSHSession,
  IPNSSHTest,
} from './ipn_ssh.js';
import type {IPNStatus} from './ipn_status.js';
import type {IPNFetchInit, IPNPong, IPNTCPStream} from './ipn_streams.js';

export * from './ipn_exec.js';
export * from './ipn_netmap.js';
export * from './ipn_sftp.js';
export * from './ipn_ssh.js';
export * from './ipn_status.js';
export * from './ipn_streams.js';

/** [+] Loads and compiles ipn.wasm ahead of time. Optional. */
export default function init(options?: {wasmURL?: string}): Promise<void>;

/** Resolves when the core is loaded and has its state. Rejects with a sentence why not. */
export function createIPN(config: IPNConfig): Promise<IPN>;

/** As createIPN, but at once: it loads in the background, and calls wait until it has. */
export function newIPN(config: IPNConfig): IPN;

/**
 * Opens a terminal (xterm.js) in a container and a shell in it. The terminal is disposed of when
 * the shell ends. xterm.js is loaded when this is first called.
 */
export function runSSHSession(
  container: HTMLElement,
  session: SSHSessionDef,
  ipn: Pick<IPN, 'ssh'>,
  callbacks: SSHSessionCallbacks,
  terminalOptions?: SSHTerminalOptions,
): SSHTerminal;

/**
 * [+] A stateStorage that is ready made: in IndexedDB, each value sealed by AES-256-GCM under a key
 * that no script can export. For pages and workers. Where that cannot be (plain http, a private
 * window, a full or broken storage) it keeps things in memory and says so. Pages of one origin share
 * the known hosts; each has a node of its own, and a page that is loaded again the same one.
 */
export function sealedState(options?: IPNSealedStateOptions): IPNSealedState;

export interface IPNConfig {
  /** Pre-auth key. Without one, login() asks for a page to visit. */
  authKey?: string;
  /** http(s)://host[:port][/prefix]. Default: https://controlplane.tailscale.com */
  controlURL?: string;
  /** The name to ask for. The tailnet may change it. Default: meshterm */
  hostname?: string;
  /** Where keys are kept. Without it the node lives as long as the page, and is logged out with it. */
  stateStorage?: IPNStateStorage;
  /**
   * [+] Whether the node is logged out when the page is left or close() is called. Default: yes
   * without stateStorage, no with it
   */
  logoutOnClose?: boolean;
  /** Where ipn.wasm lies, if not beside the module. */
  wasmURL?: string;
  /** Called if the core stops by a fault of its own. createIPN works again afterwards. */
  panicHandler?: (error: string) => void;
  /**
   * [+] The control server's public key, "mkey:…". With it GET /key is not needed, so neither are
   * CORS headers, which Headscale does not send.
   */
  controlKey?: string;
  /**
   * [+] Other ways to relay regions, for hubs that pass /derp through: from a region's id, from
   * its "host:port" or from "*" to an http(s) or ws(s) URL. Default: as the tailnet's map says.
   */
  derpURLs?: Record<string, string>;
  /**
   * [+] Where the core runs. 'dedicated' (default): in a worker of the page's own, or in the page
   * ('none') where none can be started. 'shared': all pages of the origin with the same controlURL
   * and hostname are one node, which the first one starts and which outlives each of them; login(),
   * logout() and what notify… tells concern all of them, sessions are each page's own.
   */
  worker?: 'dedicated' | 'shared' | 'none';
  /**
   * [+] Of 'shared': for so long the sessions of a page that was left wait for it (see sessions()),
   * and the node for the first page after the last. Default: 30
   */
  graceSeconds?: number;
  /** [+] A WebSocket for engines that have none, as Node 20 ("ws" fits). Implies worker: 'none'. */
  WebSocket?: new (url: string, protocols?: string | string[]) => object;
  /** [+] Lines of the core: level 0 error, 1 info, 2 debug. Never a secret. Default: errors to the console. */
  log?: (level: number, line: string) => void;
}

export interface IPNStateStorage {
  /** value is hex; '' forgets. Writes are made in order, a returned Promise is awaited. */
  setState(id: string, value: string): void | Promise<void>;
  /** '' if there is none. */
  getState(id: string): string | Promise<string>;
}

/** [+] */
export interface IPNSealedStateOptions {
  /** Tells the states of one origin apart. Without "/". Default: meshterm */
  name?: string;
  /** What is not kept, and why. Default: notifyError hears of it, with code 'state-storage' */
  onFallback?: (problem: IPNStateProblem) => void;
}

/** [+] */
export interface IPNStateProblem {
  code: 'insecure' | 'no-storage' | 'no-locks' | 'in-use' | 'not-kept' | 'lost';
  /** A sentence for a person. */
  message: string;
}

/** [+] Its methods never reject. */
export interface IPNSealedState extends IPNStateStorage {
  setState(id: string, value: string): Promise<void>;
  getState(id: string): Promise<string>;
  /** Forgets all that pages kept under this name, and the key. */
  clear(): Promise<void>;
  /** Lets another page have this one's place. A page that goes away does so by itself. */
  close(): void;
}

export interface IPNCallbacks {
  /** 'NoState' first, from within run(). */
  notifyState: (state: IPNState) => void;
  /** JSON of an IPNNetMap, on every change; of thousands of peers at most once a second. */
  notifyNetMap?: (netMapStr: string) => void;
  /**
   * [+] Who changed, in large tailnets much cheaper than notifyNetMap, which may then be left out.
   * The first one tells of all.
   */
  onPeersChanged?: (change: IPNPeersChange) => void;
  /** An http(s) address to visit to log in. Login pages refuse frames: open a tab or a popup. */
  notifyBrowseToURL: (url: string) => void;
  notifyPanicRecover: (error: string) => void;
  /** [+] */
  notifyError?: (problem: IPNProblem) => void;
  /** [+] JSON of an IPNStatus, on every change. */
  notifyStatus?: (statusStr: string) => void;
}

export interface IPNProblem {
  /** words-with-hyphens, for programs. */
  code: string;
  /** A sentence for a person. */
  message: string;
  /** Whether it is being tried again without further ado. */
  retrying: boolean;
}

export interface IPN {
  /** Joins. Once. */
  run(callbacks: IPNCallbacks): void;
  /**
   * Asks for a page to log in at: notifyBrowseToURL; [+] or uses another pre-auth key. For a node that
   * is not joined, or of which notifyError said "node-key-expiring": its sessions go on.
   */
  login(authKey?: string): void;
  logout(): void;
  /** [+] How the connections to the control server and the relays are now. */
  status(): IPNStatus;
  /**
   * [+] Looks after all connections at once: those that are lost are made again without waiting for
   * the next attempt, the others are tested. Happens by itself when the network or the page is back.
   */
  reconnect(): void;
  ssh(host: string, username: string, options: IPNSSHOptions): IPNSSHSession;
  /** [+] Of worker 'shared': shells and commands of ssh() whose page was left a moment ago. */
  sessions(): Promise<IPNDetachedSession[]>;
  /**
   * [+] Goes on with one of them: no byte is lost or told twice that the page it was left by had
   * not taken. Once; fails with code 'no-session' where another page was faster.
   */
  attach(id: number, options: IPNAttachOptions): IPNSSHSession;
  /** [+] Whether sessions outlive a reload of this page, if it is the only one. */
  readonly keepsSessions: boolean;
  /**
   * An HTTP/1.1 request over the tailnet, http: only. tsconnect's answers have status, statusText
   * and text(); these are whole Responses, their bodies streamed.
   */
  fetch(url: string, init?: IPNFetchInit): Promise<Response>;
  /** [+] A TCP connection. Errors come through the streams and `opened`. */
  tcp(host: string, port: number, options?: {timeoutSeconds?: number}): IPNTCPStream;
  /** [+] Runs a command: a promise of what it wrote and how it ended, and streams of both ways. */
  exec(host: string, username: string, command: string, options?: IPNExecOptions): IPNExec;
  /** [+] Files. Rejects with an IPNSSHError. */
  sftp(host: string, username: string, options?: IPNSSHAccess): Promise<IPNSFTP>;
  /** [+] Goes as far as the log-in, each step timed. Resolves whether it works or not. */
  testSSH(host: string, username: string, options?: IPNSSHAccess): Promise<IPNSSHTest>;
  /** [+] The host keys that were accepted; kept in stateStorage. */
  readonly knownHosts: IPNKnownHosts;
  /** [+] A new ed25519 key, which is nowhere else. */
  generateSSHKey(options?: {comment?: string}): Promise<IPNSSHKey>;
  /** [+] Reads a private key as a log-in would; rejects with why it cannot be used. */
  checkSSHKey(privateKey: string): Promise<IPNSSHKeyInfo>;
  /** [+] Round trip to a node, through its relay. Rejects if it does not answer. */
  ping(host: string): Promise<IPNPong>;
  /** [+] Ends all sessions of this page and leaves; its node is logged out if logoutOnClose says so. */
  close(): Promise<void>;
}

export interface SSHSessionDef {
  username: string;
  hostname: string;
  /** Default: 5 */
  timeoutSeconds?: number;
}

export interface SSHSessionCallbacks {
  onConnectionProgress: (message: string) => void;
  onConnected: () => void;
  onDone: () => void;
  onError?: (error: string) => void;
}

/** xterm.js's ITerminalOptions; its most common ones are named here. */
export type SSHTerminalOptions = {
  fontFamily?: string;
  fontSize?: number;
  cursorBlink?: boolean;
  scrollback?: number;
  screenReaderMode?: boolean;
  theme?: object;
} & object;

/** [+] */
export interface SSHTerminal {
  /** As IPNSSHSession.close. */
  close(): boolean;
  focus(): void;
}
