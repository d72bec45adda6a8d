/* class Ipn: the page's side of one node. Checks what the page says, and hands what the engine,
 * behind a Link, says to whoever it is for. */
import type {
  IPN,
  IPNAttachOptions,
  IPNCallbacks,
  IPNConfig,
  IPNDetachedSession,
  IPNExec,
  IPNExecOptions,
  IPNFetchInit,
  IPNKnownHosts,
  IPNPong,
  IPNSFTP,
  IPNSSHAccess,
  IPNSSHKey,
  IPNSSHOptions,
  IPNSSHSession,
  IPNSSHTest,
  IPNStatus,
  IPNTCPStream,
} from '../ipn.js';
import {callPage, checkText} from './callbacks.js';
import {Calls} from './calls.js';
import {checkCallbacks, checkConfig, type CheckedConfig} from './config.js';
import {openExec} from './exec.js';
import {loadModule} from './host/load_wasm.js';
import {linger, watchPage} from './host/page_lifecycle.js';
import {fetchOverTcp} from './http_client.js';
import {knownHosts} from './known_hosts.js';
import {Notices} from './notices.js';
import {pageStorage, type PageStorage} from './page_storage.js';
import {openSftp} from './sftp.js';
import {attachSession, openSession} from './ssh_session.js';
import {checkSshKey, generateSshKey} from './ssh_key.js';
import {testSsh} from './ssh_test.js';
import {startMessage} from './start_message.js';
import {openTcp} from './tcp_open.js';
import type {FromEngine, ToEngine} from './worker/messages.js';
import {openLink, type Link} from './worker/proxy.js';

const CLOSE_TIMEOUT_MS = 4000; // the engine gives itself 3 s to log out
const STORAGE_TIMEOUT_MS = 1000; // a setState() may never settle; the page is leaving

/** Replaced in tests. */
export interface IpnParts {
  openLink: typeof openLink;
  loadModule: typeof loadModule;
}

