/*
 * The way to a node where there is no SharedWorker: the page that holds the leader's lock runs the
 * worker, all others speak to it over channels (node_host.ts). When that page goes, the lock is the
 * next one's, which runs a worker of its own and says "here".
 */
import {holdLock} from '../host/locks.js';
import {VERSION} from '../host/version.js';
import type {FromEngine, ToNode} from './messages.js';
import type {Finding} from './node_host.js';
import {leaderLock, nodeName, randomWord} from './node_name.js';
import type {Wire, WireEvents} from './node_link.js';
import type {Identity} from './shared_wire.js';

type Posting = (message: ToNode, transfer: ArrayBuffer[]) => void;

class LeaderWire implements Wire {
  readonly livesOn = false;
  readonly isOnly = false;
  endsWithPage = false;
  readonly #name: string;
  readonly #events: WireEvents;
  readonly #all: BroadcastChannel;
  readonly #waiting = new AbortController();
  #node = '';
  #mine: BroadcastChannel | undefined;
  #post: Posting | undefined;

  constructor(identity: Identity, events: WireEvents) {
    this.#name = nodeName(identity, VERSION);
    this.#events = events;
    this.#all = new BroadcastChannel(this.#name);
    this.#all.onmessage = ({data}: MessageEvent<Finding>) => {
      if (data.type === 'here') this.#follow(data.node);
    };
    void holdLock(leaderLock(this.#name), this.#waiting.signal).then((release) => {
      if (this.#waiting.signal.aborted) release();
      else this.#lead(release);
    });
    this.#say({type: 'who'});
  }

  post(message: ToNode, transfer: ArrayBuffer[]): void {
    this.#post?.(message, transfer);
  }

  close(): void {
    this.#waiting.abort();
    this.#all.close();
    // What was posted last is still on its way.
    const mine = this.#mine;
    if (mine) setTimeout(() => mine.close(), 0);
  }

  /** From here on for as long as the page lives, whatever becomes of this wire: others use it. */
  #lead(release: () => void): void {
    this.#leave();
    this.#node = 'this page';
    this.endsWithPage = true;
    const url = new URL('./worker.js', import.meta.url);
    const worker = new Worker(url, {type: 'module', name: this.#name});
    window.addEventListener('pagehide', ({persisted}) => {
      if (!persisted) worker.postMessage({type: 'ownerLeaves'});
    });
    worker.onmessage = ({data}: MessageEvent<FromEngine[]>) => this.#events.receive(data);
    worker.onerror = (event) => {
      worker.terminate();
      release();
      this.#events.failed(event.message || 'it could not be loaded');
    };
    this.#post = (message, transfer) => worker.postMessage(message, transfer);
    this.#events.connected();
  }

  #follow(node: string): void {
    if (this.#node === 'this page' || this.#node === node) return;
    this.#leave();
    this.#node = node;
    const page = `${this.#name} ${randomWord()}`;
    const mine = (this.#mine = new BroadcastChannel(page));
    let isConnected = false;
    mine.onmessage = ({data}: MessageEvent<FromEngine[]>) => {
      if (!isConnected) this.#events.connected();
      isConnected = true;
      if (data.length > 0) this.#events.receive(data);
    };
    this.#post = (message, transfer) => {
      mine.postMessage(message); // a copy: what would have gone over must not stay here, it may be secret
      for (const buffer of transfer) new Uint8Array(buffer).fill(0);
    };
    this.#say({type: 'connect', node, page});
  }

  #leave(): void {
    if (this.#node !== '') this.#events.lost();
    this.#post = undefined;
    this.#mine?.close();
    this.#mine = undefined;
  }

  #say(finding: Finding): void {
    this.#all.postMessage(finding);
  }
}

export function openLeaderWire(identity: Identity, events: WireEvents): Wire {
  return new LeaderWire(identity, events);
}
