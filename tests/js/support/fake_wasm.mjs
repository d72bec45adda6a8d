/*
 * The exports of ipn.wasm over a real WebAssembly.Memory, written in JavaScript: an allocator that
 * only goes up and grows the memory on request, and records of what the C side would have read.
 */
const EVENT_WORDS = 7;
const DIRT = 0xcc; // what malloc hands out is not zero

export class FakeWasm {
  memory = new WebAssembly.Memory({initial: 1});
  seen = [];
  freed = [];
  queue = [];
  growEachCall = false;
  #top = 1024;

  /** The functions, as an instance exports them. Those not written here record their numbers. */
  get exports() {
    const own = {
      memory: this.memory,
      _initialize: () => this.seen.push(['_initialize']),
      x_alloc: (len) => this.#alloc(len),
      x_free: (at) => this.freed.push(at),
      x_buffer: (len) => this.#alloc(len),
      x_new: (...args) => this.#new(...args),
      x_poll: () => this.#poll(),
      x_next_deadline: () => Infinity,
      x_socket_input: (id, at, len, now) =>
        this.seen.push(['socket_input', id, this.bytes(at, len), now]),
      x_ssh_open: (...args) => this.#sshOpen(...args),
      x_ssh_write: (id, at, len) => (this.seen.push(['ssh_write', id, this.bytes(at, len)]), len),
      x_ping: (host) => (this.seen.push(['ping', this.text(host)]), 9),
    };
    return new Proxy(own, {
      get: (target, name) => target[name] ?? ((...args) => (this.seen.push([name, ...args]), 0)),
    });
  }

  bytes(at, len) {
    return [...new Uint8Array(this.memory.buffer, at, len)];
  }

  text(at) {
    const bytes = new Uint8Array(this.memory.buffer);
    return new TextDecoder().decode(bytes.slice(at, bytes.indexOf(0, at)));
  }

  /** All of the memory. */
  allText() {
    return new TextDecoder().decode(new Uint8Array(this.memory.buffer).slice());
  }

  place(data) {
    const bytes = typeof data === 'string' ? new TextEncoder().encode(data) : Uint8Array.from(data);
    const at = this.#alloc(bytes.length + 1);
    new Uint8Array(this.memory.buffer, at, bytes.length + 1).set([...bytes, 0]);
    return [at, bytes.length];
  }

  #alloc(len) {
    if (this.growEachCall) this.memory.grow(1);
    const at = this.#top;
    this.#top += (len + 15) & ~15;
    while (this.#top > this.memory.buffer.byteLength) this.memory.grow(1);
    new Uint8Array(this.memory.buffer, at, len).fill(DIRT);
    return at;
  }

  #new(...args) {
    const strings = args.slice(0, 6).map((at) => this.text(at));
    this.seen.push(['new', ...strings, ...args.slice(6)]);
    return this.refusal ? this.place(this.refusal)[0] : 0;
  }

  #sshOpen(at, len, now) {
    const text = new TextDecoder().decode(Uint8Array.from(this.bytes(at, len)));
    this.seen.push(['ssh_open', text.split('\0'), now]);
    return 5;
  }

  #poll() {
    const event = this.queue.shift();
    if (!event) return 0;
    const {type, id = 0, code = 0, text = '', aux = ''} = event;
    const [textAt, textLen] = this.place(text);
    const [auxAt, auxLen] = this.place(aux);
    const at = this.#alloc(4 * EVENT_WORDS);
    new Uint32Array(this.memory.buffer, at, EVENT_WORDS).set([
      type,
      id,
      code,
      textAt,
      auxAt,
      textLen,
      auxLen,
    ]);
    return at;
  }
}
