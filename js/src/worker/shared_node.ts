/*
 * One node for many pages: an engine, and whom it tells what.
 *
 *   none > starting > live > closing > none       after a panic or a failure to start: none
 *
 * Every page hears of the node as if it were its own. A page that is left, or found to be gone, has
 * its grace: for so long its shells wait for the page to come back, and with the last of all pages
 * so does the node, which then is logged out.
 */
import {WANT_NETMAP} from '../core/core.js';
import type {Clock} from '../core/pump.js';
import type {Engine, Post} from './engine.js';
import type {FromEngine, Start, ToNode} from './messages.js';
import {NodeClient, type NodePort} from './node_client.js';
import {NodeState, OTHER_VERSION} from './node_state.js';
import {Routes} from './routes.js';

export interface NodeParts {
  clock: Clock;
  version: string;
  /** Of the worker; told to pages, which watch it. */
  lock: string | undefined;
  makeEngine(post: Post): Pick<Engine, 'handle'>;
  /** Calls back once nobody holds the lock; returns how to stop. */
  watchLock(name: string, gone: () => void): () => void;
  /** Other versions of this package that pages of this origin have a node of. */
  otherVersions(): Promise<string[]>;
}

const REBIND_ONCE_MS = 1000; // each page says that the network is back

export class SharedNode {
  readonly #parts: NodeParts;
  readonly #routes: Routes;
  readonly #state = new NodeState();
  readonly #clients = new Set<NodeClient>();
  /** Pages that closed their node with it, and wait for the end of that. */
  readonly #closers = new Set<NodeClient>();
  #engine: Pick<Engine, 'handle'> | undefined;
  #phase: 'none' | 'starting' | 'live' | 'closing' = 'none';
  #start: Start | undefined;
  #hasRun = false;
  /** Of pages that were left; how many of them may come back; the timers of that. */
  #departures = 0;
  readonly #graces = new Map<number, unknown>();
  #reboundAt = -Infinity;
  /** Nothing is started any more. */
  #isLast = false;

  constructor(parts: NodeParts) {
    this.#parts = parts;
    this.#routes = new Routes((message) => this.#engine?.handle(message));
  }

  /** A page: what it says goes to handle(). */
  connect(port: NodePort): NodeClient {
    return new NodeClient(port);
  }

