/* Lines and counted bytes out of a stream of chunks. */

const CR = 0x0d;
const LF = 0x0a;

export class ByteReader {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  #rest: Uint8Array = new Uint8Array(0);
  #lineBudget: number;

  /** All lines together may be no longer than maxLineBytes; counted bytes between them renew 1 kB of it. */
  constructor(reader: ReadableStreamDefaultReader<Uint8Array>, maxLineBytes: number) {
    this.#reader = reader;
    this.#lineBudget = maxLineBytes;
  }

  /** A line without its CRLF or LF, one character per byte. */
  async line(): Promise<string> {
    let line = '';
    for (;;) {
      const bytes = await this.#some();
      const end = bytes.indexOf(LF);
      const part = end < 0 ? bytes : bytes.subarray(0, end);
      this.#rest = end < 0 ? new Uint8Array(0) : bytes.subarray(end + 1);
      this.#lineBudget -= part.length + 1;
      if (this.#lineBudget < 0) throw new Error('The server sent too long a header.');
      for (const byte of part) line += String.fromCharCode(byte);
      if (end >= 0) return line.charCodeAt(line.length - 1) === CR ? line.slice(0, -1) : line;
    }
  }

  async *exactly(len: number): AsyncGenerator<Uint8Array> {
    for (let left = len; left > 0;) {
      const bytes = (await this.#some()).subarray(0, left);
      this.#rest = this.#rest.subarray(bytes.length);
      left -= bytes.length;
      this.#lineBudget = Math.max(this.#lineBudget, 1024); // the next chunk's size line
      yield bytes;
    }
  }

  async *rest(): AsyncGenerator<Uint8Array> {
    for (;;) {
      const bytes = this.#rest;
      this.#rest = new Uint8Array(0);
      if (bytes.length > 0) yield bytes;
      const {done, value} = await this.#reader.read();
      if (done) return;
      this.#rest = value;
    }
  }

  /** At least one byte; they stay in #rest until taken. */
  async #some(): Promise<Uint8Array> {
    while (this.#rest.length === 0) {
      const {done, value} = await this.#reader.read();
      if (done) throw new Error('The connection ended in the middle of an answer.');
      this.#rest = value;
    }
    return this.#rest;
  }
}
