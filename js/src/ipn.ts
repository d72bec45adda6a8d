/*
 * class Ipn: the page's side of one node. It checks what the page says, gives every session a
 * ref, and hands what the engine says to whoever it is for. The engine is behind a Link.
 */
import type {
  IPN,
  IPNCallbacks,
  IPNConfig,
  IPNExec,
  IPNExecOptions,
  IPNFetchInit,
  IPNKnownHosts,
  IPNPong,
  IPNProblem,
  IPNSFTP,
  IPNSSHAccess,
  IPNSSHKey,
  IPNSSHOptions,
  IPNSSHSession,
  IPNSSHTest,
  IPNState,
  IPNTCPStream,
} from '../ipn.js';
import {
  callPage,
  checkInteger,
  checkObject,
  checkOptionalText,
  checkSeconds,
  checkText,
} from './callbacks.js';
import {Calls} from './calls.js';
import {checkCallbacks, checkConfig, type CheckedConfig} from './config.js';
import {openExec} from './exec.js';
import {loadModule} from './host/load_wasm.js';
import {watchPage} from './host/page_lifecycle.js';
import {SealedState} from './host/sealed_state.js';
import {StateStorage} from './host/state_storage.js';
import {fetchOverTcp} from './http_client.js';
import {knownHosts} from './known_hosts.js';
import {openSftp} from './sftp.js';
import {openSession} from './ssh_session.js';
import {testSsh} from './ssh_test.js';
import type {FromEngine, ToEngine} from './worker/messages.js';
import {openLink, type Link} from './worker/proxy.js';

