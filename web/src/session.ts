/*
 * One shell in one tab: a panel with a terminal and a card over it.
 *
 *   asking > connecting > open > ended > (connecting)
 *                 └───────────────> ended
 */
import type {IPNSSHSession} from 'meshterm';
import {Card, type CardAction} from './card.js';
import {h, openTab, safeURL} from './dom.js';
import type {Machine} from './machines.js';
import type {Tailnet} from './tailnet.js';
import type {TerminalAsks, TerminalView} from './terminal_view.js';
import {firstURL, plainText} from './words.js';

export type SessionState = 'asking' | 'connecting' | 'open' | 'ended';

const TIMEOUT_S = 10;
let sessions = 0;

export interface SessionOptions {
  tailnet: Tailnet;
  /** Makes the terminal when it is first needed. */
  makeView(container: HTMLElement, asks: TerminalAsks): Promise<TerminalView>;
  /** What is typed, as the key bar changes it. */
  transform(data: string): string;
  onChange(session: Session): void;
  /** Bytes came or went. */
  onTraffic(session: Session): void;
  onClosed(session: Session): void;
}

/** The account last used on a machine, as long as the browser tab lives. */
const users = {
  get(machine: Machine): string {
    try {
      return sessionStorage.getItem(`user:${machine.id}`) ?? '';
    } catch {
      return '';
    }
  },
  set(machine: Machine, user: string): void {
    try {
      sessionStorage.setItem(`user:${machine.id}`, user);
    } catch {
      return; // asked again next time
    }
  },
};

export class Session {
  readonly id = `session-${++sessions}`;
  readonly panel: HTMLElement;
  state: SessionState = 'asking';
  user: string;
  received = 0;
  sent = 0;
  /** "fra · 12 ms", once measured. */
  path = '';
  view: TerminalView | undefined;
  readonly #options: SessionOptions;
  readonly #card = new Card();
  /** What a program asks for, while the shell goes on. */
  readonly #offer = new Card();
  #ssh: IPNSSHSession | undefined;
  #attempt = 0;
  #error = '';
  #exit: {code: number; signal: string} | undefined;
  #isClosed = false;

  constructor(
    readonly machine: Machine,
    user: string,
    options: SessionOptions,
  ) {
    this.#options = options;
    this.user = user || users.get(machine) || options.tailnet.user;
    const cards = h('div', {class: 'cards'}, this.#offer.element, this.#card.element);
    this.panel = h(
      'section',
      {class: 'panel', id: this.id, role: 'tabpanel', 'aria-labelledby': `${this.id}-tab`},
      cards,
    );
  }

  get title(): string {
    return this.user ? `${this.user}@${this.machine.name}` : this.machine.name;
  }

  /** Known from the netmap before the first byte, so the key was checked. */
  get isKeyPinned(): boolean {
    return this.state === 'open' && this.machine.tailscaleSSH;
  }

  start(): void {
    if (this.user) void this.connect();
    else this.#askUser();
  }

  focus(): void {
    this.view?.fit();
    if (this.state === 'open') this.view?.term.focus();
    else this.#card.focus();
  }

  /** Text that a key of the page stands for. */
  type(data: string): void {
    this.#send(this.#options.transform(data));
    this.view?.term.focus();
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#attempt++;
    this.#ssh?.close();
    this.#setState('ended');
    this.view?.dispose();
    this.panel.remove();
    this.#options.onClosed(this);
  }

  async connect(): Promise<void> {
    const attempt = ++this.#attempt;
    this.#ssh?.close();
    this.#error = '';
    this.#exit = undefined;
    this.#offer.hide();
    this.#setState('connecting');
    this.#showProgress(`Reaching ${this.machine.name}…`);
    try {
      this.view ??= await this.#makeView();
    } catch {
      if (attempt !== this.#attempt) return;
      this.#error = 'The terminal could not be loaded: is the hub still running?';
      return this.#handleDone();
    }
    if (attempt !== this.#attempt) return;
    const ipn = this.#options.tailnet.ipn;
    if (ipn) return this.#open(ipn, this.view, attempt);
    this.#error = 'This page has not joined the tailnet.';
    this.#handleDone();
  }

  async #makeView(): Promise<TerminalView> {
    const view = await this.#options.makeView(this.panel, {
      copy: (text) => this.#offerCopy(text),
      follow: (address) => this.#offerLink(address),
    });
    if (this.#isClosed) {
      view.dispose();
      throw new Error('closed');
    }
    view.onInput((data) => {
      this.#send(typeof data === 'string' ? this.#options.transform(data) : data);
    });
    view.term.onResize(({rows, cols}) => {
      this.#ssh?.resize(rows, cols);
      this.#options.onChange(this);
    });
    return view;
  }

