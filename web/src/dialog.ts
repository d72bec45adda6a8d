/*
 * What a machine asks of a person while it lets them in: one card with the question or how it goes,
 * and one beside it with a page to visit, which must not cover the question.
 */
import type {IPNSSHAccess} from 'meshterm';
import {Card, type CardContent} from './card.js';
import type {Machine} from './machines.js';
import * as cards from './session_cards.js';
import {plainText} from './words.js';

/** An attempt to get in, or a test of one. */
export interface Turn {
  /** Whether it is still what the session does. */
  isCurrent(): boolean;
  /** The person stopped it; why: a sentence. */
  cancel(why: string): void;
}

const CANCELLED = 'You cancelled it.';

export class Dialog {
  readonly #main = new Card();
  readonly #visit = new Card();
  readonly #machine: Machine;
  readonly #mayTakeFocus: () => boolean;
  #isAsking = false;

  constructor(machine: Machine, mayTakeFocus: () => boolean) {
    this.#machine = machine;
    this.#mayTakeFocus = mayTakeFocus;
  }

  get elements(): HTMLElement[] {
    return [this.#visit.element, this.#main.element];
  }

  focus(): void {
    this.#main.focus();
  }

  show(content: CardContent): void {
    this.#isAsking = false;
    this.#main.show(content, {focus: this.#mayTakeFocus()});
  }

  showProgress(message: string, {cancel}: Turn): void {
    this.#isAsking = false;
    this.#main.show(cards.progressCard(message, () => cancel(CANCELLED)));
  }

  /** Nothing is to be said, or something else. */
  hide(): void {
    this.#isAsking = false;
    this.#main.hide();
    this.#visit.hide();
  }

  /** Answers of a person, for one turn; `who` is whom they log in as. */
  people(turn: Turn, who: string): IPNSSHAccess {
    return {
      verifyHostKey: (key) =>
        this.#ask(turn, false, (answer, cancel) =>
          cards.hostKeyCard(
            this.#machine,
            key,
            () => answer(true),
            () => cancel('You did not trust its host key, so nobody was logged in.'),
          ),
        ),
      onPrompt: (prompt) =>
        prompt.prompts.length === 0
          ? []
          : this.#ask<string[] | null>(turn, null, (answer, cancel) =>
              cards.promptCard(who, prompt, answer, () => cancel('You cancelled the log-in.')),
            ),
      onBanner: (text) => {
        if (turn.isCurrent()) this.#handleBanner(turn, plainText(text));
      },
      onConnectionProgress: (message) => {
        if (turn.isCurrent()) this.showProgress(message, turn);
      },
    };
  }

  /** Shows a card and resolves with what the person answers. */
  #ask<T>(
    turn: Turn,
    otherwise: T,
    card: (answer: (value: T) => void, cancel: (why: string) => void) => CardContent,
  ): Promise<T> {
    if (!turn.isCurrent()) return Promise.resolve(otherwise);
    return new Promise((resolve) => {
      const answer = (value: T): void => {
        if (turn.isCurrent()) this.showProgress('Logging in…', turn);
        resolve(value);
      };
      const cancel = (why: string): void => {
        if (turn.isCurrent()) turn.cancel(why);
        resolve(otherwise);
      };
      this.show(card(answer, cancel));
      this.#isAsking = true;
    });
  }

  /** What the machine says before it lets anyone in; a check waits for a page to be visited. */
  #handleBanner(turn: Turn, text: string): void {
    const card = cards.visitCard(this.#machine, text);
    if (!card) return;
    this.#visit.show(card, {focus: !this.#isAsking && this.#mayTakeFocus()});
    if (!this.#isAsking) this.showProgress('Waiting to be let in…', turn);
  }
}
