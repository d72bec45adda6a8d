/* Elements in one expression. Text is always text: nothing that came from elsewhere becomes HTML. */

type Value = string | boolean | ((event: never) => void) | undefined;
type Child = Node | string | undefined;

/** h('button', {class: 'x', onclick: f, disabled: true}, 'Close'). false and undefined: left out. */
export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Record<string, Value> = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === 'function')
      element.addEventListener(name.replace(/^on/, ''), value as EventListener);
    else if (value === true) element.setAttribute(name, '');
    else if (typeof value === 'string') element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child !== undefined));
  return element;
}

/** The element of index.html with that id. */
export function byId<T extends HTMLElement = HTMLElement>(id: string): T {
  const element = document.getElementById(id);
  if (!element) throw new Error(`index.html has no #${id}`);
  return element as T;
}

/** Whether somebody would lose what they write in another place, should the focus go to element. */
export function isTypingOutside(element: HTMLElement): boolean {
  const active = document.activeElement;
  return active instanceof HTMLInputElement && active.value !== '' && !element.contains(active);
}

/** Writes only what differs, so that a screen reader hears only what changed. */
export function setText(element: HTMLElement, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}

/** http(s) addresses only, as they come from servers; else undefined. */
export function safeURL(text: string): string | undefined {
  try {
    const url = new URL(text);
    return url.protocol === 'http:' || url.protocol === 'https:' ? url.href : undefined;
  } catch {
    return undefined;
  }
}

/** Whoever opens it learns nothing of this page, and cannot reach it. */
export function openTab(address: string): void {
  const url = safeURL(address);
  if (url) window.open(url, '_blank', 'noopener,noreferrer');
}

export interface Disposable {
  dispose(): void;
}