const TCP_TIMEOUT_S = 10;
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
  readonly #storage: StateStorage;
  readonly #stopWatching: () => void;
  readonly #calls = new Calls(
    (message, transfer) => this.#post(message, transfer),
    () => this.#end ?? (this.#closing ? 'This connection to the tailnet is closing.' : undefined),
  );
  #callbacks: IPNCallbacks | undefined;
  /** Problems from before run(). */
  readonly #untold: IPNProblem[] = [];
  #state: IPNState = 'NoState';
  /** What the page asked before the core was there; undefined once it is. */
  #early: Array<[ToEngine, ArrayBuffer[]]> | undefined = [];
  /** Why nothing works any more. */
  #end: string | undefined;
  #settleReady!: {resolve(): void; reject(error: Error): void};
  #closing: Promise<void> | undefined;
  #settleClosed: (() => void) | undefined;

  constructor(config: IPNConfig, parts: IpnParts = {openLink, loadModule}) {
    this.#config = checkConfig(config);
    this.ready = new Promise((resolve, reject) => (this.#settleReady = {resolve, reject}));
    this.ready.catch(() => {}); // newIPN says it through notifyError
    const reportStorage = (message: string): void =>
      this.#report({code: 'state-storage', message, retrying: false});
    this.#storage = new StateStorage(config.stateStorage, reportStorage);
    if (config.stateStorage instanceof SealedState)
      config.stateStorage.watch(({message}) => reportStorage(message));
    this.#link = parts.openLink({
      kind: this.#config.worker,
      WebSocket: this.#config.WebSocket,
      receive: (messages) => this.#receive(messages),
      note: (line) => console.info(line),
    });
    this.#stopWatching = watchPage({
      resume: () => this.#post({type: 'rebind'}),
      leave: () => void this.close(),
    });
    this.knownHosts = knownHosts(this.#calls);
    void this.#start(parts);
  }

  run(callbacks: IPNCallbacks): void {
    checkCallbacks(callbacks);
    if (this.#callbacks) throw new Error('run() was called before');
    this.#callbacks = callbacks;
    callPage(() => callbacks.notifyState('NoState'));
    this.#post({type: 'run'});
    for (const problem of this.#untold.splice(0)) this.#report(problem);
  }

  login(): void {
    this.#post({type: 'login'});
  }

  logout(): void {
    this.#post({type: 'logout'});
  }

  ssh(host: string, username: string, options: IPNSSHOptions): IPNSSHSession {
    return openSession(this.#calls, host, username, options);
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

  async generateSSHKey(options: {comment?: string} = {}): Promise<IPNSSHKey> {
    checkObject(options, 'options');
    const comment = checkOptionalText(options.comment, 'comment');
    const key = await this.#calls.ask<{privateKey: Uint8Array; publicKey: string}>({
      type: 'keygen',
      comment,
    });
    const privateKey = new TextDecoder().decode(key.privateKey);
    key.privateKey.fill(0);
    return {privateKey, publicKey: key.publicKey};
  }

  tcp(host: string, port: number, options: {timeoutSeconds?: number} = {}): IPNTCPStream {
    checkText(host, 'host');
    checkInteger(port, 'port', 1, 65_535);
    checkObject(options, 'options');
    const timeoutMs = checkSeconds(options.timeoutSeconds, 'timeoutSeconds', TCP_TIMEOUT_S);
    return this.#calls.tcp(host, port, timeoutMs);
  }

  async fetch(url: string, init?: IPNFetchInit): Promise<Response> {
    return fetchOverTcp(
      (host, port, timeoutMs) => this.#calls.tcp(host, port, timeoutMs),
      String(url),
      init,
    );
  }

  async ping(host: string): Promise<IPNPong> {
    return this.#calls.ask<IPNPong>({type: 'ping', host: checkText(host, 'host')});
  }

  close(): Promise<void> {
    return (this.#closing ??= this.#close());
  }

  #close(): Promise<void> {
    this.#stopWatching();
    if (this.#end) return Promise.resolve();
    const done = new Promise<void>((resolve) => (this.#settleClosed = resolve));
    const timer = setTimeout(
      () => this.#endWith('This connection to the tailnet was closed.'),
      CLOSE_TIMEOUT_MS,
    );
    // Without a place for its keys this node can never come back: leave none behind.
    this.#link.post({type: 'close', logout: this.#config.logoutOnClose});
    this.#calls.refs.dropAll();
    return done.then(() => {
      clearTimeout(timer);
      return this.#storage.settled(STORAGE_TIMEOUT_MS);
    });
  }

  async #start({loadModule}: IpnParts): Promise<void> {
    const {wasmURL, core, logLevel} = this.#config;
    try {
      const [module, state] = await Promise.all([loadModule(wasmURL), this.#storage.readAll()]);
      if (!this.#end && !this.#closing)
        this.#link.post({type: 'start', module, config: {...core, state}, logLevel});
    } catch (error) {
      this.#fail(error instanceof Error ? error.message : String(error));
    }
  }

  #post(message: ToEngine, transfer: ArrayBuffer[] = []): void {
    if (this.#end) return;
    if (this.#early) this.#early.push([message, transfer]);
    else this.#link.post(message, transfer);
  }

  #receive(messages: FromEngine[]): void {
    for (const message of messages) if (!this.#end) this.#handle(message);
  }

  #handle(message: FromEngine): void {
    const callbacks = this.#callbacks;
    switch (message.type) {
      case 'hello':
        return;
      case 'ready':
        return this.#handleReady();
      case 'failed':
        return this.#fail(message.message);
      case 'panic':
        return this.#handlePanic(message.message);
      case 'closed':
        return this.#endWith('This connection to the tailnet was closed.');
      case 'log':
        return this.#config.log(message.level, message.line);
      case 'state':
        return this.#setState(message.state);
      case 'loggedOut':
        return this.#setState('NeedsLogin');
      case 'netMap':
        return void callPage(() => callbacks?.notifyNetMap(message.json));
      case 'status':
        return void callPage(() => callbacks?.notifyStatus?.(message.json));
      case 'browseToURL':
        if (/^https?:\/\//i.test(message.url))
          callPage(() => callbacks?.notifyBrowseToURL(message.url));
        return;
      case 'store':
        return this.#storage.write(message.name, message.value);
      case 'problem':
        return this.#report({
          code: message.code,
          message: message.message,
          retrying: message.retrying,
        });
      case 'answer':
        return this.#calls.refs.handleAnswer(message);
      default:
        return this.#calls.refs.handleFlow(message);
    }
  }

  #handleReady(): void {
    const early = this.#early ?? [];
    this.#early = undefined;
    for (const [message, transfer] of early) this.#link.post(message, transfer);
    this.#settleReady.resolve();
  }

  /** run() itself says NoState; nothing is said twice, and a page that closed needs no more. */
  #setState(state: IPNState): void {
    if (state === this.#state || state === 'NoState' || this.#closing) return;
    this.#state = state;
    callPage(() => this.#callbacks?.notifyState(state));
  }

  #report(problem: IPNProblem): void {
    if (this.#closing) return;
    if (this.#callbacks) callPage(() => this.#callbacks?.notifyError?.(problem));
    else this.#untold.push(problem);
  }

  /** It never came to life. */
  #fail(message: string): void {
    if (this.#end) return;
    this.#settleReady.reject(new Error(message));
    this.#report({code: 'not-started', message, retrying: false});
    this.#endWith(message);
  }

  #handlePanic(error: string): void {
    const message = `The tailnet client stopped by a fault of its own: ${error}`;
    this.#settleReady.reject(new Error(message));
    this.#endWith(message);
    callPage(() => this.#callbacks?.notifyPanicRecover(message));
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
