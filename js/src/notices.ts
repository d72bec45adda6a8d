/* What the page hears of its node, each thing once and in the order in which it happened. */
import type {IPNCallbacks, IPNPeersChange, IPNProblem, IPNState, IPNStatus} from '../ipn.js';
import {callPage} from './callbacks.js';
import {WANT_NETMAP, WANT_PEERS} from './core/core.js';
import type {FromEngine} from './worker/messages.js';

type Notice = Extract<
  FromEngine,
  {type: 'state' | 'loggedOut' | 'netMap' | 'peers' | 'status' | 'browseToURL' | 'problem'}
>;

export class Notices {
  #callbacks: IPNCallbacks | undefined;
  /** Problems from before the page listened. */
  readonly #untold: IPNProblem[] = [];
  #state: IPNState = 'NoState';
  #status = '{"control":{"state":"idle"},"homeRegion":0,"regions":[]}';
  #isQuiet = false;

  get isHeard(): boolean {
    return this.#callbacks !== undefined;
  }

  listen(callbacks: IPNCallbacks): void {
    this.#callbacks = callbacks;
    callPage(() => callbacks.notifyState('NoState'));
  }

  /** The forms of the netmap that the page listens to. */
  get wanted(): number {
    const {notifyNetMap, onPeersChanged} = this.#callbacks ?? {};
    return (notifyNetMap ? WANT_NETMAP : 0) + (onPeersChanged ? WANT_PEERS : 0);
  }

  tellProblems(): void {
    for (const problem of this.#untold.splice(0)) this.report(problem);
  }

  /** As last told, for the page to do with it as it likes. */
  status(): IPNStatus {
    return JSON.parse(this.#status) as IPNStatus;
  }

  /** A page that closed its node needs to hear no more. */
  beQuiet(): void {
    this.#isQuiet = true;
  }

  handle(message: Notice): void {
    const callbacks = this.#callbacks;
    switch (message.type) {
      case 'state':
        return this.setState(message.state);
      case 'loggedOut':
        return this.setState('NeedsLogin');
      case 'netMap':
        return void callPage(() => callbacks?.notifyNetMap?.(message.json));
      case 'peers':
        return void callPage(() =>
          callbacks?.onPeersChanged?.(JSON.parse(message.json) as IPNPeersChange),
        );
      case 'status':
        this.#status = message.json;
        return void callPage(() => callbacks?.notifyStatus?.(message.json));
      case 'browseToURL':
        if (/^https?:\/\//i.test(message.url))
          callPage(() => callbacks?.notifyBrowseToURL(message.url));
        return;
      case 'problem': {
        const {code, message: words, retrying} = message;
        return this.report({code, message: words, retrying});
      }
    }
  }

  /** run() itself says NoState; nothing is said twice. */
  setState(state: IPNState): void {
    if (state === this.#state || state === 'NoState' || this.#isQuiet) return;
    this.#state = state;
    callPage(() => this.#callbacks?.notifyState(state));
  }

  report(problem: IPNProblem): void {
    if (this.#isQuiet) return;
    if (this.#callbacks) callPage(() => this.#callbacks?.notifyError?.(problem));
    else this.#untold.push(problem);
  }

  panic(message: string): void {
    callPage(() => this.#callbacks?.notifyPanicRecover(message));
  }
}
