/*
 * The page's half of a session or stream: how it speaks to the engine, the credit it gives back,
 * and the bound on what it may have on its way there.
 */
import type {FlowEvent} from './core/events.js';
import type {FlowCommand, FromEngine} from './worker/messages.js';

type WithoutRef<T> = T extends unknown ? Omit<T, 'ref'> : never;

export interface FlowPort {
  post(command: WithoutRef<FlowCommand>, transfer?: ArrayBuffer[]): void;
}

export type FlowMessage = FlowEvent | Extract<FromEngine, {type: 'accepted' | 'scrollback'}>;

/** Receives what the engine says about one ref. */
export interface FlowHandler {
  handle(message: FlowMessage): void;
  /** The engine is gone: an error, then the end. */
  fail(message: string): void;
  /** The page closes the node: what it has not taken by now must not hold back the end. */
  drop?(): void;
  /** Bytes that the page took and that no credit was given for yet. */
  readonly uncredited?: number;
}

export const MAX_QUEUED_BYTES = 1 << 20; // more input than anybody types; a program waits for drained()
const CREDIT_STEP_BYTES = 32 * 1024; // far below the core's first credit of 1 MB, so none waits for it

export class Credit {
  readonly #port: FlowPort;
  #n = 0;

  constructor(port: FlowPort) {
    this.#port = port;
  }

  get pending(): number {
    return this.#n;
  }

  readonly give = (n: number): void => {
    this.#n += n;
    if (this.#n < CREDIT_STEP_BYTES) return;
    this.#port.post({type: 'credit', n: this.#n});
    this.#n = 0;
  };
}

/** Bytes on their way to the core: those sent and not yet accepted. */
export class Outgoing {
  readonly #port: FlowPort;
  readonly #limit: number;
  #queued = 0;
  #isOver = false;
  #waiters: Array<() => void> = [];

  constructor(port: FlowPort, limit: number) {
    this.#port = port;
    this.#limit = limit;
  }

  get hasRoom(): boolean {
    return this.#queued < this.#limit;
  }

  /** Takes all of the bytes, and their buffer, or nothing. So twice the limit may wait at most. */
  write(bytes: Uint8Array<ArrayBuffer>): boolean {
    if (bytes.length > this.#limit) throw new RangeError(`at most ${this.#limit} bytes at a time`);
    if (this.#isOver || !this.hasRoom) return false;
    if (bytes.length === 0) return true;
    this.#queued += bytes.length;
    this.#port.post({type: 'write', bytes}, [bytes.buffer]);
    return true;
  }

  accepted(n: number): void {
    this.#queued -= n;
    if (this.hasRoom) this.#wake();
  }

  drained(): Promise<void> {
    if (this.#isOver || this.hasRoom) return Promise.resolve();
    return new Promise((resolve) => this.#waiters.push(resolve));
  }

  /** The session is over: nothing is taken any more. */
  end(): void {
    this.#isOver = true;
    this.#wake();
  }

  #wake(): void {
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const resolve of waiters) resolve();
  }
}
