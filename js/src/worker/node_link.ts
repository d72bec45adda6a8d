/*
 * The page's end of a node that it shares with others: tells who it is, waits to be heard, and gives
 * way to another kind of link where this one cannot be had. How the bytes go is a Wire's business.
 */
import {hasLocks, holdLock, onLockFree} from '../host/locks.js';
import {VERSION} from '../host/version.js';
import type {FromEngine, ToEngine, ToNode} from './messages.js';
import {randomWord} from './node_name.js';
import type {Link} from './proxy.js';

export interface Wire {
  /** Whether the worker outlives this page. */
  readonly livesOn: boolean;
  /** Whether nobody starts another node when the worker ends. */
  readonly isOnly: boolean;
  /** Whether the worker is this page's. */
  readonly endsWithPage?: boolean;
  post(message: ToNode, transfer: ArrayBuffer[]): void;
  close(): void;
}

export interface WireEvents {
  /** There is a node to speak to. */
  connected(): void;
  receive(messages: FromEngine[]): void;
  /** The node is gone, and another one takes its place: connected() follows. */
  lost(): void;
  /** It cannot be had this way, or the node broke down. */
  failed(why: string): void;
}

export type OpenWire = (events: WireEvents) => Wire;

export interface NodeLinkOptions {
  open: OpenWire;
  graceMs: number;
  receive(messages: FromEngine[]): void;
  /** Another link, and why. */
  fallBack(why: string): Link;
}

const HELLO_TIMEOUT_MS = 30_000; // a machine may be slow; what cannot work says so before
const TAB_KEY = 'meshterm-tab';
const LOST =
  'The tab that kept the connection to the tailnet was closed. Another one takes over: what was ' +
  'open has ended.';
const GONE = 'the worker that the tabs of this page share has ended';

/** The same after a reload of this tab. Nothing secret: any page of this origin may know it. */
function tabName(): string {
  try {
    const name = sessionStorage.getItem(TAB_KEY) ?? randomWord();
    sessionStorage.setItem(TAB_KEY, name);
    return name;
  } catch {
    return randomWord(); // storage may be forbidden: then nothing is known to be this tab's
  }
}

export class NodeLink implements Link {
  readonly #options: NodeLinkOptions;
  readonly #wire: Wire | undefined;
  readonly #lock = hasLocks() ? `meshterm-page ${randomWord()}` : undefined;
  readonly #locked: Promise<(() => void) | void>;
  /** What was posted before the node said hello. */
  #unheard: Array<[ToEngine, ArrayBuffer[]]> | undefined = [];
  #hasStarted = false;
  #isOver = false;
  #other: Link | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #unwatch: () => void = () => {};

  constructor(options: NodeLinkOptions) {
    this.#options = options;
    this.#locked = this.#lock ? holdLock(this.#lock) : Promise.resolve();
    this.#arm();
    try {
      this.#wire = options.open({
        connected: () => this.#join(),
        receive: (messages) => this.#handleMessages(messages),
        lost: () => this.#handleLoss(),
        failed: (why) => this.#handleFailure(why),
      });
    } catch (error) {
      this.#handleFailure(error instanceof Error ? error.message : String(error));
    }
  }

  get keepsSessions(): boolean {
    return this.#other ? this.#other.keepsSessions === true : this.#wire?.livesOn === true;
  }

  post(message: ToEngine, transfer: ArrayBuffer[] = []): void {
    if (this.#other) return this.#other.post(message, transfer);
    if (this.#unheard) this.#unheard.push([message, transfer]);
    else this.#wire?.post(message, transfer);
  }

  get endsWithPage(): boolean {
    return (this.#other ?? this.#wire)?.endsWithPage === true;
  }

  leave(taken: Array<[number, number]>): boolean {
    if (this.#other) return this.#other.leave?.(taken) ?? false;
    this.#wire?.post({type: 'leave', taken}, []);
    return true;
  }

  terminate(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#other?.terminate();
    this.#endWire();
  }

  /** The lock first: the node takes a page whose lock is free for gone. */
  #join(): void {
    void this.#locked.then(() => {
      if (this.#isOver) return;
      const {graceMs} = this.#options;
      const lock = this.#lock ? {lock: this.#lock} : {};
      const livesOn = this.#wire?.livesOn ?? false;
      const who = {version: VERSION, tab: tabName(), livesOn, graceMs};
      this.#wire?.post({type: 'join', ...who, ...lock}, []);
    });
  }

  #handleMessages(messages: FromEngine[]): void {
    if (this.#isOver) return;
    for (const message of messages) if (message.type === 'hello') this.#handleHello(message);
    if (this.#other) return;
    this.#options.receive(messages);
    if (messages.some(({type}) => ['netMap', 'peers', 'status'].includes(type)))
      this.#wire?.post({type: 'ack'}, []);
  }

  #handleHello({version, lock, unfit}: Extract<FromEngine, {type: 'hello'}>): void {
    if (unfit !== undefined) return this.#handleFailure(unfit);
    clearTimeout(this.#timer);
    if (version !== VERSION) {
      const message =
        `worker.js (${version}) is of another version than this page (${VERSION}). Reload the ` +
        `page; if that does not help, close the other tabs of this site.`;
      return this.#options.receive([{type: 'failed', message}]);
    }
    this.#hasStarted = true;
    this.#unwatch();
    if (lock && this.#wire?.isOnly) this.#unwatch = onLockFree(lock, () => this.#handleEnd());
    const unheard = this.#unheard ?? [];
    this.#unheard = undefined;
    for (const [message, transfer] of unheard) this.#wire?.post(message, transfer);
  }

  #handleLoss(): void {
    if (this.#isOver || !this.#hasStarted) return;
    this.#unwatch();
    this.#unheard = [];
    this.#hasStarted = false;
    this.#arm();
    this.#options.receive([{type: 'lost', message: LOST}]);
  }

  #arm(): void {
    this.#timer = setTimeout(() => this.#handleFailure('it did not answer'), HELLO_TIMEOUT_MS);
  }

  /** The worker's lock is free. */
  #handleEnd(): void {
    if (!this.#isOver) this.#options.receive([{type: 'panic', message: GONE}]);
  }

  /** Before hello it never started; after it, it died in the middle of its work. */
  #handleFailure(why: string): void {
    if (this.#isOver || this.#other) return;
    if (this.#hasStarted) return this.#options.receive([{type: 'panic', message: why}]);
    const unheard = this.#unheard ?? [];
    this.#unheard = undefined;
    this.#endWire();
    this.#other = this.#options.fallBack(why);
    for (const [message, transfer] of unheard) this.#other.post(message, transfer);
  }

  #endWire(): void {
    clearTimeout(this.#timer);
    this.#unwatch();
    this.#wire?.post({type: 'bye'}, []);
    this.#wire?.close();
    void this.#locked.then((release) => release?.());
  }
}
