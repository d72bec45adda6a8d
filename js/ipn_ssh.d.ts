/*
 * SSH: access, which every way in takes; shells, host keys, keys, and the test of a way in.
 * [+]: what tsconnect lacks.
 */
import type {IPNForward} from './ipn_streams.js';

/** How to get in, and who answers when the server asks. Secrets are kept no longer than needed. */
export interface IPNSSHAccess {
  /** [+] Default: 22 */
  port?: number;
  /** To the open session; waits for a person, or for a turn among many, do not count. Default: 5 */
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
  /** [+] For sessions(): whatever the page wants to know of it after a reload. */
  title?: string;
}

/** [+] A session that no page has: see IPN.sessions(). */
export interface IPNDetachedSession {
  id: number;
  host: string;
  user: string;
  port: number;
  /** '' for a shell. */
  command: string;
  /** As ssh() was told. */
  title: string;
  /** Whether the page that left it was in this tab. */
  sameTab: boolean;
}

/** [+] As of ssh(); onConnected is called again. */
export interface IPNAttachOptions extends Pick<
  IPNSSHOptions,
  | 'writeFn'
  | 'writeErrorFn'
  | 'setReadFn'
  | 'rows'
  | 'cols'
  | 'onConnected'
  | 'onDone'
  | 'onError'
  | 'onData'
  | 'onStderr'
  | 'onExit'
  | 'onAgentSign'
  | 'signal'
> {
  /**
   * What the page before had taken, at most the last 256 kB of it, in one piece and before anything
   * else. A returned Promise is awaited. Terminals should not answer what it asks.
   */
  onScrollback?: (data: Uint8Array) => void | Promise<void>;
}

export interface IPNHostKey {
  host: string;
  port: number;
  type: string;
  /** 'SHA256:…' as ssh prints it. */
  fingerprint: string;
  /** Whether this key was accepted for this host before. */
  known: boolean;
  /** [+] Keys of other types that this host is known by: 'type SHA256:… or …', or ''. */
  otherKeys: string;
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

/** [+] */
export interface IPNSSHTest {
  ok: boolean;
  /** As far as it came; the last one says why no further. */
  steps: IPNSSHTestStep[];
  /** Why it came no further, for programs. */
  error?: IPNSSHError;
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

/** [+] What may be known of a private key without its passphrase: '' where that is nothing (PEM). */
export interface IPNSSHKeyInfo {
  encrypted: boolean;
  /** 'SHA256:…' */
  fingerprint: string;
  /** A line for authorized_keys. */
  publicKey: string;
}
