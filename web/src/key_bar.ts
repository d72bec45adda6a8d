/* The keys that a phone's keyboard lacks. Ctrl and Alt stay down for the next key. */
import {byId, h} from './dom.js';

/** Name, what a screen reader says, and what is typed (cursor keys by their final byte). */
const KEYS: Array<[string, string, string]> = [
  ['Esc', 'Escape', '\x1b'],
  ['Tab', 'Tab', '\t'],
  ['Ctrl', 'Control', 'ctrl'],
  ['Alt', 'Alt', 'alt'],
  ['←', 'Left', 'cursor D'],
  ['↑', 'Up', 'cursor A'],
  ['↓', 'Down', 'cursor B'],
  ['→', 'Right', 'cursor C'],
  ['⋯', 'More keys', 'more'],
];
const MORE: Array<[string, string, string]> = [
  ['Home', 'Home', 'cursor H'],
  ['End', 'End', 'cursor F'],
  ['PgUp', 'Page up', '\x1b[5~'],
  ['PgDn', 'Page down', '\x1b[6~'],
  ['^C', 'Control C', '\x03'],
  ['|', 'Pipe', '|'],
  ['~', 'Tilde', '~'],
  ['/', 'Slash', '/'],
  ['-', 'Minus', '-'],
];

export interface KeyBarOptions {
  type(data: string): void;
  /** Whether programs asked for application cursor keys. */
  isApplicationMode(): boolean;
}

/** A letter with Ctrl, as terminals have it since the ASR-33. */
function control(text: string): string {
  const code = text.toUpperCase().charCodeAt(0);
  if (text === ' ') return '\0';
  return code >= 0x40 && code <= 0x5f ? String.fromCharCode(code & 0x1f) : text;
}

export class KeyBar {
  readonly #options: KeyBarOptions;
  readonly #bar = byId('keys');
  readonly #more = byId('more-keys');
  readonly #held = {ctrl: false, alt: false};
  readonly #sticky = new Map<'ctrl' | 'alt', HTMLElement>();

  constructor(options: KeyBarOptions) {
    this.#options = options;
    this.#bar.append(...KEYS.map((key) => this.#button(key)));
    this.#more.append(...MORE.map((key) => this.#button(key)));
    // The terminal keeps the focus, and with it the phone's keyboard stays.
    for (const bar of [this.#bar, this.#more])
      bar.addEventListener('pointerdown', (event) => event.preventDefault());
  }

  /** What is typed, with the keys that are held; they are let go. */
  transform(data: string): string {
    const {ctrl, alt} = this.#held;
    if (!ctrl && !alt) return data;
    this.#hold('ctrl', false);
    this.#hold('alt', false);
    const modifier = 1 + (alt ? 2 : 0) + (ctrl ? 4 : 0);
    // eslint-disable-next-line no-control-regex
    const cursor = /^\x1b[[O]([A-DFH])$/.exec(data);
    if (cursor) return `\x1b[1;${modifier}${cursor[1]}`;
    const text = ctrl && data.length === 1 ? control(data) : data;
    return alt ? `\x1b${text}` : text;
  }

  #button([label, name, data]: [string, string, string]): HTMLElement {
    const onclick = (): void => this.#press(data);
    const button = h('button', {type: 'button', 'aria-label': name, onclick}, label);
    if (data === 'ctrl' || data === 'alt') {
      this.#sticky.set(data, button);
      button.setAttribute('aria-pressed', 'false');
    }
    return button;
  }

  #press(data: string): void {
    if (data === 'ctrl' || data === 'alt') return this.#hold(data, !this.#held[data]);
    if (data === 'more') {
      this.#more.hidden = !this.#more.hidden;
      return;
    }
    const cursor = /^cursor (.)$/.exec(data)?.[1];
    const lead = this.#options.isApplicationMode() ? '\x1bO' : '\x1b[';
    this.#options.type(cursor ? lead + cursor : data);
  }

  #hold(key: 'ctrl' | 'alt', on: boolean): void {
    this.#held[key] = on;
    this.#sticky.get(key)?.setAttribute('aria-pressed', String(on));
  }
}
