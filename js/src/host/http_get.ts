/* The core's few GETs: the control server's key, and probes of which only the time matters. */

export type Fetch = typeof globalThis.fetch;

const TIMEOUT_MS = 10_000;
const MAX_BODY_BYTES = 64 * 1024; // a key is 200 bytes
const EMPTY = new Uint8Array(0);

async function readBounded(response: Response): Promise<Uint8Array<ArrayBuffer>> {
  if (!response.body) return EMPTY;
  const chunks: Uint8Array[] = [];
  let len = 0;
  const reader = response.body.getReader();
  for (;;) {
    const {done, value} = await reader.read();
    if (done) break;
    len += value.length;
    if (len > MAX_BODY_BYTES) {
      await reader.cancel();
      throw new Error('the answer is too long');
    }
    chunks.push(value);
  }
  const body = new Uint8Array(len);
  let at = 0;
  for (const chunk of chunks) {
    body.set(chunk, at);
    at += chunk.length;
  }
  return body;
}

export class HttpGets {
  readonly #fetch: Fetch;
  readonly #running = new Set<AbortController>();

  constructor(fetch: Fetch) {
    this.#fetch = fetch;
  }

  /** done(0, empty) when it failed: blocked by CORS, unreachable, too slow, too long. */
  async get(
    url: string,
    probe: boolean,
    done: (status: number, body: Uint8Array) => void,
  ): Promise<void> {
    const abort = new AbortController();
    const timer = setTimeout(() => abort.abort(), TIMEOUT_MS);
    this.#running.add(abort);
    let status = 0;
    let body = EMPTY;
    try {
      const response = await this.#fetch(url, {
        mode: probe ? 'no-cors' : 'cors',
        cache: 'no-store',
        signal: abort.signal,
      });
      // An opaque answer of a probe hides its status: the server answered, which is all.
      status = response.status || (response.type === 'opaque' ? 204 : 0);
      if (probe) await response.body?.cancel();
      else body = await readBounded(response);
    } catch {
      status = 0;
    } finally {
      clearTimeout(timer);
      this.#running.delete(abort);
    }
    done(status, body);
  }

  abortAll(): void {
    for (const abort of this.#running) abort.abort();
  }
}
