/*
 * The state that an engine begins with, and where what it wants kept goes: to the page, or to a
 * storage of its own, which a node that outlives its pages needs.
 */
import {claimLock, hasLocks} from '../host/locks.js';
import {SealedState} from '../host/sealed_state.js';
import {StateStorage} from '../host/state_storage.js';
import type {FromEngine, Start} from './messages.js';

type Problem = Extract<FromEngine, {type: 'problem' | 'stateProblem'}>;

/** Says that the page's storage is another node's: what it has stays as it is. */
export const STATE_IN_USE = 'state-in-use';
const IN_USE_WORDS =
  'Another tab uses the stored state of this node. This one joins as a new node and keeps nothing.';
const PATIENCE_MS = 1500; // a page that was left a moment ago may still hold the lock
const SETTLE_MS = 1000; // IndexedDB may never answer

export class EngineState {
  /** The node cannot come back: it is to be logged out when it ends. */
  keepsNothing = false;
  #release: (() => void) | undefined;
  #sealed: SealedState | undefined;
  #storage: StateStorage | undefined;

  /** Resolves with `name=value` lines. */
  async open(
    {config, stateLock, sealed}: Start,
    tell: (problem: Problem) => void,
  ): Promise<string> {
    if (sealed !== undefined) {
      this.#sealed = new SealedState(sealed, (problem) => tell({type: 'stateProblem', problem}));
      this.#storage = new StateStorage(this.#sealed, () => {}); // it never rejects
      return this.#storage.readAll();
    }
    if (stateLock === undefined || !hasLocks()) return config.state;
    this.#release = await claimLock(stateLock, PATIENCE_MS);
    this.keepsNothing = this.#release === undefined;
    if (!this.keepsNothing) return config.state;
    tell({type: 'problem', code: STATE_IN_USE, message: IN_USE_WORDS, retrying: false});
    return '';
  }

  /** false: it is the page's to keep. */
  store(name: string, value: string): boolean {
    this.#storage?.write(name, value);
    return this.keepsNothing || this.#storage !== undefined;
  }

  /** The state may be somebody else's from now on. */
  async close(): Promise<void> {
    this.#release?.();
    await this.#storage?.settled(SETTLE_MS);
    this.#sealed?.close();
  }
}
