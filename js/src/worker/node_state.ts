/*
 * What a page that comes later has to be told of a shared node, and what of it is to be kept: in
 * the storage of one living page, which has all of it, whoever had it before.
 */
import type {FromEngine} from './messages.js';
import {STATE_IN_USE} from './engine_state.js';
import type {NodeClient} from './node_client.js';

type Told = Extract<
  FromEngine,
  {type: 'state' | 'netMap' | 'status' | 'browseToURL' | 'problem' | 'stateProblem' | 'loggedOut'}
>;
type Store = Extract<FromEngine, {type: 'store'}>;

export const OTHER_VERSION: Told = {
  type: 'problem',
  code: 'other-version',
  message:
    'Another tab of this site runs, or ran a moment ago, another version of this page. It has a ' +
    'node of its own, and its shells cannot be shown here. Reload the other tabs to share one again.',
  retrying: false,
};

/** Why sealed state is in the worker's memory, and goes with it. */
const IN_MEMORY = ['insecure', 'no-storage', 'no-locks', 'in-use'];

export class NodeState {
  readonly #last = new Map<string, Told>();
  readonly #stored = new Map<string, string>();
  #keeper: NodeClient | undefined;
  #isLoggedOut = false;
  /** That it is starting: of a key that is refused the core tells why, but no state, for it has that. */
  #isGuess = false;
  #hasStorage = false;
  #isKept = false;

  /** A new engine with these `name=value` lines. hasStorage: the page that began it has one. */
  begin(state: string, hasStorage: boolean): void {
    this.#hasStorage = hasStorage;
    this.#last.clear();
    this.#stored.clear();
    this.#keeper = undefined;
    this.#isKept = true;
    this.#isLoggedOut = this.#isGuess = false;
    for (const line of state.split('\n')) {
      const at = line.indexOf('=');
      if (at > 0) this.#stored.set(line.slice(0, at), line.slice(at + 1));
    }
  }

  /** What pages are to be told. */
  note(message: Told): Told[] {
    if (message.type === 'problem' && message.code === STATE_IN_USE) this.#isKept = false;
    if (message.type === 'stateProblem' && IN_MEMORY.includes(message.problem.code))
      this.#isKept = false;
    const isRefused = this.#isGuess && message.type === 'problem' && !message.retrying;
    if (message.type === 'state' || message.type === 'loggedOut') {
      this.#isLoggedOut = message.type === 'loggedOut'; // a login() begins again in the same engine
      this.#isGuess = false;
    }
    if (message.type === 'loggedOut') {
      for (const type of ['netMap', 'status', 'browseToURL']) this.#last.delete(type);
      this.#last.set('state', {type: 'state', state: 'NeedsLogin'});
      return [message];
    }
    if (message.type === 'problem' && !message.retrying) this.#last.delete('browseToURL'); // it ended
    this.#last.delete(message.type); // the order of a snapshot is that of the events
    if (message.type !== 'problem' || !message.retrying) this.#last.set(message.type, message);
    if (isRefused) return [message, ...this.note({type: 'state', state: 'NeedsLogin'})];
    if (message.type === 'state' && message.state === 'Running') {
      this.#last.delete('browseToURL');
      this.#last.delete('problem');
    }
    return [message];
  }

  /** Whether another worker finds what this one leaves. */
  get isKept(): boolean {
    return this.#hasStorage && this.#isKept;
  }

  snapshot(): Told[] {
    return [...this.#last.values()];
  }

  /** It has left the tailnet. */
  get isOver(): boolean {
    return this.#isLoggedOut || this.#is('Stopped');
  }

  /** Whether it is one that a new key brings back, with its sessions. Pages that come then need not hear
   * what was wrong. */
  takesKey(): boolean {
    if (this.isOver || !this.#is('NeedsLogin') || this.#last.has('browseToURL')) return false;
    this.#last.delete('problem');
    this.#last.set('state', {type: 'state', state: 'Starting'});
    this.#isGuess = true;
    return true;
  }

  #is(wanted: string): boolean {
    const state = this.#last.get('state');
    return state?.type === 'state' && state.state === wanted;
  }

  store(message: Store, clients: Iterable<NodeClient>): void {
    if (!this.#isKept) return;
    this.#stored.set(message.name, message.value);
    if (this.#keeper) return this.#keeper.push(message);
    for (const client of clients) if (client.keepsState) return this.adopt(client);
  }

  /** A page that may keep the state does, unless another one does so. */
  adopt(client: NodeClient): void {
    if (this.#keeper || !client.keepsState || !this.#isKept) return;
    this.#keeper = client;
    for (const [name, value] of this.#stored) client.push({type: 'store', name, value});
  }

  leave(client: NodeClient, others: Iterable<NodeClient>): void {
    if (this.#keeper !== client) return;
    this.#keeper = undefined;
    for (const other of others) {
      if (!other.keepsState) continue;
      this.adopt(other);
      return other.flush();
    }
  }
}
