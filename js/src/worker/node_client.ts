/*
 * One page of a shared node: what is said to it, in the order in which it happened. A netmap or a
 * status follows only once the one before was taken in, so that a page that stands still collects
 * one of each and no more.
 */
import type {IPNPeersChange} from '../../ipn.js';
import type {FromEngine} from './messages.js';
import type {Route} from './routes.js';

export interface NodePort {
  post(messages: FromEngine[], transfer: ArrayBuffer[]): void;
  close(): void;
}

type Latest = Extract<FromEngine, {type: 'netMap' | 'peers' | 'status'}>;

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
  /** The forms of the netmap that it listens to. */
  wanted = 0;
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
    if (isLatest(message)) {
      if (this.#isBusy) return void this.#latest.set(message.type, this.#joined(message));
      this.#latest.delete(message.type);
    }
    this.#messages.push(message);
    if (buffer) this.#transfer.push(buffer);
  }

  /** Changes of peers are not told one by one either: the waiting one takes in the next. */
  #joined(message: Latest): Latest {
    const waiting = this.#latest.get(message.type);
    return waiting && message.type === 'peers' ? joinPeers(waiting, message) : message;
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
    if (messages.some(isLatest)) this.#isBusy = true;
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

function isLatest(message: FromEngine): message is Latest {
  return message.type === 'netMap' || message.type === 'peers' || message.type === 'status';
}

function joinPeers(before: Latest, after: Latest): Latest {
  const [a, b] = [before, after].map(({json}) => JSON.parse(json) as IPNPeersChange);
  if (b!.whole) return after;
  const changed = new Set(b!.changed.map(({id}) => id));
  const removed = new Set(b!.removed);
  const joined = {
    ...a!,
    ...b!,
    whole: a!.whole,
    changed: [...a!.changed.filter(({id}) => !changed.has(id) && !removed.has(id)), ...b!.changed],
    removed: [...a!.removed.filter((id) => !changed.has(id)), ...b!.removed],
  };
  return {type: 'peers', json: JSON.stringify(joined)};
}
