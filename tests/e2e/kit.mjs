// What the cases in tests/e2e/cases share: plain JavaScript that runs in Node and in a page.

/** @returns what `value` is to be told as in an error */
function show(value) {
  if (value instanceof Uint8Array) return `${value.length} bytes`;
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 2000 ? `${text.slice(0, 2000)}…` : text;
}

export const assert = {
  ok(value, what = 'it') {
    if (!value) throw new Error(`${what} does not hold`);
  },
  equal(actual, expected, what = '') {
    if (!Object.is(actual, expected))
      throw new Error(`${what} ${show(actual)} is not ${show(expected)}`.trim());
  },
  same(actual, expected, what = '') {
    if (JSON.stringify(actual) !== JSON.stringify(expected))
      throw new Error(`${what} ${show(actual)} is not ${show(expected)}`.trim());
  },
  match(text, pattern) {
    if (!pattern.test(text)) throw new Error(`${show(text)} does not match ${pattern}`);
  },
  /** Resolves with the error. */
  async rejects(promise, pattern) {
    const error = await promise.then(
      (value) => assert.fail(`it resolved with ${show(value)}`),
      (e) => e,
    );
    if (pattern) assert.match(String(error?.message ?? error), pattern);
    return error;
  },
  fail(text) {
    throw new Error(text);
  },
};

export function sleep(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Resolves with the first truthy value of `attempt`. */
export async function until(what, attempt, {timeout = 20_000, every = 20} = {}) {
  const end = Date.now() + timeout;
  for (;;) {
    const value = await attempt();
    if (value) return value;
    if (Date.now() > end) assert.fail(`${what}: not within ${timeout} ms`);
    await sleep(every);
  }
}

export function concat(chunks) {
  const all = new Uint8Array(chunks.reduce((n, chunk) => n + chunk.length, 0));
  let at = 0;
  for (const chunk of chunks) {
    all.set(chunk, at);
    at += chunk.length;
  }
  return all;
}

const encoder = new TextEncoder();
export const utf8 = (text) => encoder.encode(text);
export const text = (bytes) => new TextDecoder().decode(bytes);

export async function readAll(readable) {
  const chunks = [];
  const reader = readable.getReader();
  for (;;) {
    const {value, done} = await reader.read();
    if (done) return concat(chunks);
    chunks.push(value);
  }
}

/**
 * Bytes that no compression and no shifted copy goes unnoticed in, the same from the same seed:
 * calls `take` with chunks of at most `chunk` bytes, `count` bytes in all.
 */
export async function generate(count, take, {seed = 1, chunk = 64 * 1024} = {}) {
  let state = seed >>> 0 || 1;
  for (let done = 0; done < count;) {
    const bytes = new Uint8Array(Math.min(chunk, count - done));
    for (let i = 0; i < bytes.length; i++) {
      state ^= state << 13;
      state ^= state >>> 17;
      state ^= state << 5;
      bytes[i] = state;
    }
    done += bytes.length;
    await take(bytes);
  }
}

const HEX = (n) => (n >>> 0).toString(16).padStart(8, '0');

/** FIPS 180-4. In a page crypto.subtle wants all bytes at once; this one takes them as they come. */
export class Sha256 {
  static #k = sha256Constants();
  #state = new Int32Array([
    0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
  ]);
  #block = new Uint8Array(64);
  #words = new Int32Array(64);
  #filled = 0;
  #hex;
  bytes = 0;

  update(bytes) {
    this.bytes += bytes.length;
    let at = 0;
    if (this.#filled) {
      at = Math.min(64 - this.#filled, bytes.length);
      this.#block.set(bytes.subarray(0, at), this.#filled);
      this.#filled += at;
      if (this.#filled < 64) return this;
      this.#compress(this.#block, 0);
    }
    for (; at + 64 <= bytes.length; at += 64) this.#compress(bytes, at);
    this.#block.set(bytes.subarray(at));
    this.#filled = bytes.length - at;
    return this;
  }

  /** The end of it: nothing may be added afterwards. */
  hex() {
    this.#hex ??= this.#finish();
    return this.#hex;
  }

  #finish() {
    const bits = this.bytes * 8;
    const pad = new Uint8Array((this.#filled < 56 ? 56 : 120) - this.#filled + 8);
    pad[0] = 0x80;
    const view = new DataView(pad.buffer);
    view.setUint32(pad.length - 8, Math.floor(bits / 2 ** 32));
    view.setUint32(pad.length - 4, bits >>> 0);
    this.update(pad);
    return [...this.#state].map(HEX).join('');
  }

  #compress(bytes, at) {
    const w = this.#words;
    const k = Sha256.#k;
    for (let i = 0; i < 16; i++, at += 4)
      w[i] = (bytes[at] << 24) | (bytes[at + 1] << 16) | (bytes[at + 2] << 8) | bytes[at + 3];
    for (let i = 16; i < 64; i++) {
      const x = w[i - 15];
      const y = w[i - 2];
      const s0 = ((x >>> 7) | (x << 25)) ^ ((x >>> 18) | (x << 14)) ^ (x >>> 3);
      const s1 = ((y >>> 17) | (y << 15)) ^ ((y >>> 19) | (y << 13)) ^ (y >>> 10);
      w[i] = w[i - 16] + s0 + w[i - 7] + s1;
    }
    const s = this.#state;
    let [a, b, c, d] = [s[0], s[1], s[2], s[3]];
    let [e, f, g, h] = [s[4], s[5], s[6], s[7]];
    for (let i = 0; i < 64; i++) {
      const s1 = ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7));
      const t1 = (h + s1 + ((e & f) ^ (~e & g)) + k[i] + w[i]) | 0;
      const s0 = ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10));
      const t2 = (s0 + ((a & b) ^ (a & c) ^ (b & c))) | 0;
      h = g;
      g = f;
      f = e;
      e = (d + t1) | 0;
      d = c;
      c = b;
      b = a;
      a = (t1 + t2) | 0;
    }
    s[0] += a;
    s[1] += b;
    s[2] += c;
    s[3] += d;
    s[4] += e;
    s[5] += f;
    s[6] += g;
    s[7] += h;
  }
}

