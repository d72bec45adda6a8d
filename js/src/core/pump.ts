/*
 * Drives the core: call, drain, arm one timer.
 *
 *   what happened > run(call) > poll until empty > sink.event(…)* > sink.turnEnd(now) > one timer
 *
 * A timer that comes late is harmless: the core compares deadlines with the clock. A sink may call
 * run() from within event(); such calls wait until the event's borrowed bytes are no longer needed.
 */
import type {Core} from './core.js';
import type {CoreEvent} from './events.js';

export interface Clock {
  /** Monotonic milliseconds. */
  now(): number;
  /** The wall clock minus now(): changes when the machine slept or its clock was set. */
  wallOffset(): number;
  setTimer(callback: () => void, delayMs: number): unknown;
  clearTimer(timer: unknown): void;
  /** Runs after the events that already wait, without a timer's least delay. */
  soon(callback: () => void): void;
}

export interface PumpSink {
  event(event: CoreEvent): void;
  /** Nothing more comes in this turn: flush. */
  turnEnd(now: number): void;
  /** The core trapped; the pump has stopped for good. */
  trap(error: unknown): void;
}

type Call = (core: Core, now: number) => void;

const CLOCK_JUMP_MS = 2000; // a sleep; the clock's own corrections are smaller
const CLOCK_CHECK_MS = 100; // a flood need not look at two clocks in each turn
const MAX_TICKS_PER_TURN = 8; // then breathe: a deadline that never moves must not hang the page
const MAX_TIMER_MS = 2 ** 31 - 1; // longer ones fire at once
const BURST_GAP_MS = 0.5; // input that follows closer than this is a burst, worth joining
const MAX_JOINED_BYTES = 256 * 1024; // of a burst, then it is drained
const DATA_BYTES = 1024; // as much as this is somebody's data, not acknowledgements of ours

export class Pump {
  readonly #core: Core;
  readonly #clock: Clock;
  readonly #sink: PumpSink;
  readonly #waiting: Call[] = [];
  #wallOffset: number;
  #clockCheckedAt = -Infinity;
  #busy = false;
  #stopped = false;
  #timer: unknown;
  #armedFor = Infinity;
  #turnEndedAt = -Infinity;
  #joinedBytes = 0;

  constructor(core: Core, clock: Clock, sink: PumpSink) {
    this.#core = core;
    this.#clock = clock;
    this.#sink = sink;
    this.#wallOffset = clock.wallOffset();
  }

  /** One turn: call, then drain. Within a turn the call waits for its end. */
  run(call: Call): void {
    if (this.#stopped) return;
    this.#waiting.push(call);
    if (!this.#busy) this.#turn();
  }

  /**
   * Input of len bytes: like run(), but short messages that arrive in a burst, which acknowledge
   * what was sent, are joined into one turn, so that their room is filled by one message. A lone
   * message is never delayed, nor is data: its sender waits for our acknowledgement.
   */
  input(len: number, call: Call): void {
    if (this.#stopped) return;
    this.#waiting.push(call);
    if (this.#busy) return;
    if (len >= DATA_BYTES) return this.#turn(true);
    const burst = this.#clock.now() - this.#turnEndedAt < BURST_GAP_MS;
    const first = this.#joinedBytes === 0;
    this.#joinedBytes += len;
    if (!burst && first) this.#turn();
    else if (this.#joinedBytes > MAX_JOINED_BYTES) this.#turn();
    else if (first) this.#clock.soon(() => this.#endBurst());
  }

  /** The network or the machine came back: do not wait for deadlines. */
  rebind(): void {
    this.run((core, now) => {
      this.#wallOffset = this.#clock.wallOffset();
      core.rebind(this.#wallOffset, now);
    });
  }

  stop(): void {
    this.#stopped = true;
    this.#waiting.length = 0;
    this.#disarm();
  }

  #endBurst(): void {
    if (!this.#stopped && !this.#busy && this.#waiting.length > 0) this.#turn();
  }

  #turn(isData = false): void {
    this.#busy = true;
    this.#joinedBytes = 0;
    try {
      const now = this.#clock.now();
      if (!isData || now - this.#clockCheckedAt >= CLOCK_CHECK_MS) this.#noticeClockJump(now);
      do {
        this.#drain(now);
        for (let n = 0; n < MAX_TICKS_PER_TURN && this.#isDue(now); n++) {
          this.#core.tick(now);
          this.#drain(now);
        }
        if (!this.#stopped) this.#sink.turnEnd(now);
      } while (this.#waiting.length > 0);
      if (!this.#stopped) this.#arm(now);
    } catch (error) {
      this.stop();
      this.#sink.trap(error);
    } finally {
      this.#busy = false;
      if (!isData) this.#turnEndedAt = this.#clock.now();
    }
  }

  #isDue(now: number): boolean {
    return !this.#stopped && this.#core.nextDeadline() <= now;
  }

  #drain(now: number): void {
    do {
      for (let call; (call = this.#waiting.shift());) call(this.#core, now);
      for (let event; !this.#stopped && (event = this.#core.poll(now));) this.#sink.event(event);
    } while (this.#waiting.length > 0);
  }

  #noticeClockJump(now: number): void {
    this.#clockCheckedAt = now;
    const offset = this.#clock.wallOffset();
    if (Math.abs(offset - this.#wallOffset) < CLOCK_JUMP_MS) return;
    this.#wallOffset = offset;
    this.#core.rebind(offset, now);
  }

  /** A timer that is armed for an earlier moment stays: when it fires it arms the later one. */
  #arm(now: number): void {
    const deadline = this.#core.nextDeadline();
    if (deadline >= this.#armedFor) return;
    this.#disarm();
    this.#armedFor = deadline;
    const delayMs = Math.min(Math.max(Math.ceil(deadline - now), 0), MAX_TIMER_MS);
    this.#timer = this.#clock.setTimer(() => this.#fire(), delayMs);
  }

  #fire(): void {
    this.#timer = undefined;
    this.#armedFor = Infinity;
    if (this.#stopped) return;
    this.#turn();
  }

  #disarm(): void {
    if (this.#timer !== undefined) this.#clock.clearTimer(this.#timer);
    this.#timer = undefined;
    this.#armedFor = Infinity;
  }
}
