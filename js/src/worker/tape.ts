/*
 * What a shell wrote, for the page that takes it over:
 *
 *     dropped │ scrollback: taken by a page before │ unseen: sent to a page and never taken
 *             └ at most SCROLLBACK_BYTES           └ bounded by the credit of the session
 *
 * Bytes lie in blocks, so that single characters cost a byte each. Which of the unseen bytes were
 * stderr is in runs: lengths by turns, of stdout, of stderr, of stdout, …
 */

const SCROLLBACK_BYTES = 256 * 1024; // some thousand lines: what a person scrolls back to
const BLOCK_BYTES = 16 * 1024;
const NEWLINE = 10;

export type TapeType = 'sshData' | 'sshStderr';
const TYPES: readonly TapeType[] = ['sshData', 'sshStderr'];

export class Tape {
  readonly #blocks: Uint8Array[] = [];
  /** Offsets in the session's output: of the first block, of what was taken, of the end. */
  #start = 0;
  #taken = 0;
  #end = 0;
  readonly #runs: number[] = [];
  /** What the first of the runs is. */
  #firstType = 0;

  /** Whether some of what was taken is not here any more. */
  get isCut(): boolean {
    return this.#taken - SCROLLBACK_BYTES > 0;
  }

  push(type: TapeType, bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.#append(bytes);
    const wanted = TYPES.indexOf(type);
    if (this.#runs.length === 0) this.#firstType = wanted;
    const last = this.#runs.length - 1;
    if (last >= 0 && (this.#firstType + last) % 2 === wanted) this.#runs[last]! += bytes.length;
    else this.#runs.push(bytes.length);
  }

  /** A page has taken n bytes more. */
  take(n: number): void {
    let left = Math.min(n, this.#end - this.#taken);
    this.#taken += left;
    let over = 0; // whole runs
    while (left > 0 && left >= this.#runs[over]!) left -= this.#runs[over++]!;
    this.#runs.splice(0, over);
    if (left > 0) this.#runs[0]! -= left;
    this.#firstType = (this.#firstType + over) % 2;
    while (this.#start + BLOCK_BYTES <= this.#taken - SCROLLBACK_BYTES) {
      this.#blocks.shift();
      this.#start += BLOCK_BYTES;
    }
  }

  /** What was taken before; where it had to be cut it begins with a line. */
  scrollback(): Uint8Array<ArrayBuffer> {
    const from = Math.max(this.#taken - SCROLLBACK_BYTES, 0);
    const bytes = this.#slice(from, this.#taken);
    return from > 0 ? bytes.slice(bytes.indexOf(NEWLINE) + 1) : bytes;
  }

  unseen(): Array<{type: TapeType; bytes: Uint8Array<ArrayBuffer>}> {
    let at = this.#taken;
    return this.#runs.map((len, i) => {
      const bytes = this.#slice(at, at + len);
      at += len;
      return {type: TYPES[(this.#firstType + i) % 2]!, bytes};
    });
  }

  #append(bytes: Uint8Array): void {
    for (let done = 0; done < bytes.length;) {
      const at = (this.#end - this.#start) % BLOCK_BYTES;
      if (at === 0) this.#blocks.push(new Uint8Array(BLOCK_BYTES));
      const part = bytes.subarray(done, done + BLOCK_BYTES - at);
      this.#blocks.at(-1)!.set(part, at);
      this.#end += part.length;
      done += part.length;
    }
  }

  #slice(from: number, to: number): Uint8Array<ArrayBuffer> {
    const all = new Uint8Array(to - from);
    for (let at = from; at < to;) {
      const offset = (at - this.#start) % BLOCK_BYTES;
      const block = this.#blocks[Math.floor((at - this.#start) / BLOCK_BYTES)]!;
      const part = block.subarray(offset, Math.min(offset + to - at, BLOCK_BYTES));
      all.set(part, at - from);
      at += part.length;
    }
    return all;
  }
}
