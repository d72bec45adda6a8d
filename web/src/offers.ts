/* What a program on the far side asks for, while the shell goes on: nothing is done unasked. */
import {Card} from './card.js';
import {openTab, safeURL} from './dom.js';
import {copyCard, followCard} from './session_cards.js';
import type {TerminalAsks} from './terminal_view.js';

export class Offers implements TerminalAsks {
  readonly #card = new Card();
  readonly #onAnswer: () => void;

  constructor(onAnswer: () => void) {
    this.#onAnswer = onAnswer;
  }

  get element(): HTMLElement {
    return this.#card.element;
  }

  hide(): void {
    this.#card.hide();
  }

  copy(text: string): void {
    const copy = this.#answer(() => void navigator.clipboard?.writeText(text));
    this.#card.show(copyCard(text, copy, this.#answer()));
  }

  follow(address: string): void {
    const url = safeURL(address);
    if (!url) return;
    const open = this.#answer(() => openTab(url));
    this.#card.show(followCard(url, open, this.#answer()));
  }

  #answer(act?: () => void): () => void {
    return () => {
      act?.();
      this.#card.hide();
      this.#onAnswer();
    };
  }
}
