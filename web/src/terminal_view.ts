/*
 * A terminal in its box: xterm.js and its addons. A chunk of its own, loaded while the page joins;
 * WebGL and the search follow when they are needed.
 */
import {FitAddon} from '@xterm/addon-fit';
import type {SearchAddon} from '@xterm/addon-search';
import {UnicodeGraphemesAddon} from '@xterm/addon-unicode-graphemes';
import {WebLinksAddon} from '@xterm/addon-web-links';
import {Terminal, type ITheme} from '@xterm/xterm';
import {h, openTab, type Disposable} from './dom.js';

const MAX_UNPARSED_BYTES = 256 * 1024; // some 10 ms of parsing, so that Ctrl-C answers at once
/** With Ctrl and Shift the page's, see hub.ts. */
const PAGE_KEYS = ['KeyF', 'KeyK', 'ArrowLeft', 'ArrowRight'];
const MAX_CLIPBOARD_CHARS = 100_000; // what a far program may offer to copy
const SCROLLBACK_LINES = 10_000;
const FONT = '"JetBrains Mono", "DejaVu Sans Mono", ui-monospace, Menlo, Consolas, monospace';

const THEMES: Record<'dark' | 'light', ITheme> = {
  dark: {background: '#0b0e12'},
  light: {background: '#0f1216'},
};
const COLORS: ITheme = {
  foreground: '#d5dbe4',
  cursor: '#d5dbe4',
  selectionBackground: '#2f4a70',
  black: '#1c222a',
  red: '#ef6a6a',
  green: '#6fd19a',
  yellow: '#e3bd6a',
  blue: '#7fb2ff',
  magenta: '#c79bf2',
  cyan: '#6fcfd6',
  white: '#d5dbe4',
  brightBlack: '#6d7887',
  brightRed: '#ff8f8f',
  brightGreen: '#8fe6b4',
  brightYellow: '#f5d58b',
  brightBlue: '#a5caff',
  brightMagenta: '#ddbcff',
  brightCyan: '#93e4ea',
  brightWhite: '#f4f7fb',
};

/** What a far program asks of the person. */
export interface TerminalAsks {
  /** OSC 52. Never read, written only after a click. */
  copy(text: string): void;
  /** OSC 8: its text may name another address than it leads to. */
  follow(address: string): void;
}

const SOFTWARE_GL = /swiftshader|llvmpipe|softpipe|software|basic render/i;

/** Whether WebGL would be drawn by a GPU: without one the DOM renderer is the faster. */
function hasGPU(): boolean {
  const canvas = document.createElement('canvas');
  const gl = canvas.getContext('webgl2');
  if (!gl) return false;
  const info = gl.getExtension('WEBGL_debug_renderer_info');
  const renderer = info ? String(gl.getParameter(info.UNMASKED_RENDERER_WEBGL)) : '';
  gl.getExtension('WEBGL_lose_context')?.loseContext();
  return !SOFTWARE_GL.test(renderer);
}

export class TerminalView {
  /** box.terminal is the xterm.js Terminal: for tests and for scripts in the console. */
  readonly box = h('div', {class: 'terminal-box'}) as HTMLDivElement & {terminal?: Terminal};
  readonly term: Terminal;
  readonly #fit = new FitAddon();
  readonly #resizes: ResizeObserver;
  #search: Promise<SearchAddon> | undefined;
  #unparsed = 0;
  #isReplaying = false;
  #wake: (() => void) | undefined;

