/*
 * The core with a network and a clock: what runs in the worker, or in the page for
 * worker: 'none'. The page's side is ../ipn.ts.
 */
import type {Core, CoreConfig} from '../core/core.js';
import type {CoreEvent} from '../core/events.js';
import {Pump, type Clock, type PumpSink} from '../core/pump.js';
import {HttpGets, type Fetch} from '../host/http_get.js';
import {WebSocketTable, type WebSocketConstructor} from '../host/websocket_table.js';
import {Batch} from './batch.js';
import {ERR_FULL, Flows} from './flows.js';
import type {FromEngine, ToEngine} from './messages.js';

export interface EngineParts {
  clock: Clock;
  WebSocket: WebSocketConstructor;
  fetch: Fetch;
  instantiate(
    module: WebAssembly.Module,
    log: (level: number, line: string) => void,
  ): Promise<Core>;
}

export type Post = (messages: FromEngine[], transfer: ArrayBuffer[]) => void;

const GOODBYE_MS = 1000; // for SSH to say EOF and close
const LOGOUT_MS = 3000; // for the control server to answer a logout
const NOT_JOINED = 'This page is not joined to a tailnet.';

type Phase = 'new' | 'live' | 'loggedOut' | 'closing' | 'closed';

export class Engine implements PumpSink {
  readonly #parts: EngineParts;
  readonly #post: Post;
  readonly #batch = new Batch();
  readonly #flows = new Flows(this.#batch);
  readonly #pings = new Map<number, number>();
  readonly #sockets: WebSocketTable;
  readonly #gets: HttpGets;
  #start: Extract<ToEngine, {type: 'start'}> | undefined;
  #core: Core | undefined;
  #pump: Pump | undefined;
  #phase: Phase = 'new';
  #coreIsOver = false;
  #awaitsLogout = false;
  /** Whether this core has had a netmap to look names up in. */
  #hasJoined = false;
  #goodbye: unknown;