  #open(ipn: NonNullable<Tailnet['ipn']>, view: TerminalView, attempt: number): void {
    const isCurrent = (): boolean => attempt === this.#attempt;
    this.#ssh = ipn.ssh(this.machine.id, this.user, {
      rows: view.term.rows,
      cols: view.term.cols,
      timeoutSeconds: TIMEOUT_S,
      onData: (bytes) => {
        if (!isCurrent()) return undefined;
        this.received += bytes.length;
        this.#options.onTraffic(this);
        return view.write(bytes);
      },
      writeErrorFn: (error) => {
        if (isCurrent()) this.#error = error.trim();
      },
      onConnectionProgress: (message) => {
        if (isCurrent() && this.state === 'connecting') this.#showProgress(message);
      },
      onBanner: (text) => {
        if (isCurrent()) this.#handleBanner(plainText(text), view);
      },
      onConnected: () => {
        if (!isCurrent()) return;
        users.set(this.machine, this.user);
        this.#card.hide();
        this.#setState('open');
        if (this.panel.classList.contains('current')) view.term.focus();
      },
      onExit: (exit) => {
        if (isCurrent()) this.#exit = exit;
      },
      onDone: () => {
        if (isCurrent()) this.#handleDone();
      },
    });
  }

  #send(data: string | Uint8Array): void {
    if (this.state !== 'open' || !this.#ssh?.write(data)) return;
    this.sent += typeof data === 'string' ? new TextEncoder().encode(data).length : data.length;
    this.#options.onTraffic(this);
  }

  #setState(state: SessionState): void {
    this.state = state;
    this.#options.onChange(this);
  }

  #showProgress(message: string): void {
    const close = {label: 'Cancel', quiet: true, run: () => this.close()};
    this.#card.show({tone: 'busy', title: plainText(message), actions: [close]});
  }

  /** What the machine says before it lets anyone in; a check waits for a page to be visited. */
  #handleBanner(text: string, view: TerminalView): void {
    view.writeNote(text.trimEnd());
    const url = safeURL(firstURL(text) ?? '');
    if (!url) return;
    const visit: CardAction = {label: `Open ${new URL(url).host}`, href: url};
    const close = {label: 'Cancel', quiet: true, run: () => this.close()};
    const title = `${this.machine.name} asks you to visit a page first.`;
    this.#card.show({tone: 'warn', title, detail: url, actions: [visit, close]}, {focus: true});
  }

  /** A shell that a person ended takes its tab along; anything else is said. */
  #handleDone(): void {
    const wasOpen = this.state === 'open';
    const exit = this.#exit;
    if (wasOpen && !this.#error && exit?.code === 0 && !exit.signal) return this.close();
    this.view?.resetModes();
    this.#setState('ended');
    const again = {label: wasOpen ? 'New shell' : 'Try again', run: () => void this.connect()};
    const close = {label: 'Close', quiet: true, run: () => this.close()};
    const other = {label: 'Other account…', quiet: true, run: () => this.#askUser()};
    const actions = wasOpen ? [again, close] : [again, other, close];
    const tone = wasOpen && !this.#error ? 'warn' : 'bad';
    const focus = this.panel.classList.contains('current');
    this.#card.show({tone, ...this.#why(wasOpen), actions}, {focus});
  }

  #why(wasOpen: boolean): {title: string; detail?: string; command?: string} {
    const {name, online, tailscaleSSH} = this.machine;
    if (this.#error) {
      const title = wasOpen ? `The shell on ${name} was lost.` : `No shell on ${name}.`;
      const detail = plainText(this.#error);
      if (wasOpen || !online || tailscaleSSH) return {title, detail};
      const advice = `${detail}\nTailscale SSH is off there; this turns it on:`;
      return {title, detail: advice, command: 'sudo tailscale set --ssh'};
    }
    const exit = this.#exit;
    if (exit && exit.code < 0) return {title: `The shell on ${name} was killed.`};
    if (exit?.signal) return {title: `The shell on ${name} was ended by ${exit.signal}.`};
    if (exit) return {title: `The shell on ${name} ended with exit code ${exit.code}.`};
    return {title: `The shell on ${name} ended.`};
  }

  #askUser(): void {
    this.#setState('asking');
    const submit = (user: string): void => {
      this.user = user;
      void this.connect();
    };
    const close = {label: 'Cancel', quiet: true, run: () => this.close()};
    const ask = {label: 'Account', value: this.user, submitLabel: 'Open', submit};
    const title = `Which account on ${this.machine.name}?`;
    this.#card.show({tone: 'ok', title, ask, actions: [close]}, {focus: true});
  }

  #offerCopy(text: string): void {
    const copy = (): void => {
      void navigator.clipboard?.writeText(text);
      this.#endOffer();
    };
    const actions = [{label: 'Copy', run: copy}, this.#dismiss()];
    const title = `A program offers ${text.length} characters to copy.`;
    this.#offer.show({tone: 'ok', title, detail: text.slice(0, 200), actions});
  }

  #offerLink(address: string): void {
    const url = safeURL(address);
    if (!url) return;
    const open = (): void => {
      openTab(url);
      this.#endOffer();
    };
    const actions = [{label: 'Open', run: open}, this.#dismiss()];
    this.#offer.show({tone: 'ok', title: 'Open this address?', detail: url, actions});
  }

  #dismiss(): CardAction {
    return {label: 'No', quiet: true, run: () => this.#endOffer()};
  }

  #endOffer(): void {
    this.#offer.hide();
    this.focus();
  }
}
