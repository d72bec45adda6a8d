/* The messages of one turn, the data of one session joined as long as nothing came between. */
import type {FromEngine} from './messages.js';

type DataType = 'sshData' | 'sshStderr' | 'tcpData' | 'sftpData';

interface Joined {
  type: DataType;
  id: number;
  chunks: Uint8Array[];
  len: number;
}

export class Batch {
  #items: Array<FromEngine | Joined> = [];
  readonly #lastOf = new Map<number, FromEngine | Joined>();
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
    const last = this.#lastOf.get(id);
    if (last && 'chunks' in last && last.type === type) {
      last.chunks.push(bytes.slice());
      last.len += bytes.length;
      return;
    }
    const joined = {type, id, chunks: [bytes.slice()], len: bytes.length};
    this.#items.push(joined);
    this.#lastOf.set(id, joined);
  }

  /** Everything so far, and the buffers to transfer with it; starts anew. */
  take(): {messages: FromEngine[]; transfer: ArrayBuffer[]} {
    const transfer: ArrayBuffer[] = [];
    const messages = this.#items.map((item): FromEngine => {
      if (!('chunks' in item)) return item;
      const bytes = concat(item.chunks, item.len);
      transfer.push(bytes.buffer);
      const {type, id} = item;
      return type === 'sftpData' ? {type, id, request: id, bytes} : {type, id, bytes};
    });
    this.#items = [];
    this.#lastOf.clear();
    this.#dataBytes = 0;
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
