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
import {EngineState} from './engine_state.js';
import {Flows} from './flows.js';
import type {FromEngine, Start, ToEngine} from './messages.js';
import {Outbox} from './outbox.js';
import {Questions} from './questions.js';
import {Requests, type Request} from './requests.js';
import {want} from './wanted.js';

export interface EngineParts {
  clock: Clock;
  WebSocket: WebSocketConstructor;
  fetch: Fetch;
  loadModule(url: string): Promise<WebAssembly.Module>;
  instantiate(
    module: WebAssembly.Module,
    log: (level: number, line: string) => void,
  ): Promise<Core>;
}

export type Post = (messages: FromEngine[], transfer: ArrayBuffer[]) => void;

const GOODBYE_MS = 1000; // for SSH to say EOF and close
const LOGOUT_MS = 3000; // for the control server to answer a logout

type Phase = 'new' | 'live' | 'loggedOut' | 'closing' | 'closed';

export class Engine implements PumpSink {
  readonly #parts: EngineParts;
  readonly #batch = new Batch();
  readonly #outbox: Outbox;
  readonly #flows = new Flows(this.#batch);
  readonly #questions = new Questions(this.#batch);
  readonly #requests = new Requests(this.#flows, this.#questions);
  readonly #sockets: WebSocketTable;
  readonly #gets: HttpGets;
  #start: Start | undefined;
  #core: Core | undefined;
  #pump: Pump | undefined;
  #phase: Phase = 'new';
  #wanted = 0;
  #coreIsOver = false;
  #awaitsLogout = false;
  /** From logout() to its end; then the auth key of a login() that came meanwhile. */
  #leaving: {loginAfter?: string | undefined} | undefined;
  /** What came while there was no core yet. */
  readonly #early: ToEngine[] = [];
  #goodbye: unknown;
  readonly #state = new EngineState();