  handle(client: NodeClient, message: ToNode): void {
    switch (message.type) {
      case 'join':
        return this.#join(client, message);
      case 'start':
        return this.#startFor(client, message);
      case 'run':
        return this.#run(client, message.wanted);
      case 'want':
        return;
      case 'ack':
        return client.handleAck();
      case 'login':
      case 'logout':
        return this.#engine?.handle(message);
      case 'rebind':
        return this.#rebind();
      case 'close':
        return this.#close(client, message.logout);
      case 'leave':
        return this.#detach(client, message.taken);
      case 'bye':
        this.#closers.delete(client);
        if (this.#clients.has(client)) this.#close(client, this.#logoutOnClose);
        return client.port.close();
      case 'sshOpen':
      case 'tcpOpen':
      case 'sftpOpen':
      case 'attach':
        return this.#routes.open(client, message);
      case 'ping':
      case 'keygen':
      case 'keyCheck':
      case 'knownHosts':
      case 'addKnownHosts':
      case 'removeKnownHost':
      case 'sessions':
        return this.#routes.ask(client, message);
      default:
        return this.#routes.command(client, message);
    }
  }

  /** The page in which this runs is left: a node that nobody can come back to is logged out. */
  ownerLeaves(): void {
    this.#isLast = true;
    if (!this.#state.isKept) this.#end(true);
  }

  #join(client: NodeClient, message: Extract<ToNode, {type: 'join'}>): void {
    const {version, lock: clientLock, tab, livesOn, graceMs} = message;
    const {lock} = this.#parts;
    Object.assign(client, {tab, livesOn, graceMs});
    this.#clients.add(client);
    client.say({type: 'hello', version: this.#parts.version, ...(lock ? {lock} : {})});
    if (version !== this.#parts.version) return; // it will not stay
    if (clientLock)
      client.unwatch = this.#parts.watchLock(clientLock, () => this.#detach(client, []));
  }

  #startFor(client: NodeClient, start: Start): void {
    client.isStarting = true;
    client.logLevel = start.logLevel;
    client.keepsState = start.shared?.storage === 'page';
    void this.#tellOtherVersions(client);
    const {authKey} = start.config;
    if (this.#phase === 'live' && authKey && this.#state.isOver) this.#end(false);
    if (this.#phase === 'live' && authKey && this.#state.takesKey())
      this.#engine?.handle({type: 'login', authKey});
    if (this.#phase === 'closing' || this.#phase === 'none') this.#start = start;
    if (this.#phase === 'none') return this.#startEngine();
    if (this.#phase === 'live') this.#tellReady(client);
  }

  #startEngine(): void {
    this.#phase = 'starting';
    this.#hasRun = false;
    const start = this.#start!;
    this.#state.begin(start.config.state, start.shared?.storage !== 'none');
    const engine = this.#parts.makeEngine((messages, transfer) => {
      if (engine === this.#engine) this.#receive(messages, transfer);
    });
    this.#engine = engine;
    engine.handle(start);
  }

  #run(client: NodeClient, wanted: number): void {
    client.hasRun = true;
    client.wanted = wanted;
    if (this.#phase !== 'live') return;
    const all = [...this.#clients].reduce((sum, each) => sum | each.wanted, 0);
    if (!this.#hasRun) {
      this.#hasRun = true;
      return this.#engine?.handle({type: 'run', wanted: all});
    }
    if (all !== WANT_NETMAP) this.#engine?.handle({type: 'want', wanted: all});
    for (const message of this.#state.snapshot()) client.push(message);
    client.flush();
  }

  #receive(messages: FromEngine[], transfer: ArrayBuffer[]): void {
    const own = new Set(transfer);
    for (const message of messages) {
      const buffer = 'bytes' in message ? (message.bytes.buffer as ArrayBuffer) : undefined;
      this.#handle(message, buffer && own.has(buffer) ? buffer : undefined);
    }
    for (const client of this.#clients) client.flush();
  }

  #handle(message: FromEngine, buffer: ArrayBuffer | undefined): void {
    switch (message.type) {
      case 'hello':
      case 'lost':
      case 'scrollback':
        return;
      case 'ready':
        return this.#handleReady();
      case 'failed':
      case 'panic':
        this.#broadcast(message);
        for (const client of this.#clients) client.isStarting = client.hasRun = false;
        return this.#forget();
      case 'closed':
        return this.#handleClosed();
      case 'log':
        for (const client of this.#clients)
          if (message.level <= client.logLevel) client.push(message);
        return;
      case 'store':
        return this.#state.store(message, this.#clients);
      case 'state':
      case 'netMap':
      case 'status':
      case 'browseToURL':
      case 'problem':
      case 'stateProblem':
      case 'loggedOut':
        for (const told of this.#state.note(message)) this.#broadcast(told);
        return;
      case 'peers':
        return this.#broadcast(message);
      default:
        return this.#routes.deliver(message, buffer);
    }
  }

  #handleReady(): void {
    if (this.#phase !== 'starting') return;
    this.#phase = 'live';
    const clients = [...this.#clients];
    for (const client of clients) if (client.isStarting) this.#tellReady(client);
    const runner = clients.find(({hasRun}) => hasRun);
    if (runner) this.#run(runner, runner.wanted);
    if (this.#clients.size === 0 && this.#graces.size === 0) this.#end(this.#logoutOnClose);
  }

  #tellReady(client: NodeClient): void {
    client.isStarting = false;
    client.say({type: 'ready'});
    this.#state.adopt(client);
    client.flush();
  }

  #handleClosed(): void {
    this.#forget();
    const isWanted = [...this.#clients].some((client) => client.isStarting || client.hasRun);
    if (isWanted && !this.#isLast) this.#startEngine();
  }

  /** There is no engine any more. */
  #forget(): void {
    this.#engine = undefined;
    this.#phase = 'none';
    this.#routes.clear();
    for (const client of this.#closers) client.say({type: 'closed'});
    this.#closers.clear();
  }

  /** By itself; the others stay. The last one takes the node along, unless somebody may come back. */
  #close(client: NodeClient, logout: boolean): void {
    this.#drop(client);
    this.#routes.closeAll(client);
    if (this.#clients.size > 0 || this.#graces.size > 0 || !this.#engine)
      return client.say({type: 'closed'});
    this.#closers.add(client);
    this.#end(logout);
  }

  #detach(client: NodeClient, taken: Array<[number, number]>): void {
    if (!this.#clients.has(client)) return;
    const departure = ++this.#departures;
    this.#drop(client);
    this.#routes.detach(client, taken, departure);
    client.port.close();
    // The worker ends with its last page: then nobody comes back to a node that is kept nowhere.
    if (this.#clients.size === 0 && !client.livesOn && !this.#state.isKept) return this.#end(true);
    const timer = this.#parts.clock.setTimer(() => this.#expire(departure), client.graceMs);
    this.#graces.set(departure, timer);
  }

  #expire(departure: number): void {
    this.#graces.delete(departure);
    this.#routes.expire(departure);
    if (this.#clients.size === 0 && this.#graces.size === 0) this.#end(this.#logoutOnClose);
  }

  #drop(client: NodeClient): void {
    this.#clients.delete(client);
    client.unwatch();
    this.#state.leave(client, this.#clients);
  }

  /** Ends the engine; pages that want one get a new one. */
  #end(logout: boolean): void {
    if (this.#phase !== 'live') return; // one that is starting ends when it is ready
    this.#phase = 'closing';
    for (const timer of this.#graces.values()) this.#parts.clock.clearTimer(timer);
    this.#graces.clear();
    this.#engine?.handle({type: 'close', logout});
  }

  #rebind(): void {
    const now = this.#parts.clock.now();
    if (now - this.#reboundAt < REBIND_ONCE_MS) return;
    this.#reboundAt = now;
    this.#engine?.handle({type: 'rebind'});
  }

  async #tellOtherVersions(client: NodeClient): Promise<void> {
    const others = await this.#parts.otherVersions();
    if (others.length > 0) client.say(OTHER_VERSION);
  }

  #broadcast(message: FromEngine): void {
    for (const client of this.#clients) client.push(message);
  }

  get #logoutOnClose(): boolean {
    return this.#start?.shared?.logoutOnClose ?? true;
  }
}