  constructor(container: HTMLElement, asks: TerminalAsks) {
    this.term = new Terminal({
      allowProposedApi: true,
      cursorBlink: !matchMedia('(prefers-reduced-motion: reduce)').matches,
      fontFamily: FONT,
      fontSize: 13,
      lineHeight: 1.25,
      scrollback: SCROLLBACK_LINES,
      macOptionIsMeta: true,
      linkHandler: {activate: (_, address) => asks.follow(address)},
    });
    this.box.terminal = this.term;
    container.prepend(this.box);
    this.term.loadAddon(this.#fit);
    this.term.loadAddon(new UnicodeGraphemesAddon());
    this.term.loadAddon(new WebLinksAddon((_, address) => openTab(address)));
    this.term.open(this.box);
    this.term.textarea?.setAttribute('aria-label', 'Terminal. Ctrl+Shift+K leaves it.');
    this.#offerClipboard(asks);
    this.#copyKeys();
    this.fit();
    this.#resizes = new ResizeObserver(() => this.fit());
    this.#resizes.observe(this.box);
    void this.#drawWithGPU();
  }

  setTheme(name: 'dark' | 'light'): void {
    this.term.options.theme = {...COLORS, ...THEMES[name]};
  }

  /** A hidden box has no size: what it had stays. */
  fit(): void {
    if (this.box.clientWidth > 0 && this.box.clientHeight > 0) this.#fit.fit();
  }

  /** A Promise while more waits to be parsed than a moment's worth. */
  write(bytes: Uint8Array): void | Promise<void> {
    this.#unparsed += bytes.length;
    this.term.write(bytes, () => {
      this.#unparsed -= bytes.length;
      if (this.#unparsed > MAX_UNPARSED_BYTES) return;
      this.#wake?.();
      this.#wake = undefined;
    });
    if (this.#unparsed <= MAX_UNPARSED_BYTES) return undefined;
    return new Promise((resolve) => (this.#wake = resolve));
  }

  /** What was shown before: what a program asked then is not answered again. */
  replay(bytes: Uint8Array): Promise<void> {
    this.#isReplaying = true;
    return new Promise((resolve) => {
      this.term.write(bytes, () => {
        this.#isReplaying = false;
        resolve();
      });
    });
  }

  /** A line of the page's own, on a line of its own, as text. */
  writeNote(text: string): void {
    const line = text.replace(/\n/g, '\r\n');
    this.term.write(`${this.term.buffer.active.cursorX ? '\r\n' : ''}\x1b[2m${line}\x1b[0m\r\n`);
  }

  /** Out of the modes that a program left behind, on a line of its own; what it wrote stays. */
  resetModes(): void {
    // Only where there is an alternate screen to leave: it moves the cursor to where that began.
    const leave = this.term.buffer.active.type === 'alternate' ? '\x1b[?1049l' : '';
    this.term.write(`${leave}\x1b[!p\x1b[?1000;1002;1003;1006;2004;1l\x1b[?25h\x1b[0m`);
    if (this.term.buffer.active.cursorX > 0) this.term.write('\r\n');
  }

  /** What is typed, as bytes; old mouse reports are bytes that are no UTF-8. */
  onInput(listener: (data: string | Uint8Array) => void): Disposable {
    const listen = (data: string | Uint8Array): void => {
      if (!this.#isReplaying) listener(data);
    };
    const text = this.term.onData(listen);
    const binary = this.term.onBinary((data) =>
      listen(Uint8Array.from(data, (c) => c.charCodeAt(0))),
    );
    return {dispose: () => (text.dispose(), binary.dispose())};
  }

  async find(text: string, backwards: boolean): Promise<boolean> {
    this.#search ??= this.#loadSearch();
    const search = await this.#search;
    return backwards ? search.findPrevious(text) : search.findNext(text);
  }

  endFind(): void {
    void this.#search?.then((search) => search.clearDecorations());
    this.term.clearSelection();
  }

  dispose(): void {
    this.#resizes.disconnect();
    this.#wake?.();
    this.term.dispose();
    this.box.remove();
  }

  async #loadSearch(): Promise<SearchAddon> {
    const {SearchAddon} = await import('@xterm/addon-search');
    const search = new SearchAddon();
    this.term.loadAddon(search);
    return search;
  }

  async #drawWithGPU(): Promise<void> {
    if (!hasGPU()) return;
    try {
      const {WebglAddon} = await import('@xterm/addon-webgl');
      const webgl = new WebglAddon();
      webgl.onContextLoss(() => webgl.dispose()); // the DOM renderer goes on
      this.term.loadAddon(webgl);
    } catch {
      return; // the DOM renderer draws it
    }
  }

  #offerClipboard(asks: TerminalAsks): void {
    this.term.parser.registerOscHandler(52, (data) => {
      const encoded = data.slice(data.indexOf(';') + 1);
      if (encoded === '?' || encoded.length > MAX_CLIPBOARD_CHARS * 1.4) return true;
      try {
        const bytes = Uint8Array.from(atob(encoded), (c) => c.charCodeAt(0));
        const text = new TextDecoder().decode(bytes);
        if (text) asks.copy(text);
      } catch {
        return true; // no Base64
      }
      return true;
    });
  }

  /** Ctrl+C is the far program's: Ctrl+Shift+C and Ctrl+Insert copy what is selected. */
  #copyKeys(): void {
    this.term.attachCustomKeyEventHandler((event) => {
      if (!event.ctrlKey || event.altKey || event.metaKey) return true;
      const copies = event.shiftKey ? event.code === 'KeyC' : event.code === 'Insert';
      if (!copies) return !(event.shiftKey && PAGE_KEYS.includes(event.code));
      if (event.type === 'keydown' && this.term.hasSelection()) {
        event.preventDefault();
        void navigator.clipboard?.writeText(this.term.getSelection());
      }
      return false;
    });
  }
}
