/* The strip of tabs: one per session, as the ARIA pattern for tabs has it. */
import {byId, h, setText} from './dom.js';
import type {Session, SessionState} from './session.js';

const TONES: Record<SessionState, string> = {
  asking: '',
  connecting: 'busy',
  open: 'ok',
  ended: '',
};
const IN_WORDS: Record<SessionState, string> = {
  asking: 'waiting for an account',
  connecting: 'connecting',
  open: 'open',
  ended: 'ended',
};

interface Tab {
  title: string; // that of the session when it was given its number
  element: HTMLElement;
  button: HTMLButtonElement;
  dot: HTMLElement;
  label: HTMLElement;
  close: HTMLButtonElement;
}

export class Tabs {
  readonly #strip = byId('tabs');
  readonly #panels = byId('panels');
  readonly #tabs = new Map<Session, Tab>();
  readonly #onSelect: (session: Session | undefined) => void;
  current: Session | undefined;

  constructor(onSelect: (session: Session | undefined) => void) {
    this.#onSelect = onSelect;
    this.#strip.addEventListener('keydown', (event) => this.#handleKey(event));
    new ResizeObserver(() => this.#reveal(this.current)).observe(this.#strip);
  }

  get sessions(): Session[] {
    return [...this.#tabs.keys()];
  }

  add(session: Session): void {
    const dot = h('span', {class: 'dot', 'aria-hidden': 'true'});
    const label = h('span', {class: 'label'});
    const select = (): void => {
      this.select(session);
      session.focus();
    };
    const button = h(
      'button',
      {
        type: 'button',
        role: 'tab',
        id: `${session.id}-tab`,
        'aria-controls': session.id,
        onclick: select,
        onauxclick: (event: MouseEvent) => event.button === 1 && session.close(),
      },
      dot,
      label,
    );
    const onclick = (): void => session.close();
    const close = h('button', {type: 'button', class: 'close', tabindex: '-1', onclick}, '×');
    const element = h('div', {class: 'tab', role: 'presentation'}, button, close);
    this.#strip.append(element);
    this.#panels.append(session.panel);
    this.#tabs.set(session, {title: '', element, button, dot, label, close});
    this.update(session);
    this.select(session);
  }

  update(session: Session): void {
    const tab = this.#tabs.get(session);
    if (!tab) return;
    if (tab.title !== session.title) this.#number(session, tab);
    const {label, state} = session;
    tab.dot.className = `dot ${TONES[state]}`;
    setText(tab.label, label);
    tab.button.setAttribute('aria-label', `${label}, ${IN_WORDS[state]}`);
    tab.close.setAttribute('aria-label', `Close ${label}`);
    if (session === this.current) this.#reveal(session);
  }

  /** The first that no other tab of its name has; it stays when those are closed. */
  #number(session: Session, tab: Tab): void {
    tab.title = '';
    const taken = this.sessions
      .filter((other) => this.#tabs.get(other)?.title === session.title)
      .map(({number}) => number);
    session.number = 1;
    while (taken.includes(session.number)) session.number++;
    tab.title = session.title;
  }

  /** The tab so many places on, and from the last the first. */
  step(by: number): void {
    const order = this.sessions;
    const next = this.current && order.at((order.indexOf(this.current) + by) % order.length);
    if (!next) return;
    this.select(next);
    next.focus();
  }

  select(session: Session | undefined): void {
    this.current = session;
    for (const [other, {element, button}] of this.#tabs) {
      const isCurrent = other === session;
      element.classList.toggle('current', isCurrent);
      other.panel.classList.toggle('current', isCurrent);
      button.setAttribute('aria-selected', String(isCurrent));
      button.tabIndex = isCurrent ? 0 : -1;
    }
    this.#onSelect(session);
    this.#reveal(session);
  }

  #reveal(session: Session | undefined): void {
    const element = session && this.#tabs.get(session)?.element;
    element?.scrollIntoView({block: 'nearest', inline: 'nearest'});
  }

  /** The neighbour takes its place. */
  remove(session: Session): void {
    const order = this.sessions;
    const at = order.indexOf(session);
    if (at < 0) return;
    this.#tabs.get(session)?.element.remove();
    this.#tabs.delete(session);
    if (this.current !== session) return;
    const next = order[at + 1] ?? order[at - 1];
    this.select(next);
    next?.focus();
  }

  #handleKey(event: KeyboardEvent): void {
    const order = this.sessions;
    const at = order.findIndex((s) => this.#tabs.get(s)?.button === document.activeElement);
    if (at < 0) return;
    const targets: Record<string, Session | undefined> = {
      ArrowRight: order[(at + 1) % order.length],
      ArrowLeft: order.at(at - 1),
      Home: order[0],
      End: order.at(-1),
    };
    if (event.key === 'Delete') order[at]?.close();
    else if (event.key in targets) {
      const target = targets[event.key];
      this.select(target);
      if (target) this.#tabs.get(target)?.button.focus();
    } else return;
    event.preventDefault();
  }
}
