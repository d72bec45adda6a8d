/*
 * The public types of meshterm: a superset of Tailscale's tsconnect package, so that a page
 * written for that one needs only its import changed. What tsconnect lacks is marked [+].
 */

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

export interface IPNConfig {
  /** Pre-auth key. Without one, login() asks for a page to visit. */
  authKey?: string;
  /** http(s)://host[:port][/prefix]. Default: https://controlplane.tailscale.com */
  controlURL?: string;
  /** The name to ask for. The tailnet may change it. Default: meshterm */
  hostname?: string;
  /** Where keys are kept. Without it the node lives as long as the page, and is logged out with it. */
  stateStorage?: IPNStateStorage;
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
   * [+] Where the core runs. 'dedicated' (default) falls back to 'none' where no worker can be
   * started. 'shared' is accepted and means 'dedicated' for now: no node is shared between tabs.
   */
  worker?: 'dedicated' | 'shared' | 'none';
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

export interface IPNCallbacks {
  /** 'NoState' first, from within run(). */
  notifyState: (state: IPNState) => void;
  /** JSON of an IPNNetMap, on every change. */
  notifyNetMap: (netMapStr: string) => void;
  /** An http(s) address to visit to log in. Login pages refuse frames: open a tab or a popup. */
  notifyBrowseToURL: (url: string) => void;
  notifyPanicRecover: (error: string) => void;
  /** [+] */
  notifyError?: (problem: IPNProblem) => void;
  /** [+] JSON of the connections to the control server and the relays. */
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
  /** Asks for a page to log in at: notifyBrowseToURL. */
  login(): void;
  logout(): void;
  ssh(host: string, username: string, options: IPNSSHOptions): IPNSSHSession;
  /**
   * An HTTP/1.1 request over the tailnet, http: only. tsconnect's answers have status, statusText
   * and text(); these are whole Responses, their bodies streamed.
   */
  fetch(url: string, init?: IPNFetchInit): Promise<Response>;
  /** [+] A TCP connection. Errors come through the streams and `opened`. */
  tcp(host: string, port: number, options?: {timeoutSeconds?: number}): IPNTCPStream;
  /** [+] Round trip to a node, through its relay. Rejects if it does not answer. */
  ping(host: string): Promise<IPNPong>;
  /** [+] Ends all sessions and leaves; logs out if there is no stateStorage. */
  close(): Promise<void>;
}

export interface IPNSSHOptions {
  /** Output as text: UTF-8 decoded across chunks, nothing else changed. A Promise pushes back. */
  writeFn?: (data: string) => void | Promise<void>;
  /** A line, ending in \r\n, that says why the session failed. At most once, before onDone. */
  writeErrorFn?: (error: string) => void;
  /** Called when the shell runs, with the function that takes what is typed. */
  setReadFn?: (readFn: (data: string) => void) => void;
  /** Default: 24 */
  rows?: number;
  /** Default: 80 */
  cols?: number;
  /** To the running shell, not counting the time a person needs to answer. Default: 5 */
  timeoutSeconds?: number;
  onConnectionProgress?: (message: string) => void;
  onConnected?: () => void;
  /** Exactly once, the last of all. */
  onDone?: () => void;

  /**
   * [+] Output as bytes, instead of writeFn. What a returned Promise holds back holds back the
   * server: while it is pending nothing more is delivered.
   */
  onData?: (data: Uint8Array) => void | Promise<void>;
  /** [+] stderr, of commands without a terminal. Default: where stdout goes. */
  onStderr?: (data: Uint8Array) => void | Promise<void>;
  /** [+] What the server says before authentication. Default: where the output goes. */
  onBanner?: (text: string) => void;
  /** [+] code is 0 to 255, signal e.g. "TERM" or "". */
  onExit?: (exit: {code: number; signal: string}) => void;
  /**
   * [+] Asked about a key that the tailnet does not vouch for (Tailscale SSH keys are vouched for).
   * Without it such a key is refused.
   */
  verifyHostKey?: (key: IPNHostKey) => boolean | Promise<boolean>;
  /** [+] Default: 22 */
  port?: number;
  /** [+] Instead of a shell. */
  command?: string;
  /** [+] Whether to ask for a terminal. Default: yes for a shell, no for a command. */
  pty?: boolean;
  /**
   * [+] Asked of the server, which may refuse each. With a terminal LANG=C.UTF-8 and
   * COLORTERM=truecolor are asked for unless set here.
   */
  env?: Record<string, string>;
  /** [+] Default: xterm-256color */
  term?: string;
}

export interface IPNHostKey {
  host: string;
  port: number;
  type: string;
  /** 'SHA256:…' as ssh prints it. */
  fingerprint: string;
  /** Whether this key was accepted for this host before. */
  known: boolean;
}

export interface IPNSSHSession {
  /** true: done, or remembered until the shell is open. false: the session is over. */
  resize(rows: number, cols: number): boolean;
  /** true: done, connecting is cancelled too. false: it was over already. */
  close(): boolean;
  /**
   * [+] Input, at most 1 MB at a time (RangeError). false: nothing was taken, because 1 MB waits
   * already or the session is over.
   */
  write(data: string | Uint8Array): boolean;
  /** [+] Resolves when write() takes bytes again, or the session is over. */
  drained(): Promise<void>;
  /** [+] No more input: end of file for the far program. */
  end(): boolean;
  /** [+] Known once connected. */
  readonly info: IPNSSHInfo | undefined;
}

export interface IPNSSHInfo {
  serverVersion: string;
  hostKeyType: string;
  cipher: string;
}

export interface IPNFetchInit {
  method?: string;
  headers?: HeadersInit;
  body?: BodyInit | null;
  /** Default: follow, at most 10. */
  redirect?: 'follow' | 'manual' | 'error';
  signal?: AbortSignal;
  /** To the open connection. Default: 10 */
  timeoutSeconds?: number;
}

export interface IPNTCPStream {
  readonly opened: Promise<void>;
  readonly readable: ReadableStream<Uint8Array>;
  readonly writable: WritableStream<Uint8Array>;
  /** Both directions, at once. */
  close(): void;
}

export interface IPNPong {
  ms: number;
  /** The relay region it went through. */
  region: string;
}

export type IPNState =
  | 'NoState'
  | 'InUseOtherUser'
  | 'NeedsLogin'
  | 'NeedsMachineAuth'
  | 'Stopped'
  | 'Starting'
  | 'Running';

export type IPNMachineStatus =
  'MachineUnknown' | 'MachineUnauthorized' | 'MachineAuthorized' | 'MachineInvalid';

export interface IPNNetMap {
  self: IPNNetMapSelfNode;
  peers: IPNNetMapPeerNode[];
  lockedOut: boolean;
}

export interface IPNNetMapNode {
  name: string;
  addresses: string[];
  machineKey: string;
  nodeKey: string;
}

export interface IPNNetMapSelfNode extends IPNNetMapNode {
  machineStatus: IPNMachineStatus;
}

export interface IPNNetMapPeerNode extends IPNNetMapNode {
  /** Absent: not known. */
  online?: boolean;
  tailscaleSSHEnabled: boolean;
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
