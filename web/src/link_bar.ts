/* What is being connected again and when, at the foot of the page, with a button to do it now. */
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
    this.#now.addEventListener('click', () => tailnet.reconnect());
  }

  draw(): void {
    clearTimeout(this.#timer);
    const lost = this.#tailnet.lost;
    const seconds = Math.ceil(((lost?.link.retryAt ?? 0) - Date.now()) / 1000);
    const when = seconds > 0 ? ` in ${seconds} s` : '…';
    setText(this.#text, lost ? `Reconnecting to ${lost.what}${when}` : '');
    this.#text.title = lost?.link.error ?? '';
    this.#now.hidden = seconds <= 0;
    if (lost) this.#timer = setTimeout(() => this.draw(), DRAW_EVERY_MS);
  }
}
