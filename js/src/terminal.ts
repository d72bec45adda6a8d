/*
 * runSSHSession's terminal: xterm.js and its style, a chunk of its own that is loaded when first
 * needed. Bytes go to xterm.js as bytes; what it has not parsed yet holds back the server.
 */
import {FitAddon} from '@xterm/addon-fit';
import {WebLinksAddon} from '@xterm/addon-web-links';
import {Terminal} from '@xterm/xterm';
import css from '@xterm/xterm/css/xterm.css';
import type {
  IPN,
  SSHSessionCallbacks,
  SSHSessionDef,
  SSHTerminal,
  SSHTerminalOptions,
} from '../ipn.js';

const MAX_UNPARSED_BYTES = 256 * 1024; // some 10 ms of parsing, so Ctrl-C answers at once

/** A constructed sheet, because a strict style-src forbids style elements. Once per document. */
function adoptStyle(document: Document): void {
  const view = document.defaultView;
  const styled = document as Document & {meshtermStyle?: boolean};
  if (!view || styled.meshtermStyle) return;
  styled.meshtermStyle = true;
  const sheet = new view.CSSStyleSheet();
  sheet.replaceSync(css);
  document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];
}

/** A Promise while more than MAX_UNPARSED_BYTES wait in the terminal. */
function flowControlledWrite(term: Terminal): (bytes: Uint8Array) => void | Promise<void> {
  let unparsed = 0;
  let wake: (() => void) | undefined;
  return (bytes) => {
    unparsed += bytes.length;
    term.write(bytes, () => {
      unparsed -= bytes.length;
      if (unparsed > MAX_UNPARSED_BYTES) return;
      wake?.();
      wake = undefined;
    });
    if (unparsed <= MAX_UNPARSED_BYTES) return undefined;
    return new Promise((resolve) => (wake = resolve));
  };
}

export function openTerminal(
  container: HTMLElement,
  def: SSHSessionDef,
  ipn: Pick<IPN, 'ssh'>,
  callbacks: SSHSessionCallbacks,
  options: SSHTerminalOptions,
): SSHTerminal {
  const document = container.ownerDocument;
  const view = document.defaultView ?? window;
  adoptStyle(document);
  const term = new Terminal({cursorBlink: true, allowProposedApi: true, ...options});
  const fit = new FitAddon();
  term.loadAddon(fit);
  term.loadAddon(new WebLinksAddon((event, uri) => event.view?.open(uri, '_blank', 'noopener')));
  term.open(container);
  fit.fit();
  term.focus();

  const off = new AbortController();
  const resizes = new view.ResizeObserver(() => fit.fit());
  let read: ((text: string) => void) | undefined; // says what it cannot take; write() only answers
  const session = ipn.ssh(def.hostname, def.username, {
    onData: flowControlledWrite(term),
    writeErrorFn(error) {
      callbacks.onError?.(error);
      term.write(error);
    },
    rows: term.rows,
    cols: term.cols,
    ...(def.timeoutSeconds === undefined ? {} : {timeoutSeconds: def.timeoutSeconds}),
    onConnectionProgress: (message) => callbacks.onConnectionProgress(message),
    onConnected: () => callbacks.onConnected(),
    setReadFn: (fn) => (read = fn),
    onDone() {
      resizes.disconnect();
      off.abort();
      term.dispose();
      callbacks.onDone();
    },
  });
  term.onData((text) => void (read ? read(text) : session.write(text)));
  // Mouse reports of the old kind are bytes, not text.
  term.onBinary((bytes) => session.write(Uint8Array.from(bytes, (c) => c.charCodeAt(0))));
  term.onResize(({rows, cols}) => session.resize(rows, cols));
  resizes.observe(container);
  view.addEventListener('pagehide', () => session.close(), {signal: off.signal});
  return {close: () => session.close(), focus: () => term.focus()};
}
