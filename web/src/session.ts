/*
 * One shell in one tab: a panel with a terminal and a card over it.
 *
 *   asking > connecting > open > ended > (connecting)
 *                 └───────────────> ended
 */
import type {IPN, IPNAttachOptions, IPNSSHError, IPNSSHOptions, IPNSSHSession} from 'meshterm';
import type {CardContent} from './card.js';
import {accounts} from './accounts.js';
import {Dialog, type Turn} from './dialog.js';
import {h, isTypingOutside} from './dom.js';
import type {Login} from './login.js';
import type {Machine, Query} from './machines.js';
import {Offers} from './offers.js';
import {Recovery, type Ended} from './recovery.js';
import type {Exit} from './session_cards.js';
import type {SessionOptions} from './session_options.js';
import type {Tailnet} from './tailnet.js';
import type {TerminalView} from './terminal_view.js';
import {plainText, trustInWords} from './words.js';

export type SessionState = 'asking' | 'connecting' | 'open' | 'ended';

const TIMEOUT_S = 10;
const RETRIES = 2; // of what fails before the log-in, two seconds apart
let sessions = 0;

export class Session implements Ended {
  readonly id = `session-${++sessions}`;
  readonly panel: HTMLElement;
  state: SessionState = 'asking';
  user: string;
  /** Among the tabs of its name; Tabs sets it. */
  number = 1;
  received = 0;
  sent = 0;
  /** "fra · 12 ms", once measured. */
  path = '';
  view: TerminalView | undefined;
  readonly #options: SessionOptions;
  readonly #at: number; // the port
  readonly #place: string;
  readonly #dialog: Dialog;
  readonly #offers = new Offers(() => this.focus());
  readonly #recovery = new Recovery(this);
  #ssh: IPNSSHSession | undefined;
  #attempt = 0;
  #error = '';
  #failure: IPNSSHError | undefined;
  #exit: Exit | undefined;
  #isClosed = false;
  /** What a page that was left before had open, for the next connect(). */
  #left: number | undefined;

