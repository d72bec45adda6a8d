// Whether bytes pour: many of them, faster than a rate below which a browser takes each message as
// it comes. Acknowledgements of an upload stay below it however long it goes on: waiting for more of
// them would hold the upload up.
const POUR_BYTES = 64 << 10; // above
const RATE = 4 << 10; // bytes a millisecond
const KEPT = 2 * POUR_BYTES; // so that it ends soon after the bytes do

export class Pouring {
  #level = 0;
  #lastMs = 0;

  /** Bytes have come: true if they are part of a flood. */
  add(length, nowMs = performance.now()) {
    this.#level = Math.max(0, this.#level - (nowMs - this.#lastMs) * RATE) + length;
    this.#lastMs = nowMs;
    const pours = this.#level > POUR_BYTES;
    this.#level = Math.min(this.#level, KEPT);
    return pours;
  }
}
