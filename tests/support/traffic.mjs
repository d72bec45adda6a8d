/*
 * Traffic that shows every lost, repeated or changed byte, for tests that break the way it takes:
 *
 *   Shell     a shell on a terminal: numbered lines typed, each to be seen once, in order
 *   Transfer  a TCP stream each way at a measured pace; each side checks every byte as it comes
 */
import {once} from 'node:events';
import {createServer} from 'node:net';
import {until} from './process.mjs';

/** The byte at a place of the stream: no shifted copy of it looks alike. */
function fill(bytes, at) {
  for (let i = 0; i < bytes.length; i++) {
    const n = (at + i) >>> 0;
    bytes[i] = Math.imul(n ^ (n >>> 7), 0x9e3779b1) >>> 24;
  }
  return bytes;
}

class Checker {
  bytes = 0;
  wrongAt = undefined;

  take(chunk) {
    const expected = fill(new Uint8Array(chunk.length), this.bytes);
    if (this.wrongAt === undefined && Buffer.compare(Buffer.from(chunk), expected) !== 0)
      this.wrongAt = this.bytes;
    this.bytes += chunk.length;
  }
}

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** From the page to a server on a node's loopback, and from there to the page. */
export class Transfer {
  up = new Checker();
  down = new Checker();
  sent = {up: 0, down: 0};
  error = undefined;
  #stopped = false;

  /** @param {{ipn: object, host: string, bytesPerSecond: number}} o of each direction */
  static async start({ipn, host, bytesPerSecond}) {
    const t = new Transfer();
    t.chunk = Math.max(1000, Math.round(bytesPerSecond / 20));
    t.server = createServer({allowHalfOpen: true}, (socket) => t.#serve(socket));
    t.server.listen(0, '127.0.0.1');
    await once(t.server, 'listening');
    t.stream = ipn.tcp(host, t.server.address().port, {timeoutSeconds: 30});
    t.done = Promise.all([t.#write(), t.#read()]).catch((error) => (t.error = error));
    await until('the transfer runs', () => t.up.bytes > 0 && t.down.bytes > 0);
    return t;
  }

  /** Both directions end; resolves once all has arrived. */
  async stop() {
    this.#stopped = true;
    await this.done;
    await until('the server has all', () => this.error || this.up.bytes === this.sent.up);
    this.socket.destroy();
    this.server.close();
  }

  /** Of a test that failed: nothing of it keeps the process. */
  async abandon() {
    this.#stopped = true;
    this.socket.destroy();
    this.server.close();
  }

  #serve(socket) {
    this.socket = socket;
    socket.on('error', (error) => (this.error ??= error));
    socket.on('data', (chunk) => this.up.take(chunk));
    void this.#pace('down', async (bytes) => {
      if (!socket.write(bytes)) await once(socket, 'drain');
    }).then(() => socket.end());
  }

  async #write() {
    const writer = this.stream.writable.getWriter();
    await this.#pace('up', (bytes) => writer.write(bytes));
    await writer.close();
  }

  async #read() {
    for await (const chunk of this.stream.readable) this.down.take(chunk);
  }

  async #pace(way, write) {
    while (!this.#stopped && !this.error) {
      await write(fill(new Uint8Array(this.chunk), this.sent[way]));
      this.sent[way] += this.chunk;
      await sleep(50);
    }
  }
}

/** Types `echo tick-N` every `everyMs`. */
export class Shell {
  typed = 0;
  error = undefined;
  done = false;
  #seen = '';
  #isReady = false;
  #ticks = [];
  #decoder = new TextDecoder();

  static async start({ipn, host, user, everyMs, options = {}}) {
    const shell = new Shell();
    shell.session = ipn.ssh(host, user, {
      timeoutSeconds: 30,
      cols: 200,
      onData: (bytes) => shell.#take(bytes),
      writeErrorFn: (text) => (shell.error = text),
      setReadFn: (fn) => (shell.type = fn),
      onDone: () => (shell.done = true),
      ...options,
    });
    await until('the shell', () => shell.type);
    // What is typed before the shell is ready it may throw away.
    const ready = () => shell.type('PS1=; stty -echo; echo ready.\n') ?? shell.#isReady;
    await until('the shell is ready', ready, {every: 1000});
    shell.timer = setInterval(() => shell.tick(), everyMs);
    return shell;
  }

  tick() {
    if (!this.done) this.type(`echo tick-${this.typed++}.\n`);
  }

  get answered() {
    return this.#ticks.length;
  }

  /** What is not as it was typed; undefined if all is well so far. */
  get problem() {
    if (this.done) return `the shell ended: ${this.error ?? ''}`;
    const at = this.#ticks.findIndex((n, i) => n !== i);
    return at < 0 ? undefined : `tick ${this.#ticks[at]} where ${at} was expected`;
  }

  /** Resolves once it has answered what was typed so far, and more; throws what is not as it should be. */
  async goesOn({lines = 3, timeout = 60_000} = {}) {
    const {typed} = this;
    const isAnswered = () => {
      if (this.problem) throw new Error(this.problem);
      return this.answered >= typed + lines;
    };
    await until('the shell answers', isAnswered, {timeout});
  }

  async stop() {
    clearInterval(this.timer);
    await until('every line is answered', () => this.done || this.answered >= this.typed, {
      timeout: 60_000,
    });
    const {problem} = this;
    this.session.close();
    if (problem) throw new Error(problem);
  }

  #take(bytes) {
    const lines = (this.#seen + this.#decoder.decode(bytes, {stream: true})).split('\n');
    this.#seen = lines.pop();
    for (const line of lines) {
      this.#isReady ||= /^ready\./.test(line);
      const tick = /tick-(\d+)\./.exec(line);
      if (tick && !line.includes('echo')) this.#ticks.push(Number(tick[1]));
    }
  }
}
