/* At the foot of the page: what is being connected again and when, or that the node's key expires; with
 * a button to do something about it now. */
import {byId, setText} from './dom.js';
import type {Tailnet} from './tailnet.js';

const DRAW_EVERY_MS = 500; // while there is something to count down

export class LinkBar {
  readonly #tailnet: Tailnet;
  readonly #text = byId('link-text');
  readonly #now = byId('link-now');
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(tailnet: Tailnet) {
    this.#tailnet = tailnet;
    this.#now.addEventListener('click', () => {
      if (tailnet.lost) tailnet.reconnect();
      else void tailnet.renew();
    });
  }

  draw(): void {
    clearTimeout(this.#timer);
    const {lost, expiring} = this.#tailnet;
    const seconds = Math.ceil(((lost?.link.retryAt ?? 0) - Date.now()) / 1000);
    const when = seconds > 0 ? ` in ${seconds} s` : '…';
    setText(this.#text, lost ? `Reconnecting to ${lost.what}${when}` : expiring);
    this.#text.title = lost?.link.error ?? (expiring && 'With a new one open shells go on.');
    setText(this.#now, lost || !expiring ? 'now' : 'renew');
    this.#now.hidden = lost ? seconds <= 0 : !expiring;
    if (lost) this.#timer = setTimeout(() => this.draw(), DRAW_EVERY_MS);
  }
}
