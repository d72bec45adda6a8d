/*
 * When a batch goes to the page. At once, as a rule, so that no key's echo is late. But while bytes
 * pour in, a message costs both threads more than the bytes in it, so data alone waits until there
 * is more of it, or a little time has passed.
 */
import type {Clock} from '../core/pump.js';
import type {Batch} from './batch.js';
import type {FromEngine} from './messages.js';

const ENOUGH_BYTES = 64 * 1024;
const POURING_BYTES = 4096; // without a pause of
const PAUSE_MS = 10;
const HOLD_MS = 3;

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
  turnEnd(): void {
    const {isEmpty, isDataOnly, dataBytes} = this.#batch;
    if (isEmpty) return;
    const now = this.#clock.now();
    if (now - this.#postedAt >= PAUSE_MS) this.#poured = 0;
    const wait = this.#postedAt + HOLD_MS - now;
    const holds = isDataOnly && dataBytes < ENOUGH_BYTES && this.isPouring;
    if (!holds || wait <= 0) return this.flush();
    this.#timer ??= this.#clock.setTimer(() => this.flush(), wait);
  }

  flush(): void {
    if (this.#timer !== undefined) this.#clock.clearTimer(this.#timer);
    this.#timer = undefined;
    if (this.#batch.isEmpty) return;
    this.#postedAt = this.#clock.now();
    this.#poured = Math.min(this.#poured + this.#batch.dataBytes, POURING_BYTES);
    const {messages, transfer} = this.#batch.take();
    this.#post(messages, transfer);
  }
}
