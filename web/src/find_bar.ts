/* Finds text in what the terminal still holds. Enter: upwards; Shift+Enter: downwards. */
import {byId, setText} from './dom.js';
import type {Session} from './session.js';

export class FindBar {
  readonly #bar = byId('find-bar');
  readonly #input = byId<HTMLInputElement>('find-text');
  readonly #result = byId('find-result');
  #session: Session | undefined;

  constructor() {
    this.#input.addEventListener('input', () => void this.#find(true));
    this.#input.addEventListener('keydown', (event) => {
      if (event.key === 'Enter') void this.#find(!event.shiftKey);
      else if (event.key === 'Escape') this.close();
      else return;
      event.preventDefault();
    });
    byId('find-up').addEventListener('click', () => void this.#find(true));
    byId('find-down').addEventListener('click', () => void this.#find(false));
    byId('find-close').addEventListener('click', () => this.close());
  }

  open(session: Session | undefined): void {
    if (!session?.view) return;
    this.#session = session;
    this.#bar.hidden = false;
    this.#input.focus();
    this.#input.select();
  }

  close(): void {
    if (this.#bar.hidden) return;
    this.#bar.hidden = true;
    this.#session?.view?.endFind();
    this.#session?.focus();
    this.#session = undefined;
  }

  async #find(backwards: boolean): Promise<void> {
    const text = this.#input.value;
    const {view} = this.#session ?? {};
    if (!view || !text) return setText(this.#result, '');
    const found = await view.find(text, backwards);
    setText(this.#result, found ? '' : 'not found');
  }
}
