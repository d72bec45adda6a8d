/*
 * The sockets the core asked for, by its ids. What it sends on one socket in one turn leaves as
 * few messages as the servers' limit allows: DERP and ts2021 are byte streams, the borders of
 * messages mean nothing.
 */

/** The part of the standard WebSocket that is used; Node's `ws` has it too. */
export interface WebSocketLike {
  binaryType: string;
  readonly readyState: number;
  readonly bufferedAmount?: number;
  onopen: ((event: never) => void) | null;
  onmessage: ((event: never) => void) | null;
  onclose: ((event: never) => void) | null;
  onerror: ((event: never) => void) | null;
  send(data: Uint8Array): void;
  close(code?: number, reason?: string): void;
}

export type WebSocketConstructor = new (
  url: string,
  protocols?: string | string[],
) => WebSocketLike;

export interface SocketHandlers {
  opened(id: number): void;
  /** The bytes are the receiver's. */
  input(id: number, bytes: Uint8Array): void;
  closed(id: number, code: number, reason: string): void;
}

const MAX_MESSAGE_BYTES = 32_768; // one byte more and servers close with 1009
// What a server that does not read may leave with us. A byte stream cannot lose some of it.
const MAX_BUFFERED_BYTES = 32 << 20;
const OPEN = 1;
const ABNORMAL_CLOSURE = 1006;
const CLOSE_FOLLOWS_MS = 100; // an error's close event comes in the same task or the next
const BLOCKED = 'the address is blocked';

interface Entry {
  readonly id: number;
  socket: WebSocketLike;
  staged: Uint8Array;
  stagedLen: number;
}

export class WebSocketTable {
  readonly #WebSocket: WebSocketConstructor;
  readonly #handlers: SocketHandlers;
  readonly #entries = new Map<number, Entry>();
  readonly #unflushed = new Set<Entry>();

  constructor(WebSocket: WebSocketConstructor, handlers: SocketHandlers) {
    this.#WebSocket = WebSocket;
    this.#handlers = handlers;
  }

  open(id: number, url: string, protocol: string): void {
    let socket: WebSocketLike;
    try {
      socket = protocol ? new this.#WebSocket(url, protocol) : new this.#WebSocket(url);
    } catch (error) {
      // A page on https may not open ws:, a malformed URL: the constructor throws.
      this.#handlers.closed(id, ABNORMAL_CLOSURE, error instanceof Error ? error.message : '');
      return;
    }
    socket.binaryType = 'arraybuffer';
    const entry = {id, socket, staged: new Uint8Array(0), stagedLen: 0};
    this.#entries.set(id, entry);
    const mine = (): boolean => this.#entries.get(id) === entry;
    socket.onopen = () => {
      if (mine()) this.#handlers.opened(id);
    };
    socket.onmessage = ({data}: {data: unknown}) => {
      // Text is nothing that these servers say.
      if (mine() && data instanceof ArrayBuffer) this.#handlers.input(id, new Uint8Array(data));
    };
    const ended = (code: number, reason: string): void => {
      if (!mine()) return;
      this.#forget(id, entry);
      this.#handlers.closed(id, code, reason);
    };
    socket.onclose = ({code, reason}: {code?: number; reason?: string}) =>
      ended(code ?? ABNORMAL_CLOSURE, reason ?? '');
    // close follows, save where the page's Content-Security-Policy blocks the address: in a worker
    // Chromium then reports an error and nothing more.
    socket.onerror = () => {
      setTimeout(() => {
        if (socket.readyState !== OPEN) ended(ABNORMAL_CLOSURE, BLOCKED);
      }, CLOSE_FOLLOWS_MS);
    };
  }

  /** Copies the bytes; they leave with flush(). Dropped when the socket is not open. */
  send(id: number, bytes: Uint8Array): void {
    const entry = this.#entries.get(id);
    if (!entry || entry.socket.readyState !== OPEN) return;
    if (entry.stagedLen + bytes.length > MAX_MESSAGE_BYTES) this.#flushEntry(entry);
    if (entry.stagedLen + bytes.length > entry.staged.length) grow(entry, bytes.length);
    entry.staged.set(bytes, entry.stagedLen);
    entry.stagedLen += bytes.length;
    this.#unflushed.add(entry);
  }

  /** The end of a turn: one message per socket. Only what sends can be too much. */
  flush(): void {
    if (this.#unflushed.size === 0) return;
    const sent = [...this.#unflushed];
    for (const entry of sent) this.#flushEntry(entry);
    this.#unflushed.clear();
    for (const {id, socket} of sent) {
      if ((socket.bufferedAmount ?? 0) <= MAX_BUFFERED_BYTES) continue;
      this.close(id);
      this.#handlers.closed(id, ABNORMAL_CLOSURE, 'the server does not read');
    }
  }

  /** The core asked for it, so it hears no more of it. */
  close(id: number): void {
    const entry = this.#entries.get(id);
    if (!entry) return;
    this.#flushEntry(entry);
    this.#forget(id, entry);
    entry.socket.close();
  }

  closeAll(): void {
    for (const id of [...this.#entries.keys()]) this.close(id);
  }

  #flushEntry(entry: Entry): void {
    const {socket, staged, stagedLen} = entry;
    entry.stagedLen = 0;
    // A copy: libraries for Node may keep what they are given until it is written.
    if (stagedLen > 0 && socket.readyState === OPEN) socket.send(staged.slice(0, stagedLen));
  }

  #forget(id: number, entry: Entry): void {
    this.#entries.delete(id);
    this.#unflushed.delete(entry);
  }
}

function grow(entry: Entry, len: number): void {
  const staged = new Uint8Array(
    Math.max(entry.stagedLen + len, Math.min(2 * entry.staged.length, MAX_MESSAGE_BYTES), 2048),
  );
  staged.set(entry.staged.subarray(0, entry.stagedLen));
  entry.staged = staged;
}
