// Every process that this one starts, whoever starts it: so that none outlives the demo, even when
// it is stopped in the middle of a build or before a daemon has answered.
import {subscribe, unsubscribe} from 'node:diagnostics_channel';

const CHANNEL = 'child_process';
const GRACE_MS = 3000;

export class Children {
  #alive = new Set();
  #isEnding = false;
  #started = ({process: child}) => {
    this.#alive.add(child);
    for (const event of ['exit', 'error']) child.once(event, () => this.#alive.delete(child));
    if (this.#isEnding) child.once('spawn', () => child.kill('SIGTERM'));
  };

  constructor() {
    subscribe(CHANNEL, this.#started);
  }

  /** What was started so far is no longer this object's. */
  release() {
    unsubscribe(CHANNEL, this.#started);
    this.#alive.clear();
  }

  /**
   * SIGTERM to all that is left and to all that is still started, until release(); SIGKILL to
   * whoever of them does not mind it.
   */
  async end() {
    this.#isEnding = true;
    const ended = [...this.#alive].map((child) => {
      child.kill('SIGTERM');
      return new Promise((resolve) => {
        const timer = setTimeout(() => child.kill('SIGKILL'), GRACE_MS);
        child.once('exit', () => (clearTimeout(timer), resolve()));
      });
    });
    await Promise.all(ended);
  }
}
