/*
 * The hub page: a tailnet, its machines on the left, shells in tabs on the right.
 *
 *   Tailnet ──changes──> Sidebar, Home          Sidebar ──open──> Session ──> Tabs, StatusBar
 */
import {byId, setText} from './dom.js';
import {FindBar} from './find_bar.js';
import {Home, stateInWords, toneOf} from './home.js';
import {lastTab} from './last_tab.js';
import {KeyBar} from './key_bar.js';
import {LinkBar} from './link_bar.js';
import {Login} from './login.js';
import type {Machine, Query} from './machines.js';
import {Session} from './session.js';
import type {SessionOptions} from './session_options.js';
import {Sidebar} from './sidebar.js';
import {StatusBar} from './status_bar.js';
import {Tabs} from './tabs.js';
import {Tailnet} from './tailnet.js';

const PING_EVERY_MS = 15_000;
const REDRAW_LIST_MS = 60_000; // "4 min ago" grows old
const MEASURE_AGAIN_MS = 5000; // a machine that did not answer
const MAX_MEASURED = 16; // machines whose distance the list shows

const loadTerminal = () => import('./terminal_view.js');

function themeName(): 'dark' | 'light' {
  return document.documentElement.dataset['theme'] === 'light' ? 'light' : 'dark';
}

class Hub {
  readonly #login = new Login();
  readonly #tailnet = new Tailnet();
  readonly #home = new Home(this.#tailnet);
  readonly #status = new StatusBar();
  readonly #link = new LinkBar(this.#tailnet);
  readonly #find = new FindBar();
  readonly #tabs = new Tabs((session) => this.#handleSelect(session));
  readonly #sidebar = new Sidebar({
    open: (machine, query) => this.#open(machine, query),
    leave: () => this.#showShell(),
  });
  readonly #measured = new Set<string>();
  /** The node whose sessions were looked through. */
  #restored: unknown;
  readonly #keys = new KeyBar({
    type: (data) => this.#tabs.current?.type(data),
    isApplicationMode: () =>
      this.#tabs.current?.view?.term.modes.applicationCursorKeysMode ?? false,
  });
  readonly #sessionOptions: SessionOptions = {
    tailnet: this.#tailnet,
    login: this.#login,
    transform: (data) => this.#keys.transform(data),
    makeView: async (container, asks) => {
      const {TerminalView} = await loadTerminal();
      const view = new TerminalView(container, asks);
      view.setTheme(themeName());
      return view;
    },
    onChange: (session) => this.#handleSessionChange(session),
    onTraffic: (session) => this.#status.touch(session),
    onClosed: (session) => this.#handleSessionClosed(session),
  };

  start(): void {
    this.#tailnet.onChange(() => {
      this.#draw();
      this.#measureNew();
      void this.#restore();
    });
    void this.#tailnet.join();
    loadTerminal().catch(() => {}); // asked for again, and said, when a shell is opened
    this.#bindKeys();
    this.#bindPage();
    setInterval(() => void this.#ping(this.#tabs.current), PING_EVERY_MS);
    setInterval(() => {
      this.#draw();
      this.#measure(this.#tailnet.machines);
    }, REDRAW_LIST_MS);
  }

  #open(machine: Machine, query: Query): void {
    const existing = this.#tabs.sessions.find(
      (s) => s.machine.id === machine.id && s.state === 'ended',
    );
    if (existing && !query.user) existing.close();
    const session = new Session(machine, query, this.#sessionOptions);
    this.#tabs.add(session);
    session.start();
  }

  /** The shells that this tab had before it was loaded again. */
  async #restore(): Promise<void> {
    const {ipn, machines} = this.#tailnet;
    if (!ipn || machines.length === 0 || this.#restored === ipn) return;
    this.#restored = ipn;
    const current = lastTab.get(); // adding tabs changes it
    const left = await ipn.sessions().catch(() => []); // the node may have ended meanwhile
    for (const {id, host, user, port, sameTab} of left) {
      const machine = this.#tailnet.machine(host);
      if (!machine || !sameTab) continue;
      const session = new Session(machine, {user, port, text: ''}, this.#sessionOptions);
      this.#tabs.add(session);
      session.resume(id);
    }
    const chosen = this.#tabs.sessions[current];
    if (left.length > 0 && chosen) this.#tabs.select(chosen);
  }

  /** How far the first machines of the list are. */
  #measure(machines: Machine[]): void {
    const {ipn, isRelayConnected} = this.#tailnet;
    if (!ipn || !isRelayConnected || document.visibilityState !== 'visible') return;
    for (const {id, online} of machines.slice(0, MAX_MEASURED)) {
      if (!online) continue;
      this.#measured.add(id);
      ipn.ping(id).then(
        ({ms}) => this.#sidebar.setLatency(id, ms),
        () => this.#handleSilence(id),
      );
    }
  }

  /** It may not have heard of this page yet. */
  #handleSilence(id: string): void {
    this.#sidebar.setLatency(id, undefined);
    setTimeout(() => {
      this.#measured.delete(id);
      this.#measureNew();
    }, MEASURE_AGAIN_MS);
  }

  #measureNew(): void {
    this.#measure(this.#tailnet.machines.filter(({id}) => !this.#measured.has(id)));
  }

  #handleSelect(session: Session | undefined): void {
    document.body.dataset['view'] = session ? 'terminal' : 'list';
    document.title = session ? `${session.label} · meshterm` : 'meshterm hub';
    if (session) lastTab.set(this.#tabs.sessions.indexOf(session));
    this.#find.close();
    byId('show-find').hidden = !session;
    this.#status.show(session);
    this.#draw();
    void this.#ping(session);
  }

  #handleSessionChange(session: Session): void {
    this.#tabs.update(session);
    if (session !== this.#tabs.current) return;
    document.title = `${session.label} · meshterm`;
    this.#drawBack();
    this.#status.draw();
    if (session.state === 'open' && !session.path) void this.#ping(session);
  }

  #handleSessionClosed(session: Session): void {
    this.#tabs.remove(session);
    if (!this.#tabs.current) this.#sidebar.focusFind();
  }

  /** How far the current machine is; nobody looks at a hidden page. */
  async #ping(session: Session | undefined): Promise<void> {
    const {ipn} = this.#tailnet;
    if (!ipn || session?.state !== 'open' || document.visibilityState !== 'visible') return;
    try {
      const {ms, region} = await ipn.ping(session.machine.id);
      session.path = `${this.#tailnet.regionCode(region)} · ${Math.round(ms)} ms`;
    } catch {
      session.path = '';
    }
    this.#status.draw();
  }

  #draw(): void {
    const tailnet = this.#tailnet;
    setText(byId('tailnet-name'), tailnet.name);
    setText(byId('tailnet-state'), stateInWords(tailnet));
    byId('tailnet-dot').className = `dot ${toneOf(tailnet)}`;
    this.#link.draw();
    this.#drawBack();
    this.#sidebar.update(tailnet.machines, this.#tabs.current?.machine.id ?? '');
    this.#home.update(this.#tabs.sessions.length > 0);
    const user = tailnet.user ? `Shells open as ${tailnet.user}.` : '';
    this.#home.describe([user, tailnet.note].filter(Boolean).join(' '));
  }

  /** On a phone, where the list hides the shells. */
  #drawBack(): void {
    const {current} = this.#tabs;
    const back = byId('show-shell');
    back.hidden = !current;
    setText(back, `‹ Back to ${current?.label ?? ''}`);
  }

  /** Ctrl+K is the shell's own (it cuts the line): there Ctrl+Shift+K leaves the terminal. */
  #bindKeys(): void {
    document.addEventListener('keydown', (event) => {
      const {ctrlKey, metaKey, shiftKey, code} = event;
      if (event.altKey || (!ctrlKey && !metaKey)) return;
      const target = event.target as Element;
      const inTerminal = target.closest?.('.terminal-box') !== null;
      const isTyped = !inTerminal && /^(INPUT|TEXTAREA)$/.test(target.tagName);
      if (code === 'KeyK' && (metaKey || shiftKey || !inTerminal)) this.#showList();
      else if (code === 'KeyF' && shiftKey) this.#find.open(this.#tabs.current);
      else if (/^Arrow(Left|Right)$/.test(code) && ctrlKey && shiftKey && !isTyped)
        this.#tabs.step(code === 'ArrowLeft' ? -1 : 1);
      else return;
      event.preventDefault();
    });
  }

  #showList(): void {
    document.body.dataset['view'] = 'list';
    this.#sidebar.focusFind();
  }

  #showShell(): void {
    const {current} = this.#tabs;
    if (!current) return;
    document.body.dataset['view'] = 'terminal';
    current.focus();
  }

  #bindPage(): void {
    byId('show-shell').addEventListener('click', () => this.#showShell());
    byId('new-tab').addEventListener('click', () => this.#showList());
    byId('show-list').addEventListener('click', () => this.#showList());
    byId('show-find').addEventListener('click', () => this.#find.open(this.#tabs.current));
    byId('theme').addEventListener('click', ({detail}) => {
      document.dispatchEvent(new Event('themechoice'));
      if (detail > 0) this.#tabs.current?.focus(); // not by the keyboard, which would lose its place
    });
    document.addEventListener('themechange', () => {
      for (const {view} of this.#tabs.sessions) view?.setTheme(themeName());
    });
    window.addEventListener('beforeunload', (event) => {
      if (this.#tailnet.ipn?.keepsSessions) return; // they wait for a while
      if (this.#tabs.sessions.some((session) => session.state === 'open')) event.preventDefault();
    });
    this.#keepAboveKeyboard();
  }

  /** A phone's keyboard covers the page instead of making it smaller. */
  #keepAboveKeyboard(): void {
    const viewport = window.visualViewport;
    if (!viewport) return;
    const resize = (): void => {
      document.documentElement.style.setProperty('--height', `${viewport.height}px`);
      window.scrollTo(0, 0);
    };
    viewport.addEventListener('resize', resize);
    resize();
  }
}

if (/Mac|iP(hone|ad)/.test(navigator.platform))
  for (const key of document.querySelectorAll<HTMLElement>('kbd[data-mac]'))
    setText(key, key.dataset['mac'] ?? '');
new Hub().start();