  constructor(parts: EngineParts, post: Post) {
    this.#parts = parts;
    this.#outbox = new Outbox(this.#batch, parts.clock, post);
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
        return void this.#begin((this.#start = message));
      case 'run':
      case 'want':
        this.#wanted = message.wanted;
        return this.#pump?.run((core, now) => want(core, message, now));
      case 'login':
      case 'logout':
        return this.#joinOrLeave(message);
      case 'rebind':
        return this.#pump?.rebind();
      case 'close':
        return this.#close(message.logout || this.#state.keepsNothing);
      default:
        return this.#request(message);
    }
  }

  #joinOrLeave(message: Extract<ToEngine, {type: 'login' | 'logout'}>): void {
    if (this.#phase === 'new') return void this.#early.push(message);
    if (message.type === 'logout') {
      if (this.#phase === 'live') this.#leaving = {};
      return this.#pump?.run((core, now) => core.logout(now));
    }
    if (this.#phase === 'loggedOut') return this.#startAgain(message.authKey);
    if (this.#leaving) return void (this.#leaving.loginAfter = message.authKey);
    this.#pump?.run((core, now) => core.login(message.authKey, now));
  }

  #request(request: Request): void {
    if (this.#phase === 'live' && this.#pump)
      return this.#pump.run((core, now) => this.#requests.handle(core, request, now));
    this.#requests.refuse(request);
    this.#outbox.flush();
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
      case 'peers':
        this.#questions.handleNetMap();
        return this.#batch.add(event);
      case 'state':
      case 'browseToURL':
      case 'problem':
      case 'status':
        return this.#batch.add(event);
      case 'store':
        return this.#state.store(event.name, event.value) ? undefined : this.#batch.add(event);
      case 'loggedOut':
        this.#coreIsOver = true;
        return;
      case 'pong':
      case 'key':
      case 'keyChecked':
      case 'knownHosts':
        return this.#questions.event(event);
      default:
        if (this.#flows.event(event, this.#parts.clock))
          this.#pump?.run((core, now) => this.#flows.resume(core, event, now));
    }
  }

  /**
   * A key's echo is shown before it is acknowledged; a flood is acknowledged before it is shown,
   * because its sender waits for that.
   */
  turnEnd(now: number): void {
    if (!this.#outbox.isPouring) this.#outbox.turnEnd(now);
    this.#sockets.flush();
    if (this.#coreIsOver) this.#endCore();
    else if (this.#phase === 'closing' && this.#flows.size === 0 && !this.#awaitsLogout)
      this.#finish();
    this.#outbox.turnEnd(now);
  }

  trap(error: unknown): void {
    this.#phase = 'closed';
    this.#dropNetwork();
    void this.#state.close();
    const message = error instanceof Error ? error.message : String(error);
    this.#say({type: 'panic', message});
  }

  async #begin(start: Start): Promise<void> {
    const state = await this.#state.open(start, (problem) => this.#say(problem));
    if (this.#phase === 'closed') return this.#state.close();
    await this.#startCore({...start.config, state}, () => this.#say({type: 'ready'}));
  }

  async #startCore(config: CoreConfig, then: () => void): Promise<void> {
    const {clock, instantiate, loadModule} = this.#parts;
    const {module: given, logLevel} = this.#start!;
    try {
      const module = typeof given === 'string' ? await loadModule(given) : given;
      const core = await instantiate(module, (level, line) => {
        if (level <= logLevel) this.#batch.add({type: 'log', level, line});
      });
      if (this.#phase === 'closed') return;
      const problem = core.create(config, clock.wallOffset(), clock.now());
      if (problem !== undefined) return this.#say({type: 'failed', message: problem});
      this.#core = core;
      this.#pump = new Pump(core, clock, this);
      this.#coreIsOver = false;
      this.#questions.begin(config.state);
      this.#phase = 'live';
      then();
      for (const message of this.#early.splice(0)) this.handle(message);
    } catch (error) {
      this.#say({type: 'failed', message: error instanceof Error ? error.message : String(error)});
    }
  }

  /** login() after logout(): a new node, and the key that the old one came in with is used up. */
  #startAgain(authKey: string): void {
    this.#phase = 'new';
    const config = {...this.#start!.config, authKey, state: ''};
    void this.#startCore(config, () => {
      this.#pump?.run((core, now) => {
        want(core, {type: 'run', wanted: this.#wanted}, now);
        core.login('', now);
      });
    });
  }

  #get(id: number, url: string, probe: boolean): void {
    void this.#gets.get(url, probe, (status, body) => {
      this.#pump?.run((core, now) => core.httpDone(id, status, body, now));
    });
  }

  /** LOGGED_OUT: the core has nothing more to say. */
  #endCore(): void {
    const wasClosing = this.#phase === 'closing';
    const why = 'This page was logged out of the tailnet.';
    this.#flows.refuseAll('logged-out', why);
    this.#questions.refuseAll(why);
    this.#batch.add({type: 'loggedOut'});
    this.#phase = 'loggedOut';
    this.#dropCore();
    const {loginAfter} = this.#leaving ?? {};
    this.#leaving = undefined;
    if (wasClosing) this.#finish();
    else if (loginAfter !== undefined) this.#startAgain(loginAfter);
  }

  /** Shells are told to end and the node is logged out before the sockets go. */
  #close(logout: boolean): void {
    if (this.#phase === 'closing' || this.#phase === 'closed') return;
    if (this.#phase !== 'live') {
      this.#finish();
      return this.#outbox.flush();
    }
    this.#phase = 'closing';
    this.#awaitsLogout = logout || this.#leaving !== undefined;
    this.#goodbye = this.#parts.clock.setTimer(
      () => {
        this.#finish();
        this.#outbox.flush();
      },
      this.#awaitsLogout ? LOGOUT_MS : GOODBYE_MS,
    );
    this.#pump?.run((core, now) => {
      core.closeStreams(now);
      if (logout) core.logout(now);
    });
  }

  #finish(): void {
    if (this.#phase === 'closed') return;
    this.#phase = 'closed';
    this.#parts.clock.clearTimer(this.#goodbye);
    this.#flows.refuseAll('closed', 'The connection was closed.');
    this.#dropCore();
    void this.#state.close().then(() => this.#say({type: 'closed'}));
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
    this.#outbox.flush();
  }
}
