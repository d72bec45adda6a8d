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
  /** Asks for a line of text. */
  ask?: {label: string; value: string; submitLabel: string; submit(text: string): void};
}

function actionElement(action: CardAction): HTMLElement {
  const look = action.quiet ? 'btn quiet' : 'btn';
  const href = action.href && safeURL(action.href);
  if (href)
    return h('a', {class: look, href, target: '_blank', rel: 'noopener noreferrer'}, action.label);
  return h('button', {type: 'button', class: look, onclick: () => action.run?.()}, action.label);
}

function askElement(ask: NonNullable<CardContent['ask']>, actions: HTMLElement[]): HTMLElement {
  const input = h('input', {
    class: 'answer',
    type: 'text',
    value: ask.value,
    'aria-label': ask.label,
    autocapitalize: 'none',
    autocomplete: 'off',
    autocorrect: 'off',
    spellcheck: 'false',
    maxlength: '256',
  });
  const submit = (event: Event): void => {
    event.preventDefault();
    const text = input.value.trim();
    if (text) ask.submit(text);
    else input.focus();
  };
  const button = h('button', {class: 'btn'}, ask.submitLabel);
  return h('form', {class: 'ask', onsubmit: submit}, input, button, ...actions);
}

export class Card {
  readonly element = h('div', {class: 'card', hidden: true});
  #shown = '';

  /** The same content again changes nothing, so that focus stays where it is. */
  show(content: CardContent, {focus = false} = {}): void {
    const shown = JSON.stringify(content);
    if (shown === this.#shown && !this.element.hidden) return;
    this.#shown = shown;
    const {tone, title, detail, command, ask} = content;
    const actions = (content.actions ?? []).map(actionElement);
    const text = h('div', {class: 'words'}, h('p', {class: 'title'}, title));
    if (detail) text.append(h('p', {class: 'detail'}, detail));
    if (command) text.append(h('code', {class: 'command'}, command));
    this.element.replaceChildren(h('span', {class: `dot ${tone}`, 'aria-hidden': 'true'}), text);
    if (ask) this.element.append(askElement(ask, actions));
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
    this.element.querySelector<HTMLElement>('input, .btn')?.focus();
  }
}
