/* The list of machines, and the field that finds one. */
import {byId, h, setText} from './dom.js';
import {describe, lastSeen, matches, parseQuery, type Machine, type Query} from './machines.js';

export interface SidebarOptions {
  /** The query has the account and the port that were typed. */
  open(machine: Machine, query: Query): void;
  /** Back to where one came from. */
  leave(): void;
}

interface Row {
  element: HTMLButtonElement;
  dot: HTMLElement;
  name: HTMLElement;
  right: HTMLElement;
  detail: HTMLElement;
  machine: Machine;
}

function newRow(machine: Machine, onclick: () => void): Row {
  const dot = h('span', {class: 'dot', 'aria-hidden': 'true'});
  const name = h('span', {class: 'name'});
  const right = h('span', {class: 'right'});
  const detail = h('small');
  const element = h('button', {type: 'button', class: 'row', onclick}, dot, name, right, detail);
  return {element, dot, name, right, detail, machine};
}

export class Sidebar {
  readonly #find = byId<HTMLInputElement>('find');
  readonly #list = byId('machines');
  readonly #count = byId('machine-count');
  readonly #none = byId('no-match');
  readonly #rows = new Map<string, Row>();
  readonly #latencies = new Map<string, number>();
  readonly #options: SidebarOptions;
  #machines: Machine[] = [];
  #current = '';

  constructor(options: SidebarOptions) {
    this.#options = options;
    this.#find.addEventListener('input', () => this.#draw());
    this.#find.addEventListener('keydown', (event) => this.#handleFindKey(event));
    this.#list.addEventListener('keydown', (event) => this.#handleListKey(event));
  }

  update(machines: Machine[], current: string): void {
    this.#machines = machines;
    this.#current = current;
    this.#draw();
  }

  /** Round trip to a machine; undefined: it does not answer. */
  setLatency(id: string, ms: number | undefined): void {
    if (ms === undefined) this.#latencies.delete(id);
    else this.#latencies.set(id, Math.max(1, Math.round(ms)));
    this.#draw();
  }

  focusFind(): void {
    this.#find.focus();
    this.#find.select();
  }

  #draw(): void {
    const {text, problem} = parseQuery(this.#find.value);
    const shown = this.#machines.filter((machine) => matches(machine, text));
    const online = this.#machines.filter((machine) => machine.online).length;
    const total = this.#machines.length;
    setText(this.#count, total ? `${online} of ${total} online` : '');
    setText(this.#none, problem ?? 'No machine matches.');
    this.#none.hidden = !problem && (shown.length > 0 || total === 0);
    const now = Date.now();
    const wanted = new Set(shown.map((machine) => machine.id));
    for (const [id, row] of this.#rows) {
      if (wanted.has(id)) continue;
      row.element.remove();
      this.#rows.delete(id);
    }
    shown.forEach((machine, at) => {
      const row = this.#row(machine);
      this.#drawRow(row, machine, now);
      const there = this.#list.children[at];
      if (there !== row.element) this.#list.insertBefore(row.element, there ?? null);
    });
  }

  #row(machine: Machine): Row {
    const {id} = machine;
    let row = this.#rows.get(id);
    if (!row) {
      row = newRow(machine, () => this.#open(this.#rows.get(id)?.machine ?? machine));
      this.#rows.set(id, row);
    }
    row.machine = machine;
    return row;
  }

  #drawRow({element, dot, name, right, detail}: Row, machine: Machine, now: number): void {
    element.classList.toggle('off', !machine.online);
    element.classList.toggle('selected', machine.id === this.#current);
    dot.classList.toggle('ok', machine.online);
    setText(name, machine.name);
    const ms = machine.online ? this.#latencies.get(machine.id) : undefined;
    setText(right, ms === undefined ? lastSeen(machine, now) : `${ms} ms`);
    setText(detail, describe(machine));
    const state = machine.online ? 'online' : 'offline';
    element.setAttribute('aria-label', `${machine.name}, ${state}, ${describe(machine)}`);
    element.title = machine.owner ? `${machine.id} (${machine.owner})` : machine.id;
  }

  #open(machine: Machine): void {
    const query = parseQuery(this.#find.value);
    if (query.problem) return this.#find.focus();
    this.#find.value = '';
    this.#draw();
    this.#options.open(machine, query);
  }

  #handleFindKey(event: KeyboardEvent): void {
    const first = this.#list.firstElementChild as HTMLElement | null;
    if (event.key === 'Enter') first?.click();
    else if (event.key === 'ArrowDown') first?.focus();
    else if (event.key !== 'Escape') return;
    else if (!this.#find.value) this.#options.leave();
    else {
      this.#find.value = '';
      this.#draw();
    }
    event.preventDefault();
  }

  #handleListKey(event: KeyboardEvent): void {
    const rows = [...this.#list.children] as HTMLElement[];
    const at = rows.indexOf(document.activeElement as HTMLElement);
    const targets: Record<string, HTMLElement | undefined> = {
      ArrowDown: rows[at + 1],
      ArrowUp: at === 0 ? this.#find : rows[at - 1],
      Home: rows[0],
      End: rows.at(-1),
      Escape: this.#find,
    };
    if (!(event.key in targets)) return;
    event.preventDefault();
    targets[event.key]?.focus();
  }
}