export class Ipn implements IPN {
  /** Resolves when the core is loaded and has its state. */
  readonly ready: Promise<void>;
  readonly knownHosts: IPNKnownHosts;
  readonly #config: CheckedConfig;
  readonly #link: Link;
  readonly #kept: PageStorage;
  readonly #stopWatching: () => void;
  readonly #calls = new Calls(
    (message, transfer) => this.#post(message, transfer),
    () => this.#end ?? (this.#closing ? 'This connection to the tailnet is closing.' : undefined),
  );
  readonly #parts: IpnParts;
  readonly #notices = new Notices();
  /** What the page asked before the core was there; undefined once it is. */
  #early: Array<[ToEngine, ArrayBuffer[]]> | undefined = [];
  /** Why nothing works any more. */
  #end: string | undefined;
  #settleReady!: {resolve(): void; reject(error: Error): void};
  #closing: Promise<void> | undefined;
  #settleClosed: (() => void) | undefined;

  constructor(config: IPNConfig, parts: IpnParts = {openLink, loadModule}) {
    this.#config = checkConfig(config);
    this.#parts = parts;
    this.ready = new Promise((resolve, reject) => (this.#settleReady = {resolve, reject}));
    this.ready.catch(() => {}); // newIPN says it through notifyError
    const reportStorage = (message: string): void =>
      this.#notices.report({code: 'state-storage', message, retrying: false});
    const {worker, core, graceMs, WebSocket} = this.#config;
    this.#kept = pageStorage(config.stateStorage, worker === 'shared', reportStorage);
    const identity = [core.controlURL, core.hostname, this.#kept.sealed ?? ''] as const;
    this.#link = parts.openLink({
      kind: worker,
      shared: {identity, graceMs},
      WebSocket,
      receive: (messages) => {
        for (const message of messages) if (!this.#end) this.#handle(message);
      },
      note: (line) => console.info(line),
    });
    this.#stopWatching = watchPage({
      resume: () => this.reconnect(),
      leave: () => this.#leave(),
    });
    this.knownHosts = knownHosts(this.#calls);
    void this.#start();
  }

  get keepsSessions(): boolean {
    return this.#link.keepsSessions === true;
  }

  run(callbacks: IPNCallbacks): void {
    checkCallbacks(callbacks);
    if (this.#notices.isHeard) throw new Error('run() was called before');
    this.#notices.listen(callbacks);
    if (!this.#early) this.#post({type: 'run', wanted: this.#notices.wanted});
    this.#notices.tellProblems();
  }

  login(authKey = ''): void {
    this.#post({type: 'login', authKey: checkText(authKey, 'authKey')});
  }

  logout(): void {
    this.#post({type: 'logout'});
  }

  status(): IPNStatus {
    return this.#notices.status();
  }

  reconnect(): void {
    this.#post({type: 'rebind'});
  }

  ssh(host: string, username: string, options: IPNSSHOptions = {}): IPNSSHSession {
    return openSession(this.#calls, host, username, options);
  }

  sessions(): Promise<IPNDetachedSession[]> {
    return this.#calls.ask<IPNDetachedSession[]>({type: 'sessions'});
  }

  attach(id: number, options: IPNAttachOptions): IPNSSHSession {
    return attachSession(this.#calls, id, options);
  }

  exec(host: string, username: string, command: string, options: IPNExecOptions = {}): IPNExec {
    return openExec(this.#calls, host, username, command, options);
  }

  sftp(host: string, username: string, options: IPNSSHAccess = {}): Promise<IPNSFTP> {
    return openSftp(this.#calls, host, username, options);
  }

  testSSH(host: string, username: string, options: IPNSSHAccess = {}): Promise<IPNSSHTest> {
    return testSsh(this.#calls, host, username, options);
  }

  generateSSHKey(options: {comment?: string} = {}): Promise<IPNSSHKey> {
    return generateSshKey(this.#calls, options);
  }

  checkSSHKey(privateKey: string): ReturnType<IPN['checkSSHKey']> {
    return checkSshKey(this.#calls, privateKey);
  }

  tcp(host: string, port: number, options: {timeoutSeconds?: number} = {}): IPNTCPStream {
    return openTcp(this.#calls, host, port, options);
  }

  async fetch(url: string, init?: IPNFetchInit): Promise<Response> {
    return fetchOverTcp((...to) => this.#calls.tcp(...to), String(url), init);
  }

  async ping(host: string): Promise<IPNPong> {
    return this.#calls.ask<IPNPong>({type: 'ping', host: checkText(host, 'host')});
  }

  close(): Promise<void> {
    return (this.#closing ??= this.#close());
  }

  #close(): Promise<void> {
    this.#stopWatching();
    this.#notices.beQuiet();
    if (this.#end) return Promise.resolve();
    const done = new Promise<void>((resolve) => (this.#settleClosed = resolve));
    const timer = setTimeout(
      () => this.#endWith('This connection to the tailnet was closed.'),
      CLOSE_TIMEOUT_MS,
    );
    // Without a place for its keys this node can never come back: leave none behind.
    this.#link.post({type: 'close', logout: this.#config.logoutOnClose});
    if (this.#config.logoutOnClose) this.#kept.storage.write('node-key', ''); // now: the page goes
    this.#calls.refs.dropAll();
    void done.then(() => clearTimeout(timer));
    return done.then(() => this.#kept.storage.settled(STORAGE_TIMEOUT_MS));
  }

  /** What is open stays with the shared node, for the page that comes back. */
  #leave(): void {
    if (this.#closing || this.#end) return;
    const {hasStorage, logoutOnClose, wasmURL} = this.#config;
    const isShared = this.#link.leave?.(this.#calls.refs.uncredited()) === true;
    if (isShared) this.#stopWatching();
    else void this.close();
    // A shared node that is kept waits for the next page.
    if (this.#link.endsWithPage && logoutOnClose && !(isShared && hasStorage)) linger(wasmURL);
  }

  async #start(): Promise<void> {
    try {
      const start = await startMessage(this.#config, this.#kept, this.#parts.loadModule);
      if (!this.#end && !this.#closing) this.#link.post(start);
    } catch (error) {
      this.#fail(error instanceof Error ? error.message : String(error));
    }
  }

  #post(message: ToEngine, transfer: ArrayBuffer[] = []): void {
    if (this.#end) return;
    if (this.#early) this.#early.push([message, transfer]);
    else this.#link.post(message, transfer);
  }

  #handle(message: FromEngine): void {
    switch (message.type) {
      case 'hello':
        return;
      case 'ready':
        return this.#handleReady();
      case 'failed':
        return this.#fail(message.message);
      case 'panic':
        return this.#handlePanic(message.message);
      case 'lost':
        return this.#handleLoss(message.message);
      case 'closed':
        return this.#endWith('This connection to the tailnet was closed.');
      case 'log':
        return this.#config.log(message.level, message.line);
      case 'store':
        return this.#kept.storage.write(message.name, message.value);
      case 'stateProblem':
        return this.#kept.tell(message.problem);
      case 'state':
      case 'loggedOut':
      case 'netMap':
      case 'peers':
      case 'status':
      case 'browseToURL':
      case 'problem':
        return this.#notices.handle(message);
      case 'answer':
        return this.#calls.refs.handleAnswer(message);
      default:
        return this.#calls.refs.handleFlow(message);
    }
  }

  #handleReady(): void {
    const early = this.#early ?? [];
    this.#early = undefined;
    if (this.#notices.isHeard) this.#link.post({type: 'run', wanted: this.#notices.wanted});
    for (const [message, transfer] of early) this.#link.post(message, transfer);
    this.#settleReady.resolve();
  }

  /** Another node takes the place of this one. */
  #handleLoss(message: string): void {
    this.#early = [];
    this.#calls.refs.failAll(message);
    this.#notices.setState('Starting');
    if (!this.#closing) return void this.#start();
    this.#endWith(message);
  }

  /** It never came to life. */
  #fail(message: string): void {
    if (this.#end) return;
    this.#settleReady.reject(new Error(message));
    this.#notices.report({code: 'not-started', message, retrying: false});
    this.#endWith(message);
  }

  #handlePanic(error: string): void {
    const message = `The tailnet client stopped by a fault of its own: ${error}`;
    this.#settleReady.reject(new Error(message));
    this.#endWith(message);
    this.#notices.panic(message);
    callPage(this.#config.panicHandler, message);
  }

  #endWith(why: string): void {
    if (this.#end) return;
    this.#end = why;
    this.#early = []; // what it holds may be secret
    this.#settleReady.reject(new Error(why));
    this.#stopWatching();
    this.#link.terminate();
    this.#calls.refs.failAll(why);
    this.#settleClosed?.();
  }
}