/** The first 32 bits of the fractional parts of the cube roots of the first 64 primes. */
function sha256Constants() {
  const k = new Int32Array(64);
  for (let n = 2, found = 0; found < 64; n++) {
    let isPrime = true;
    for (let d = 2; d * d <= n; d++) isPrime &&= n % d !== 0;
    if (isPrime) k[found++] = cubeRootFraction(n);
  }
  return k;
}

/** By integers: floor(cbrt(n) * 2^32) mod 2^32. */
function cubeRootFraction(n) {
  const target = BigInt(n) << 96n;
  let low = 0n;
  let high = 1n << 40n;
  while (low < high) {
    const middle = (low + high + 1n) >> 1n;
    if (middle ** 3n <= target) low = middle;
    else high = middle - 1n;
  }
  return Number(BigInt.asIntN(32, low));
}

/**
 * Runs ipn.ssh() to its end; resolves with all that it said. `onStart(session, said)` is called
 * at once; said.type is there when the shell runs.
 */
export function runSSH(ipn, host, user, {onStart, ...options} = {}) {
  return new Promise((resolve, reject) => {
    const said = {out: [], err: [], errors: [], progress: [], banners: [], connected: false};
    const session = ipn.ssh(host, user, {
      timeoutSeconds: 20,
      onData: (bytes) => void said.out.push(bytes),
      onStderr: (bytes) => void said.err.push(bytes),
      writeErrorFn: (line) => said.errors.push(line),
      setReadFn: (fn) => (said.type = fn),
      onConnectionProgress: (line) => said.progress.push(line),
      onBanner: (banner) => said.banners.push(banner),
      onConnected: () => (said.connected = true),
      onExit: (exit) => (said.exit = exit),
      onDone: () => {
        said.isOver = true;
        said.bytes = concat(said.out);
        said.text = text(said.bytes);
        said.stderr = text(concat(said.err));
        said.info = session.info;
        resolve(said);
      },
      ...options,
    });
    Promise.resolve(onStart?.(session, said)).catch((error) => {
      reject(error); // first: closing it ends it, which resolves
      session.close();
    });
  });
}

/** What a login that waits for a person is called, from the address in its banner. */
export function authIdIn(banners) {
  return /\/auth\/([\w-]+)/.exec(banners.join(''))?.[1];
}

/** Writes all of it to a session, as fast as it is taken, then ends the input. */
export async function feed(session, produce) {
  await produce(async (bytes) => {
    while (!session.write(bytes)) await session.drained();
  });
  session.end();
}