  constructor(
    readonly machine: Machine,
    query: Query,
    options: SessionOptions,
  ) {
    this.#options = options;
    this.#at = query.port;
    this.#place = `${machine.id}:${query.port}`;
    this.user = query.user || accounts.get(this.#place) || options.tailnet.user;
    this.#dialog = new Dialog(machine, () => this.#isShown && !isTypingOutside(this.panel));
    const cards = h('div', {class: 'cards'}, this.#offers.element, ...this.#dialog.elements);
    this.panel = h(
      'section',
      {class: 'panel', id: this.id, role: 'tabpanel', 'aria-labelledby': `${this.id}-tab`},
      cards,
    );
  }

  get title(): string {
    const place = this.#at === 22 ? this.machine.name : `${this.machine.name}:${this.#at}`;
    return this.user ? `${this.user}@${place}` : place;
  }

  /** The title, told from those of other tabs. */
  get label(): string {
    return this.number > 1 ? `${this.title} (${this.number})` : this.title;
  }

  get tailnet(): Tailnet {
    return this.#options.tailnet;
  }

  get login(): Login {
    return this.#options.login;
  }

  /** Whose word it is that this is the machine. */
  get trust(): string {
    const info = this.state === 'open' ? this.#ssh?.info : undefined;
    return info ? trustInWords(info.hostKeyTrust) : '';
  }

  /** As another account. */
  reopen(user: string): void {
    this.user = user;
    void this.connect();
  }

  /** A function that is true until this is asked again, or the session connects or closes. */
  turn(): () => boolean {
    const attempt = ++this.#attempt;
    return () => attempt === this.#attempt;
  }

  start(): void {
    if (this.user) void this.connect();
    else this.#recovery.askUser();
    this.focus();
  }

  /** Goes on with a shell that was open before the page was loaded again. */
  resume(id: number): void {
    this.#left = id;
    void this.connect();
  }

  focus(): void {
    this.view?.fit();
    if (this.state === 'open') this.view?.term.focus();
    else this.#dialog.focus();
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
    this.#recovery.stop();
    this.#ssh?.close();
    this.#setState('ended');
    this.view?.dispose();
    this.panel.remove();
    this.#options.onClosed(this);
  }

  async connect(extra: Partial<IPNSSHOptions> = {}): Promise<void> {
    if (this.#isClosed) return;
    const isCurrent = this.turn();
    const turn = {isCurrent, cancel: (why: string) => this.#cancel(why)};
    this.#recovery.stop();
    this.#ssh?.close();
    this.#error = '';
    this.#failure = this.#exit = undefined;
    this.#offers.hide();
    this.#dialog.hide();
    this.#setState('connecting');
    this.#dialog.showProgress(`Reaching ${this.machine.name}…`, turn);
    try {
      this.view ??= await this.#makeView();
    } catch {
      if (!isCurrent()) return;
      this.#error = 'The terminal could not be loaded: is the hub still running?';
      return this.#handleDone();
    }
    if (!isCurrent()) return;
    const {ipn} = this.tailnet;
    if (ipn) return this.#open(ipn, this.view, turn, extra);
    this.#error = 'This page has not joined the tailnet.';
    this.#handleDone();
  }

  async #makeView(): Promise<TerminalView> {
    const view = await this.#options.makeView(this.panel, this.#offers);
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

  #open(ipn: IPN, view: TerminalView, turn: Turn, extra: Partial<IPNSSHOptions>): void {
    const {isCurrent} = turn;
    const left = this.#left;
    this.#left = undefined;
    const shell: IPNAttachOptions = {
      rows: view.term.rows,
      cols: view.term.cols,
      onData: (bytes) => {
        if (!isCurrent()) return undefined;
        this.received += bytes.length;
        this.#options.onTraffic(this);
        return view.write(bytes);
      },
      onError: (failure) => {
        if (!isCurrent()) return;
        this.#failure = failure;
        this.#error = failure.message;
      },
      onConnected: () => {
        if (!isCurrent()) return;
        accounts.set(this.#place, this.user);
        this.#dialog.hide();
        this.#setState('open');
        if (this.#isShown) view.term.focus();
      },
      onExit: (exit) => {
        if (isCurrent()) this.#exit = exit;
      },
      onDone: () => {
        if (isCurrent()) this.#handleDone();
      },
    };
    if (left !== undefined) {
      this.#ssh = ipn.attach(left, {...shell, onScrollback: (bytes) => view.replay(bytes)});
      return;
    }
    const access = this.access(turn);
    const all = {...access, ...extra, ...shell, retries: RETRIES};
    this.#ssh = ipn.ssh(this.machine.id, this.user, all);
  }

  /** What every way to the machine needs: where, who, and a person to ask. */
  access(turn: Turn): IPNSSHOptions {
    const people = this.#dialog.people(turn, this.title);
    return {
      ...people,
      port: this.#at,
      timeoutSeconds: TIMEOUT_S,
      privateKey: this.login.privateKeys,
      onBanner: (text) => {
        if (turn.isCurrent()) this.view?.writeNote(plainText(text).trimEnd());
        people.onBanner?.(text);
      },
      onConnectionProgress: (message) => {
        if (this.state !== 'open') people.onConnectionProgress?.(message);
      },
    };
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

  show(content: CardContent): void {
    this.#dialog.hide();
    this.#dialog.show(content);
  }

  showProgress(message: string, turn: Turn): void {
    this.#dialog.showProgress(message, turn);
  }

  get #isShown(): boolean {
    return this.panel.classList.contains('current');
  }

  /** Where a person can choose what is next. */
  #cancel(cancelled: string): void {
    this.turn();
    this.#ssh?.close();
    this.#end(cancelled);
  }

  /** A shell that a person ended takes its tab along; anything else is said. */
  #handleDone(): void {
    const wasOpen = this.state === 'open';
    const exit = this.#exit;
    if (wasOpen && !this.#error && exit?.code === 0 && !exit.signal) return this.close();
    this.#end('', wasOpen);
  }

  #end(cancelled: string, wasOpen = false): void {
    this.view?.resetModes();
    this.#setState('ended');
    const [error, failure, exit, port] = [this.#error, this.#failure, this.#exit, this.#at];
    this.#recovery.show({wasOpen, cancelled, error, failure, exit, port});
  }
}
