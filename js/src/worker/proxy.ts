/*
 * The page's end of the engine: a node that pages share where that is wanted and can be had, a
 * dedicated worker where one can be started, otherwise the engine in the page itself. All speak
 * messages.ts, all answer later, never from within post().
 */
import {hasLocks} from '../host/locks.js';
import type {WebSocketConstructor} from '../host/websocket_table.js';
import {openLeaderWire} from './leader_wire.js';
import type {FromEngine, ToEngine} from './messages.js';
import {NodeLink, type OpenWire} from './node_link.js';
import {openSharedWire, type Identity} from './shared_wire.js';

export interface Link {
  /** The buffers in transfer are gone afterwards. */
  post(message: ToEngine, transfer?: ArrayBuffer[]): void;
  /** At once, without a goodbye; nothing is received any more. */
  terminate(): void;
  /** Whether what leave() leaves behind can be had again. */
  readonly keepsSessions?: boolean;
  /** Whether a worker ends with this page, that may have to log out. */
  readonly endsWithPage?: boolean;
  /**
   * The page is left: the node is shared, and stays. taken: bytes by ref, as in messages.ts. false,
   * or not there: it is the page's own.
   */
  leave?(taken: Array<[ref: number, n: number]>): boolean;
}

export interface LinkOptions {
  kind: 'shared' | 'dedicated' | 'none';
  /** Of 'shared': pages with the same one have the same node. */
  shared?: {identity: Identity; graceMs: number} | undefined;
  /** Implies 'none': a constructor cannot be sent to a worker. */
  WebSocket?: WebSocketConstructor | undefined;
  receive(messages: FromEngine[]): void;
  /** Why the page itself has to do the work. */
  note(line: string): void;
}

const HELLO_TIMEOUT_MS = 10_000;

export function openLink(options: LinkOptions): Link {
  if (options.kind === 'none' || options.WebSocket || typeof Worker === 'undefined') {
    return new InlineLink(options);
  }
  const {identity, graceMs} = options.shared ?? {};
  if (options.kind !== 'shared' || !identity || !graceMs) return new WorkerLink(options);
  const ways: OpenWire[] = [];
  if (typeof SharedWorker !== 'undefined') ways.push((events) => openSharedWire(identity, events));
  if (hasLocks() && typeof BroadcastChannel !== 'undefined')
    ways.push((events) => openLeaderWire(identity, events));
  const next = (why: string): Link => {
    const open = ways.shift();
    if (open) return new NodeLink({open, graceMs, receive: options.receive, fallBack: next});
    options.note(`meshterm: no node is shared by tabs (${why})`);
    return new WorkerLink(options);
  };
  return next('this browser has no way to');
}

class InlineLink implements Link {
  #engine: {handle(message: ToEngine): void} | undefined;
  /** What was posted before the engine was loaded. */
  #early: ToEngine[] = [];
  #terminated = false;

  constructor({WebSocket, receive}: LinkOptions) {
    const receiveLater = (messages: FromEngine[]): void => {
      // Never from within post(): a page's callback may call into the engine again.
      queueMicrotask(() => {
        if (!this.#terminated) receive(messages);
      });
    };
    import('./worker.js')
      .then(({createEngine}) => {
        this.#engine = createEngine(receiveLater, WebSocket ? {WebSocket} : {});
        for (const message of this.#early.splice(0)) this.#engine.handle(message);
      })
      .catch((error: unknown) => {
        const message = `worker.js could not be loaded: ${String(error)}`;
        receiveLater([{type: 'failed', message}]);
      });
  }

  /** At once when it can be: in pagehide nothing later runs. */
  post(message: ToEngine): void {
    if (this.#engine) this.#engine.handle(message);
    else this.#early.push(message);
  }

  terminate(): void {
    this.#terminated = true;
  }
}

class WorkerLink implements Link {
  readonly endsWithPage = true;
  readonly #options: LinkOptions;
  #worker: Worker | undefined;
  #inline: InlineLink | undefined;
  /** What was posted before the worker said hello: the page does it if the worker never does. */
  #unheard: ToEngine[] | undefined = [];
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(options: LinkOptions) {
    this.#options = options;
    try {
      // Bundlers look for exactly this expression, with literal options.
      this.#worker = new Worker(new URL('./worker.js', import.meta.url), {
        type: 'module',
        name: 'meshterm-engine',
      });
    } catch (error) {
      this.#fallBack(error instanceof Error ? error.message : String(error));
      return;
    }
    this.#timer = setTimeout(() => this.#fallBack('it did not answer'), HELLO_TIMEOUT_MS);
    this.#worker.onmessage = ({data}: MessageEvent<FromEngine[]>) => this.#handleMessages(data);
    this.#worker.onerror = (event) => this.#handleError(event.message || 'it could not be loaded');
    this.#worker.onmessageerror = () => this.#handleError('a message could not be read');
  }

  post(message: ToEngine, transfer: ArrayBuffer[] = []): void {
    if (this.#inline) return this.#inline.post(message);
    this.#unheard?.push(message);
    this.#worker?.postMessage(message, this.#unheard ? [] : transfer);
  }

  terminate(): void {
    clearTimeout(this.#timer);
    this.#inline?.terminate();
    if (this.#worker) this.#worker.onmessage = this.#worker.onerror = null;
    this.#worker?.terminate();
    this.#worker = undefined;
  }

  #handleMessages(messages: FromEngine[]): void {
    clearTimeout(this.#timer);
    this.#unheard = undefined;
    this.#options.receive(messages);
  }

  /** Before hello it never started; after it, it died in the middle of its work. */
  #handleError(message: string): void {
    if (this.#unheard) return this.#fallBack(message);
    this.terminate();
    this.#options.receive([{type: 'panic', message}]);
  }

  #fallBack(why: string): void {
    const unheard = this.#unheard ?? [];
    this.terminate();
    this.#unheard = undefined;
    this.#options.note(`meshterm: no worker (${why}); the page itself does its work`);
    this.#inline = new InlineLink(this.#options);
    for (const message of unheard) this.#inline.post(message);
  }
}
