/* The line at the foot: who, how, where through, how much. Drawn at most four times a second. */
import {byId, setText} from './dom.js';
import type {Session} from './session.js';
import {bytesInWords} from './words.js';

const DRAW_EVERY_MS = 250;

export class StatusBar {
  readonly #who = byId('status-who');
  readonly #how = byId('status-how');
  readonly #path = byId('status-path');
  readonly #bytes = byId('status-bytes');
  readonly #size = byId('status-size');
  readonly #charset = byId('status-charset');
  #session: Session | undefined;

  #timer: ReturnType<typeof setTimeout> | undefined;

  /** Bytes went through: drawn soon, and nothing wakes up while none do. */
  touch(session: Session): void {
    if (session !== this.#session || this.#timer !== undefined) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.draw();
    }, DRAW_EVERY_MS);
  }

  show(session: Session | undefined): void {
    this.#session = session;
    this.draw();
  }

  draw(): void {
    const session = this.#session;
    const isOpen = session?.state === 'open';
    const term = session?.view?.term;
    setText(this.#who, session?.title ?? '');
    setText(this.#how, session?.trust ?? '');
    setText(this.#path, isOpen && session.path ? `DERP ${session.path}` : '');
    const bytes = session
      ? `↓ ${bytesInWords(session.received)} ↑ ${bytesInWords(session.sent)}`
      : '';
    setText(this.#bytes, isOpen ? bytes : '');
    setText(this.#size, isOpen && term ? `${term.cols} × ${term.rows}` : '');
    setText(this.#charset, isOpen ? 'UTF-8' : '');
  }
}