  constructor(parts: EngineParts, post: Post) {
    this.#parts = parts;
    this.#post = post;
    this.#gets = new HttpGets(parts.fetch);
    this.#sockets = new WebSocketTable(parts.WebSocket, {
      opened: (id) => this.#pump?.run((core, now) => core.socketOpened(id, now)),
      input: (id, bytes) =>
        this.#pump?.input(bytes.length, (core, now) => core.socketInput(id, bytes, now)),
      closed: (id, code, reason) =>
        this.#pump?.run((core, now) => core.socketClosed(id, code, reason, now)),
    });
  }

  handle(message: ToEngine): void {
    switch (message.type) {
      case 'start':
        this.#start = message;
        void this.#startCore(message.config, () => this.#say({type: 'ready'}));
        return;
      case 'run':
        return this.#pump?.run((core, now) => void core.run(now));
      case 'login':
        if (this.#phase === 'loggedOut') return this.#startAgain();
        return this.#pump?.run((core, now) => core.login(now));
      case 'logout':
        return this.#pump?.run((core, now) => core.logout(now));
      case 'rebind':
        return this.#pump?.rebind();
      case 'close':
        return this.#close(message.logout);
      default:
        return this.#handleFlow(message);
    }
  }

  #handleFlow(
    message: Exclude<ToEngine, {type: 'start' | 'run' | 'login' | 'logout' | 'rebind' | 'close'}>,
  ): void {
    const pump = this.#phase === 'live' ? this.#pump : undefined;
    if (!pump) return this.#refuse(message);
    pump.run((core, now) => {
      switch (message.type) {
        case 'sshOpen':
          return this.#flows.openSsh(core, message.ref, message.options, now);
        case 'tcpOpen':
          return this.#flows.openTcp(
            core,
            message.ref,
            message.host,
            message.port,
            message.timeoutMs,
            now,
          );
        case 'ping':
          return this.#ping(core, message.ref, message.host, now);
        default:
          return this.#flows.command(core, message, now);
      }
    });
  }

  event(event: CoreEvent): void {
    switch (event.type) {
      case 'socketOpen':
        return this.#sockets.open(event.id, event.url, event.protocol);
      case 'socketSend':
        return this.#sockets.send(event.id, event.bytes);
      case 'socketClose':
        return this.#sockets.close(event.id);
      case 'httpGet':
        return this.#get(event.id, event.url, event.probe);
      case 'netMap':
        this.#hasJoined = true;
        return this.#batch.add(event);
      case 'state':
      case 'browseToURL':
      case 'store':
      case 'problem':
      case 'status':
        return this.#batch.add(event);
      case 'loggedOut':
        this.#coreIsOver = true;
        return;
      case 'pong': {
        const ref = this.#pings.get(event.id);
        this.#pings.delete(event.id);
        if (ref !== undefined) this.#batch.add({...event, id: ref});
        return;
      }
      default: {
        const {id, type} = event;
        const kind = type.startsWith('ssh') ? 'ssh' : 'tcp';
        if (this.#flows.event(event)) {
          this.#pump?.run((core, now) => this.#flows.resume(core, kind, id, now));
        }
      }
    }
  }

  turnEnd(): void {
    this.#sockets.flush();
    if (this.#coreIsOver) this.#endCore();
    else if (this.#phase === 'closing' && this.#flows.size === 0 && !this.#awaitsLogout)
      this.#finish();
    this.#flush();
  }

  trap(error: unknown): void {
    this.#phase = 'closed';
    this.#dropNetwork();
    const message = error instanceof Error ? error.message : String(error);
    this.#say({type: 'panic', message});
  }

  async #startCore(config: CoreConfig, then: () => void): Promise<void> {
    const {clock, instantiate} = this.#parts;
    const {module, logLevel} = this.#start!;
    try {
      const core = await instantiate(module, (level, line) => {
        if (level <= logLevel) this.#batch.add({type: 'log', level, line});
      });
      if (this.#phase === 'closed') return;
      const problem = core.create(config, clock.wallOffset(), clock.now());
      if (problem !== undefined) return this.#say({type: 'failed', message: problem});
      this.#core = core;
      this.#pump = new Pump(core, clock, this);
      this.#coreIsOver = false;
      this.#hasJoined = false;
      this.#phase = 'live';
      then();
    } catch (error) {
      this.#say({type: 'failed', message: error instanceof Error ? error.message : String(error)});
    }
  }

  /** login() after logout(): a new node, and the key that the old one came in with is used up. */
  #startAgain(): void {
    this.#phase = 'new';
    const config = {...this.#start!.config, authKey: '', state: ''};
    void this.#startCore(config, () => {
      this.#pump?.run((core, now) => {
        core.run(now);
        core.login(now);
      });
    });
  }

  #ping(core: Core, ref: number, host: string, now: number): void {
    const id = core.ping(host, now);
    if (id > 0) this.#pings.set(id, ref);
    else if (id === ERR_FULL) this.#failPing(ref, 'Too many pings are waiting.');
    else if (!this.#hasJoined) this.#failPing(ref, NOT_JOINED);
    else this.#failPing(ref, `There is no node called "${host}" in this tailnet.`);
  }

  #failPing(ref: number, why: string): void {
    this.#batch.add({type: 'pong', id: ref, ms: -1, region: '', why});
  }

  #get(id: number, url: string, probe: boolean): void {
    void this.#gets.get(url, probe, (status, body) => {
      this.#pump?.run((core, now) => core.httpDone(id, status, body, now));
    });
  }

  #refuse(message: ToEngine): void {
    const code = 'not-joined';
    if (message.type === 'sshOpen') this.#flows.refuse('ssh', message.ref, code, NOT_JOINED);
    else if (message.type === 'tcpOpen') this.#flows.refuse('tcp', message.ref, code, NOT_JOINED);
    else if (message.type === 'ping') this.#failPing(message.ref, NOT_JOINED);
    this.#flush();
  }

  /** LOGGED_OUT: the core has nothing more to say. */
  #endCore(): void {
    const wasClosing = this.#phase === 'closing';
    const why = 'This page was logged out of the tailnet.';
    this.#flows.refuseAll('logged-out', why);
    for (const ref of this.#pings.values()) this.#failPing(ref, why);
    this.#pings.clear();
    this.#batch.add({type: 'loggedOut'});
    this.#phase = 'loggedOut';
    this.#dropCore();
    if (wasClosing) this.#finish();
  }

  /** Shells are told to end and the node is logged out before the sockets go. */
  #close(logout: boolean): void {
    if (this.#phase === 'closing' || this.#phase === 'closed') return;
    if (this.#phase !== 'live') {
      this.#finish();
      return this.#flush();
    }
    this.#phase = 'closing';
    this.#awaitsLogout = logout;
    this.#goodbye = this.#parts.clock.setTimer(
      () => {
        this.#finish();
        this.#flush();
      },
      logout ? LOGOUT_MS : GOODBYE_MS,
    );
    this.#pump?.run((core, now) => {
      this.#flows.closeAll(core, now);
      if (logout) core.logout(now);
    });
  }

  #finish(): void {
    if (this.#phase === 'closed') return;
    this.#phase = 'closed';
    this.#parts.clock.clearTimer(this.#goodbye);
    this.#flows.refuseAll('closed', 'The connection was closed.');
    this.#dropCore();
    this.#batch.add({type: 'closed'});
  }

  #dropCore(): void {
    this.#dropNetwork();
    this.#core?.destroy();
    this.#core = undefined;
  }

  #dropNetwork(): void {
    this.#pump?.stop();
    this.#pump = undefined;
    this.#gets.abortAll();
    this.#sockets.closeAll();
  }

  #say(message: FromEngine): void {
    this.#batch.add(message);
    this.#flush();
  }

  #flush(): void {
    if (this.#batch.isEmpty) return;
    const {messages, transfer} = this.#batch.take();
    this.#post(messages, transfer);
  }
}
