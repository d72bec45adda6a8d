/*
 * One page of a shared node: what is said to it, in the order in which it happened. A netmap or a
 * status follows only once the one before was taken in, so that a page that stands still collects
 * one of each and no more.
 */
import type {FromEngine} from './messages.js';
import type {Route} from './routes.js';

export interface NodePort {
  post(messages: FromEngine[], transfer: ArrayBuffer[]): void;
  close(): void;
}

type Latest = Extract<FromEngine, {type: 'netMap' | 'status'}>;

export class NodeClient {
  readonly port: NodePort;
  /** By the page's own refs. */
  readonly routes = new Map<number, Route>();
  tab = '';
  /** Whether the worker outlives this page. */
  livesOn = false;
  graceMs = 0;
  logLevel = 0;
  /** Waits for the node to be there. */
  isStarting = false;
  hasRun = false;
  keepsState = false;
  /** Stops the watch on its lock. */
  unwatch: () => void = () => {};
  #messages: FromEngine[] = [];
  #transfer: ArrayBuffer[] = [];
  #isBusy = false;
  readonly #latest = new Map<string, Latest>();

  constructor(port: NodePort) {
    this.port = port;
  }

  push(message: FromEngine, buffer?: ArrayBuffer): void {
    if (message.type === 'netMap' || message.type === 'status') {
      if (this.#isBusy) return void this.#latest.set(message.type, message);
      this.#latest.delete(message.type);
    }
    this.#messages.push(message);
    if (buffer) this.#transfer.push(buffer);
  }

  say(message: FromEngine): void {
    this.push(message);
    this.flush();
  }

  flush(): void {
    if (this.#messages.length === 0) return;
    const [messages, transfer] = [this.#messages, this.#transfer];
    this.#messages = [];
    this.#transfer = [];
    if (messages.some(({type}) => type === 'netMap' || type === 'status')) this.#isBusy = true;
    this.port.post(messages, transfer);
  }

  /** The page has taken in what it was told last. */
  handleAck(): void {
    this.#isBusy = false;
    for (const message of this.#latest.values()) this.#messages.push(message);
    this.#latest.clear();
    this.flush();
  }
}
