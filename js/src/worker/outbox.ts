/*
 * When a batch goes to the page. At once, as a rule, so that no key's echo is late. But while bytes
 * pour in, a message costs both threads more than the bytes in it, so data alone waits until there
 * is more of it, or a little time has passed.
 */
import type {Clock} from '../core/pump.js';
import {STAGE_BYTES, type Batch} from './batch.js';
import type {FromEngine} from './messages.js';

const POURING_BYTES = 4096; // without a pause of
const PAUSE_MS = 10;
const HOLD_MS = 5; // a full stage's worth from 13 MB/s on

type Post = (messages: FromEngine[], transfer: ArrayBuffer[]) => void;

export class Outbox {
  readonly #batch: Batch;
  readonly #clock: Clock;
  readonly #post: Post;
  #postedAt = -Infinity;
  /** Of messages that followed each other without a pause. */
  #poured = 0;
  #timer: unknown;

  constructor(batch: Batch, clock: Clock, post: Post) {
    this.#batch = batch;
    this.#clock = clock;
    this.#post = post;
  }

  /** More comes in than anybody types or reads: what is answered to the relay goes first. */
  get isPouring(): boolean {
    return this.#poured + this.#batch.dataBytes >= POURING_BYTES;
  }

  /** The end of a turn: posts, or sees to it that it will be posted. */
  turnEnd(now: number): void {
    const {isEmpty, isDataOnly, dataBytes} = this.#batch;
    if (isEmpty) return;
    if (now - this.#postedAt >= PAUSE_MS) this.#poured = 0;
    const wait = this.#postedAt + HOLD_MS - now;
    const holds = isDataOnly && dataBytes < STAGE_BYTES && this.isPouring;
    if (!holds || wait <= 0) return this.flush(now);
    this.#timer ??= this.#clock.setTimer(() => this.flush(), wait);
  }

  flush(now = this.#clock.now()): void {
    if (this.#timer !== undefined) this.#clock.clearTimer(this.#timer);
    this.#timer = undefined;
    if (this.#batch.isEmpty) return;
    this.#postedAt = now;
    this.#poured = Math.min(this.#poured + this.#batch.dataBytes, POURING_BYTES);
    const {messages, transfer} = this.#batch.take();
    this.#post(messages, transfer);
  }
}
