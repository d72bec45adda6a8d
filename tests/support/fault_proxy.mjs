/*
 * A TCP proxy that fails on purpose, between a client and Headscale or a relay:
 *
 *   client ── FaultProxy ── server
 *
 *   cut()         every connection ends, as when a proxy or a server restarts; new ones work
 *   down(how)     until up(): 'refuse'  connections end, new ones are refused
 *                             'stall'   bytes wait, in both directions; up() lets them go on
 *                             'silent'  as a network that is gone: bytes vanish, nothing is closed,
 *                                       new connections open and hear nothing. What was open by then
 *                                       stays dead afterwards: half-open
 *   delay(ms), throttle(bytesPerSecond), corrupt(direction)   one byte of what comes next
 *
 * FaultSchedule draws faults from a seed, which is printed: MESHTERM_SEED=n repeats a run.
 */
import net from 'node:net';

const TURN_MS = 20; // of a throttled connection

/** One direction of one connection: chunks wait here while the way is delayed or throttled. */
class Lane {
  #queue = [];
  #timer;
  #ended = false;

  constructor(proxy, from, to, name) {
    Object.assign(this, {proxy, from, to, name});
    from.on('data', (chunk) => this.#take(chunk));
    from.on('end', () => ((this.#ended = true), this.pump()));
    to.on('drain', () => from.resume());
  }

  #take(chunk) {
    const {proxy} = this;
    if (proxy.corrupting === this.name && chunk.length > 0) {
      proxy.corrupting = undefined;
      proxy.corrupted++;
      chunk[Math.floor(chunk.length / 2)] ^= 0x55;
    }
    proxy.bytes[this.name] += chunk.length;
    this.#queue.push({chunk, at: Date.now() + proxy.delayMs});
    if (this.#queue.length > 64) this.from.pause();
    this.pump();
  }

  pump() {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.proxy.mode === 'stall') return;
    const now = Date.now();
    let budget = this.proxy.bytesPerSecond
      ? (this.proxy.bytesPerSecond * TURN_MS) / 1000
      : Infinity;
    while (this.#queue.length > 0 && this.#queue[0].at <= now && budget > 0) {
      const entry = this.#queue[0];
      const part = entry.chunk.subarray(0, budget);
      budget -= part.length;
      entry.chunk = entry.chunk.subarray(part.length);
      if (entry.chunk.length === 0) this.#queue.shift();
      if (!this.to.write(part)) this.from.pause();
    }
    if (this.#queue.length > 0) {
      const wait = Math.max(this.#queue[0].at - now, this.proxy.bytesPerSecond ? TURN_MS : 1);
      this.#timer = setTimeout(() => this.pump(), wait);
      return;
    }
    if (this.#ended) this.to.end();
    else if (!this.to.writableNeedDrain) this.from.resume();
  }

  stop() {
    clearTimeout(this.#timer);
    this.#queue = [];
  }
}

export class FaultProxy {
  mode = 'pass';
  delayMs = 0;
  bytesPerSecond = 0;
  corrupting = undefined;
  corrupted = 0;
  accepted = 0;
  bytes = {up: 0, down: 0};
  #pairs = new Set();
  #dead = new Set();

  /** @param {number} target a port of loopback */
  static async start(target) {
    const proxy = new FaultProxy();
    proxy.target = target;
    proxy.server = net.createServer((socket) => proxy.#accept(socket));
    await new Promise((resolve, reject) => {
      proxy.server.once('error', reject);
      proxy.server.listen(0, '127.0.0.1', resolve);
    });
    proxy.port = proxy.server.address().port;
    proxy.url = `http://127.0.0.1:${proxy.port}`;
    return proxy;
  }

  /** Connections that are of use. */
  get open() {
    return this.#pairs.size;
  }

  cut() {
    for (const pair of [...this.#pairs]) this.#end(pair);
  }

  down(how) {
    this.mode = how;
    if (how === 'refuse') this.cut();
    if (how !== 'silent') return;
    for (const pair of this.#pairs) {
      for (const lane of pair.lanes) lane.stop();
      for (const socket of pair.sockets) {
        socket.removeAllListeners('data');
        socket.removeAllListeners('end');
        this.#bury(socket);
      }
    }
    this.#pairs.clear();
  }

  up() {
    this.mode = 'pass';
    for (const pair of this.#pairs) for (const lane of pair.lanes) lane.pump();
  }

  delay(ms) {
    this.delayMs = ms;
  }

  throttle(bytesPerSecond) {
    this.bytesPerSecond = bytesPerSecond;
  }

  /** @param {'up' | 'down'} direction towards the server, from it */
  corrupt(direction) {
    this.corrupting = direction;
  }

  async close() {
    this.cut();
    for (const socket of this.#dead) socket.destroy();
    await new Promise((resolve) => this.server.close(resolve));
  }

  /** It is read, so that the other side never waits, and nothing comes of it. */
  #bury(socket) {
    this.#dead.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => this.#dead.delete(socket));
    socket.resume();
  }

  #accept(socket) {
    this.accepted++;
    if (this.mode === 'refuse') return socket.resetAndDestroy();
    if (this.mode === 'silent') return this.#bury(socket);
    const server = net.connect(this.target, '127.0.0.1');
    const pair = {sockets: [socket, server]};
    pair.lanes = [new Lane(this, socket, server, 'up'), new Lane(this, server, socket, 'down')];
    this.#pairs.add(pair);
    for (const end of pair.sockets) {
      end.setNoDelay(true);
      end.on('error', () => this.#pairs.has(pair) && this.#end(pair));
      end.on('close', (failed) => failed && this.#pairs.has(pair) && this.#end(pair));
    }
    Promise.all(pair.sockets.map((end) => new Promise((gone) => end.on('close', gone)))).then(() =>
      this.#pairs.delete(pair),
    );
  }

  #end(pair) {
    this.#pairs.delete(pair);
    for (const lane of pair.lanes) lane.stop();
    for (const socket of pair.sockets) socket.destroy();
  }
}

/** Numbers from a seed: the same ones each time. */
export function seeded(seed) {
  let state = seed >>> 0 || 1;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

export function chooseSeed() {
  const seed = Number(process.env.MESHTERM_SEED ?? Date.now() % 1_000_000_007);
  console.log(`MESHTERM_SEED=${seed}`);
  return seed;
}

/**
 * Faults one after another, with pauses between, until stopped. `extra` are further deeds by name.
 * `log` holds what was done and when, for whoever reports a failure.
 */
export class FaultSchedule {
  log = [];
  #stopped = false;

  constructor(proxies, {seed, pauseMs: [least, most], extra = {}, longestMs = 8000}) {
    const random = seeded(seed);
    this.#done = this.#run(proxies, {random, least, most, extra, longestMs});
  }

  #done;
  #wake = () => {};

  async stop() {
    this.#stopped = true;
    this.#wake();
    await this.#done;
  }

  #sleep(ms) {
    return new Promise((resolve) => {
      if (this.#stopped) return resolve();
      const timer = setTimeout(resolve, ms);
      this.#wake = () => (clearTimeout(timer), resolve());
    });
  }

  async #run(proxies, {random, least, most, extra, longestMs}) {
    const lasting = (proxy, begin, end) => async () => {
      const ms = 500 + random(longestMs - 500);
      begin(proxy);
      await this.#sleep(ms);
      end(proxy);
      return `${ms} ms`;
    };
    const up = (proxy) => proxy.up();
    const faults = (proxy) => ({
      cut: () => proxy.cut(),
      refuse: lasting(proxy, () => proxy.down('refuse'), up),
      stall: lasting(proxy, () => proxy.down('stall'), up),
      'half-open': lasting(proxy, () => proxy.down('silent'), up),
      delay: lasting(
        proxy,
        () => proxy.delay(100 + random(400)),
        () => proxy.delay(0),
      ),
      throttle: lasting(
        proxy,
        () => proxy.throttle(20_000),
        () => proxy.throttle(0),
      ),
      'corrupt up': () => proxy.corrupt('up'),
      'corrupt down': () => proxy.corrupt('down'),
    });
    const started = Date.now();
    while (!this.#stopped) {
      await this.#sleep(least + random(Math.max(most - least, 1)));
      if (this.#stopped) return;
      const which = random(proxies.length);
      const all = Object.entries({...faults(proxies[which]), ...extra});
      const [name, fault] = all[random(all.length)];
      const entry = {at: Math.round((Date.now() - started) / 1000), which, name};
      this.log.push(entry);
      entry.took = await fault();
    }
  }
}
