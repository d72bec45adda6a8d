/* A card at the foot of a panel: progress, a question, or why something failed and what to do. */
import {h, safeURL} from './dom.js';

export type Tone = 'busy' | 'ok' | 'warn' | 'bad';

export interface CardAction {
  label: string;
  /** Instead of run: an http(s) address, opened in a tab of its own. */
  href?: string | undefined;
  run?(): void;
  /** Drawn as the lesser choice. */
  quiet?: boolean;
  /** What Escape does. */
  isCancel?: boolean;
}

/** One step of a test. */
export interface CardStep {
  ok: boolean;
  name: string;
  ms: number;
  words: string;
}

export interface CardContent {
  tone: Tone;
  title: string;
  detail?: string | undefined;
  /** A line to type on a machine. */
  command?: string | undefined;
  actions?: CardAction[];
  /** Drawn as it is, in a fixed-width font. */
  art?: string | undefined;
  steps?: CardStep[] | undefined;
  form?: {fields: CardField[]; submitLabel: string; submit(values: string[]): void};
}

/** A line of text that is asked for. */
export interface CardField {
  label: string;
  value?: string;
  /** Not to be read over a shoulder; may be empty, and blanks count. */
  secret?: boolean;
  /** Several lines. */
  long?: boolean;
}

function actionElement(action: CardAction): HTMLElement {
  const look = action.quiet ? 'btn quiet' : 'btn';
  const href = action.href && safeURL(action.href);
  if (href)
    return h('a', {class: look, href, target: '_blank', rel: 'noopener noreferrer'}, action.label);
  return h('button', {type: 'button', class: look, onclick: () => action.run?.()}, action.label);
}

function stepElement({ok, name, ms, words}: CardStep): HTMLElement {
  return h(
    'li',
    ok ? {} : {class: 'failed'},
    h('span', {class: 'mark', 'aria-label': ok ? 'passed' : 'failed'}, ok ? '✓' : '✗'),
    h('span', {class: 'name'}, name),
    h('span', {class: 'time'}, `${Math.max(0, Math.round(ms))} ms`),
    h('span', {class: 'said'}, words),
  );
}

function fieldElement({label, value, secret, long}: CardField, shown: boolean): HTMLElement {
  const attributes = {
    class: 'answer',
    'aria-label': label,
    autocapitalize: 'none',
    autocomplete: 'off',
    autocorrect: 'off',
    spellcheck: 'false',
  };
  const input = long
    ? h('textarea', {...attributes, rows: '4', maxlength: '65536'})
    : h('input', {...attributes, type: secret ? 'password' : 'text', maxlength: '1024'});
  input.value = value ?? '';
  if (!shown) return input;
  return h('label', {}, h('span', {class: 'detail'}, label), input);
}

function formElement(
  {fields, submitLabel, submit}: NonNullable<CardContent['form']>,
  actions: HTMLElement[],
): HTMLElement {
  const elements = fields.map((field) =>
    fieldElement(field, fields.length > 1 || field.secret === true),
  );
  const send = (event: Event): void => {
    event.preventDefault();
    const inputs = [...form.querySelectorAll<HTMLInputElement>('.answer')];
    const values = inputs.map(({value}, at) => (fields[at]?.secret ? value : value.trim()));
    const missing = values.findIndex((value, at) => value === '' && !fields[at]?.secret);
    if (missing >= 0) return inputs[missing]!.focus();
    for (const input of inputs) input.value = '';
    submit(values);
  };
  const button = h('button', {class: 'btn'}, submitLabel);
  const form = h('form', {class: 'ask', onsubmit: send}, ...elements, button, ...actions);
  return form;
}

function wordsElement({title, detail, command, art, steps}: CardContent): HTMLElement {
  const words = h('div', {class: 'words'}, h('p', {class: 'title'}, title));
  if (detail) words.append(h('p', {class: 'detail'}, detail));
  if (command) words.append(h('code', {class: 'command'}, command));
  if (art) words.append(h('pre', {class: 'art'}, art));
  if (steps) words.append(h('ol', {class: 'steps'}, ...steps.map(stepElement)));
  return words;
}

export class Card {
  readonly element = h('div', {class: 'card', hidden: true, tabindex: '-1'});
  #shown = '';
  #cancel: (() => void) | undefined;

  constructor() {
    this.element.addEventListener('keydown', (event) => {
      if (event.key !== 'Escape' || !this.#cancel) return;
      event.preventDefault();
      this.#cancel();
    });
  }

  /** The same content again changes nothing, so that focus stays where it is. */
  show(content: CardContent, {focus = false} = {}): void {
    const shown = content.form ? '' : JSON.stringify(content); // a question is always a new one
    if (shown && shown === this.#shown && !this.element.hidden) return;
    this.#shown = shown;
    const {tone, form} = content;
    const hadFocus = this.element.contains(document.activeElement);
    const actions = (content.actions ?? []).map(actionElement);
    this.#cancel = content.actions?.find(({isCancel}) => isCancel)?.run;
    this.element.replaceChildren(
      h('span', {class: `dot ${tone}`, 'aria-hidden': 'true'}),
      wordsElement(content),
    );
    if (form) this.element.append(formElement(form, actions));
    else if (actions.length) this.element.append(h('div', {class: 'actions'}, ...actions));
    this.element.setAttribute('role', tone === 'bad' ? 'alert' : 'status');
    this.element.hidden = false;
    if (focus || hadFocus) this.focus();
  }

  hide(): void {
    this.element.hidden = true;
    this.element.replaceChildren();
    this.#shown = '';
    this.#cancel = undefined;
  }

  /** To its question, or to what it offers first; not to a button that a late Enter would press. */
  focus(): void {
    const isBusy = this.element.querySelector('.dot.busy') !== null;
    const first = isBusy ? undefined : this.element.querySelector<HTMLElement>('.answer, .btn');
    (first ?? this.element).focus();
  }
}
