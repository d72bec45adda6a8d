/* The messages of one turn, the data of one session joined as long as nothing came between. */
import type {FromEngine} from './messages.js';

type DataType = 'sshData' | 'sshStderr' | 'tcpData' | 'sftpData';

export const STAGE_BYTES = 64 * 1024; // a full one goes to the page as it is, without a copy
const MAX_SPARE_STAGES = 4;

interface Joined {
  type: DataType;
  id: number;
  stage: Uint8Array<ArrayBuffer>;
  len: number;
}

export class Batch {
  #items: Array<FromEngine | Joined> = [];
  readonly #lastOf = new Map<number, FromEngine | Joined>();
  /** Used again: a fresh buffer for a little costs more than the copy of it. */
  readonly #spare: Array<Uint8Array<ArrayBuffer>> = [];
  /** In this batch: one that many sessions share has little of each. */
  #stages = 0;
  #dataBytes = 0;
  #isDataOnly = true;

  get isEmpty(): boolean {
    return this.#items.length === 0;
  }

  /** Nothing but what far ends sent. */
  get isDataOnly(): boolean {
    return this.#isDataOnly;
  }

  get dataBytes(): number {
    return this.#dataBytes;
  }

  add(message: FromEngine): void {
    this.#isDataOnly = false;
    this.#items.push(message);
    if ('id' in message) this.#lastOf.set(message.id, message);
  }

  /** Copies the bytes. */
  addData(type: DataType, id: number, bytes: Uint8Array): void {
    this.#dataBytes += bytes.length;
    for (let at = 0; at < bytes.length;) {
      const joined = this.#joinable(type, id) ?? this.#join(type, id, bytes.length - at);
      const n = Math.min(bytes.length - at, STAGE_BYTES - joined.len);
      const end = joined.len + n;
      if (end > joined.stage.length) {
        const larger = new Uint8Array(
          Math.min(Math.max(end, 2 * joined.stage.length), STAGE_BYTES),
        );
        larger.set(joined.stage.subarray(0, joined.len));
        joined.stage = larger;
      }
      joined.stage.set(n === bytes.length ? bytes : bytes.subarray(at, at + n), joined.len);
      joined.len = end;
      at += n;
    }
  }

  #joinable(type: DataType, id: number): Joined | undefined {
    const last = this.#lastOf.get(id);
    if (!last || !('stage' in last) || last.type !== type) return undefined;
    return last.len < STAGE_BYTES ? last : undefined;
  }

  #join(type: DataType, id: number, len: number): Joined {
    const isMany = this.#stages++ >= MAX_SPARE_STAGES;
    const stage =
      this.#spare.pop() ?? new Uint8Array(isMany && len < STAGE_BYTES ? len : STAGE_BYTES);
    const joined = {type, id, stage, len: 0};
    this.#items.push(joined);
    this.#lastOf.set(id, joined);
    return joined;
  }

  /** Everything so far, and the buffers to transfer with it; starts anew. */
  take(): {messages: FromEngine[]; transfer: ArrayBuffer[]} {
    const transfer: ArrayBuffer[] = [];
    const messages = this.#items.map((item): FromEngine => {
      if (!('stage' in item)) return item;
      const {type, id, stage, len} = item;
      const isFull = len === stage.length;
      const bytes = isFull ? stage : stage.slice(0, len);
      transfer.push(bytes.buffer);
      if (!isFull && this.#spare.length < MAX_SPARE_STAGES && stage.length === STAGE_BYTES)
        this.#spare.push(stage);
      return type === 'sftpData' ? {type, id, request: id, bytes} : {type, id, bytes};
    });
    this.#items = [];
    this.#lastOf.clear();
    this.#stages = this.#dataBytes = 0;
    this.#isDataOnly = true;
    return {messages, transfer};
  }
}

/** One chunk is returned as it is; it must own its whole buffer. */
export function concat(chunks: Uint8Array[], len: number): Uint8Array<ArrayBuffer> {
  if (chunks.length === 1) return chunks[0] as Uint8Array<ArrayBuffer>;
  const bytes = new Uint8Array(len);
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return bytes;
}
