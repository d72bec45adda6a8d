/* What a shared node knows about a shell: enough for another page to go on with it. */
import type {FlowEvent} from '../core/events.js';
import type {SessionLabel} from './messages.js';
import {Tape} from './tape.js';

const MAX_EVENTS = 64; // that wait for a page: requests to an agent, and how it ended

export class KeptSession {
  readonly tape = new Tape();
  /** Set once the shell is open. */
  details: Extract<FlowEvent, {type: 'sshOpen'}> | undefined;
  /** Whose page left it, and with which departure. */
  tab = '';
  departure = 0;
  #events: FlowEvent[] = [];
  /** Bytes of input on their way, and how many of them an earlier page wrote. */
  #queued = 0;
  #foreign = 0;

  constructor(readonly label: SessionLabel) {}

  /** Something other than output, while no page has it. The last is how it ended: the oldest goes. */
  keep(event: FlowEvent): void {
    if (this.#events.push(event) > MAX_EVENTS) this.#events.shift();
  }

  takeEvents(): FlowEvent[] {
    const events = this.#events;
    this.#events = [];
    return events;
  }

  wrote(n: number): void {
    this.#queued += n;
  }

  /** Of n bytes that the engine took, those that the present page wrote. */
  accepted(n: number): number {
    this.#queued -= n;
    const foreign = Math.min(this.#foreign, n);
    this.#foreign -= foreign;
    return n - foreign;
  }

  detach(tab: string, departure: number): void {
    this.tab = tab;
    this.departure = departure;
    this.#foreign = this.#queued;
  }
}
