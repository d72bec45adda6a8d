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

export class Card {
  readonly element = h('div', {class: 'card', hidden: true});
  #shown = '';

  /** The same content again changes nothing, so that focus stays where it is. */
  show(content: CardContent, {focus = false} = {}): void {
    const shown = content.form ? '' : JSON.stringify(content); // a question is always a new one
    if (shown && shown === this.#shown && !this.element.hidden) return;
    this.#shown = shown;
    const {tone, title, detail, command, art, form} = content;
    const actions = (content.actions ?? []).map(actionElement);
    const text = h('div', {class: 'words'}, h('p', {class: 'title'}, title));
    if (detail) text.append(h('p', {class: 'detail'}, detail));
    if (command) text.append(h('code', {class: 'command'}, command));
    if (art) text.append(h('pre', {class: 'art'}, art));
    this.element.replaceChildren(h('span', {class: `dot ${tone}`, 'aria-hidden': 'true'}), text);
    if (form) this.element.append(formElement(form, actions));
    else if (actions.length) this.element.append(h('div', {class: 'actions'}, ...actions));
    this.element.setAttribute('role', tone === 'bad' ? 'alert' : 'status');
    this.element.hidden = false;
    if (focus) this.focus();
  }

  hide(): void {
    this.element.hidden = true;
    this.element.replaceChildren();
    this.#shown = '';
  }

  /** To its question, or to what it offers first. */
  focus(): void {
    this.element.querySelector<HTMLElement>('.answer, .btn')?.focus();
  }
}
