/* What a session is given by the page around it. */
import type {Login} from './login.js';
import type {Session} from './session.js';
import type {Tailnet} from './tailnet.js';
import type {TerminalAsks, TerminalView} from './terminal_view.js';

export interface SessionOptions {
  tailnet: Tailnet;
  login: Login;
  /** Makes the terminal when it is first needed. */
  makeView(container: HTMLElement, asks: TerminalAsks): Promise<TerminalView>;
  /** What is typed, as the key bar changes it. */
  transform(data: string): string;
  onChange(session: Session): void;
  /** Bytes came or went. */
  onTraffic(session: Session): void;
  onClosed(session: Session): void;
}
