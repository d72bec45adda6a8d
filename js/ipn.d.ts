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
  /** [+] Round trip to a node, through its relay. Rejects if it does not answer. */
  ping(host: string): Promise<IPNPong>;
  /** [+] Ends all sessions and leaves; logs out if logoutOnClose says so. */
  close(): Promise<void>;
}

/** How to get in, and who answers when the server asks. Secrets are kept no longer than needed. */
export interface IPNSSHAccess {
  /** [+] Default: 22 */
  port?: number;
  /** To the open session, not counting the time a person needs to answer. Default: 5 */
  timeoutSeconds?: number;
  onConnectionProgress?: (message: string) => void;
  /** [+] Tried in the order that ssh would: none, keys, questions, password. */
  password?: string;
  /** [+] The texts of at most four keys: OpenSSH, PEM or PKCS#8. */
  privateKey?: string | string[];
  /** [+] Of the encrypted ones among them. */
  passphrase?: string;
  /**
   * [+] Asked what the server, or an encrypted key, wants to know: one answer for each of
   * `prompts`, or null to give up. Without it nobody is asked.
   */
  onPrompt?: (prompt: IPNPrompt) => string[] | null | Promise<string[] | null>;
  /**
   * [+] Asked about a key that neither the tailnet nor knownHosts vouches for; a key that was
   * accepted is known from then on. Without it such a key is refused.
   */
  verifyHostKey?: (key: IPNHostKey) => boolean | Promise<boolean>;
  /** [+] 'SHA256:…': a changed key that is exactly this one takes the known one's place. */
  replaceHostKey?: string;
  /** [+] What the server says before authentication. Default: where the output of a shell goes. */
  onBanner?: (text: string) => void;
  /** [+] Lets the far side log in elsewhere with the private keys. Needs onAgentSign. */
  agentForward?: boolean;
  /** [+] Asked before each such use of a key ('type SHA256:… comment'). */
  onAgentSign?: (key: string) => boolean | Promise<boolean>;
  /** [+] 0: never. Default: 30 */
  keepAliveSeconds?: number;
  /** [+] How often failures before authentication are tried again. Default: 0 */
  retries?: number;
  /** [+] Default: 2 */
  retryDelaySeconds?: number;
  /** [+] Whether a connection that is there may be shared. Default: true */
  reuse?: boolean;
  /** [+] The jump host: what forward() of a session there returned. */
  via?: IPNForward;
  /** [+] Ends it, whatever it is doing. */
  signal?: AbortSignal;
}

export interface IPNSSHOptions extends IPNSSHAccess {
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
  onConnected?: () => void;
  /** Exactly once, the last of all. */
  onDone?: () => void;

  /** [+] Why the session failed, for programs. At most once, after writeErrorFn. */
  onError?: (error: IPNSSHError) => void;
  /**
   * [+] Output as bytes, instead of writeFn. What a returned Promise holds back holds back the
   * server: while it is pending nothing more is delivered.
   */
  onData?: (data: Uint8Array) => void | Promise<void>;
  /** [+] stderr, of commands without a terminal. Default: where stdout goes. */
  onStderr?: (data: Uint8Array) => void | Promise<void>;
  /** [+] code is 0 to 255, signal e.g. "TERM" or "". */
  onExit?: (exit: {code: number; signal: string}) => void;
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
  /** [+] The fingerprint as ssh draws it, eleven lines. */
  randomart(): string;
}

/** [+] */
export interface IPNPrompt {
  kind: 'password' | 'keyboard-interactive' | 'passphrase' | 'new-password';
  /** From the server: show them as text. Each may be ''. */
  name: string;
  instruction: string;
  /** May be none: then [] is the answer. echo: what is typed may be seen. */
  prompts: {text: string; echo: boolean}[];
}

/** [+] */
export interface IPNSSHError extends Error {
  /** words-with-hyphens: 'ssh-refused', 'host-key-changed', 'host-key-unknown', … */
  code: string;
  /** Nothing was asked of the server yet: a retry may help. */
  beforeAuthentication: boolean;
  /** Of 'host-key-changed': the key shown, which replaceHostKey takes, and the one that is known. */
  hostKey?: {type: string; fingerprint: string; knownFingerprint: string};
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
  /** [+] "INT", "TERM", …; servers may ignore it. false: the session is over. */
  signal(name: string): boolean;
  /** [+] A connection from the server on, over this session's. It ends with the session. */
  forward(host: string, port: number): IPNForward;
  /** [+] Known once connected. */
  readonly info: IPNSSHInfo | undefined;
}

export interface IPNSSHInfo {
  serverVersion: string;
  hostKeyType: string;
  hostKeyFingerprint: string;
  /** By the tailnet, by knownHosts, or by verifyHostKey just now. */
  hostKeyTrust: 'pinned' | 'known' | 'accepted';
  kex: string;
  /** As cipherIn. */
  cipher: string;
  cipherIn: string;
  cipherOut: string;
  /** '' where the cipher authenticates by itself. */
  macIn: string;
  macOut: string;
  authMethod: string;
}

/** [+] Also what `via` takes. */
export type IPNForward = IPNTCPStream;

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

/** [+] Requests may run at once. Each rejects with an IPNSFTPError, or with its signal's reason. */
export interface IPNSFTP {
  /** Entry by entry as they come, without . and .. */
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
  readFile(path: string, options?: IPNFileReadOptions): Promise<Uint8Array>;
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

/** [+] */
export interface IPNSSHTest {
  ok: boolean;
  /** As far as it came; the last one says why no further. */
  steps: IPNSSHTestStep[];
}

/** [+] */
export interface IPNSSHTestStep {
  step: 'name' | 'route' | 'tcp' | 'version' | 'kex' | 'hostKey' | 'auth';
  ok: boolean;
  /** Since the step before, the time of a person's answers included. */
  ms: number;
  detail: string;
  error?: string;
}

/** [+] The text is OpenSSH's known_hosts. */
export interface IPNKnownHosts {
  export(): Promise<string>;
  /** Adds lines, or puts them in the place of all. A line that is none is a TypeError. */
  import(text: string, options?: {replace?: boolean}): Promise<void>;
  /** Default port: 22. false: there was none. */
  remove(host: string, port?: number): Promise<boolean>;
  list(): Promise<IPNKnownHost[]>;
}

/** [+] One line. */
export interface IPNKnownHost {
  /** '@revoked' or '@cert-authority'. */
  marker?: string;
  /** As they are written: patterns, [host]:port, |1|… */
  hosts: string[];
  type: string;
  /** base64 */
  key: string;
  /** Absent where the page has no crypto.subtle (plain http). */
  fingerprint?: string;
  comment: string;
}

/** [+] */
export interface IPNSSHKey {
  /** OpenSSH's text, not encrypted. */
  privateKey: string;
  /** A line for authorized_keys. */
  publicKey: string;
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
