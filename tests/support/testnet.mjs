// A tailnet for a test: a real Headscale, real nodes, and pages that join it from this process.
import {chmod, copyFile, mkdtemp, rm} from 'node:fs/promises';
import {createServer} from 'node:net';
import {tmpdir} from 'node:os';
import path from 'node:path';
import {WebSocket} from 'ws';
import {createIPN} from '../../js/dist/index.js';
import {Headscale} from './headscale.mjs';
import {Node} from './node.mjs';
import {peers} from './peers.mjs';
import {until} from './process.mjs';

export class Testnet {
  /**
   * rest: for Headscale.start().
   * @param {{headscale?: 'headscale' | 'headscale-0.28', policy?: object, derp?: object,
   *   port?: number, url?: string}} o
   */
  static async start({headscale = 'headscale', ...rest} = {}) {
    const net = new Testnet();
    const {[headscale]: headscaleDir} = await peers(headscale);
    net.dir = await mkdtemp(path.join(tmpdir(), 'meshterm-test-'));
    net.stopping = [];
    net.copies = new Map();
    net.headscale = await Headscale.start({
      binary: path.join(headscaleDir, 'headscale'),
      dir: path.join(net.dir, 'hs'),
      ...rest,
    });
    return net;
  }

  /**
   * A release of Tailscale where every account may run it: for SFTP tailscaled starts itself as the
   * account that logs in, and the cache lies in a home.
   */
  async #forEverybody(release) {
    const {[release]: from} = await peers(release);
    if (!this.copies.has(release)) {
      const dir = await mkdtemp(path.join(tmpdir(), 'meshterm-bin-'));
      this.stopping.push(() => rm(dir, {recursive: true, force: true}));
      await chmod(dir, 0o755);
      for (const name of ['tailscaled', 'tailscale'])
        await copyFile(path.join(from, name), path.join(dir, name));
      this.copies.set(release, dir);
    }
    return this.copies.get(release);
  }

  /**
   * A native node, of another release of Tailscale if asked for; it is stopped with the net.
   * accounts: others than ours log in by Tailscale SSH and want their files.
   */
  async node(hostname, options = {}) {
    const {tags, release = 'tailscale', accounts = false, ...rest} = options;
    const node = await Node.start({
      binaries: accounts ? await this.#forEverybody(release) : (await peers(release))[release],
      dir: path.join(this.dir, hostname),
      hostname,
      loginServer: this.headscale.url,
      authKey: await this.headscale.authKey({ephemeral: false, tags}),
      ...rest,
    });
    this.stopping.push(() => node.stop());
    return node;
  }

  /** A page of ours, running unless `joined: false`. */
  async page(config = {}, {joined = true} = {}) {
    const page = new Page();
    this.stopping.unshift(() => page.close());
    await page.start({
      controlURL: this.headscale.url,
      authKey: config.authKey ?? (await this.headscale.authKey()),
      hostname: 'page',
      ...config,
    });
    if (joined) await page.running();
    return page;
  }

  async stop() {
    for (const stop of this.stopping) await stop().catch(() => {});
    await this.headscale.stop();
    await rm(this.dir, {recursive: true, force: true});
  }
}

/** Our client in this process, and everything that it said. */
export class Page {
  states = [];
  problems = [];
  urls = [];
  netmap = undefined;
  netmaps = 0;
  panics = [];

  /** callbacks: for run(), beside ours. */
  async start({callbacks, ...config}) {
    this.ipn = await createIPN({WebSocket, ...config});
    this.ipn.run({
      notifyState: (state) => this.states.push(state),
      notifyNetMap: (json) => {
        this.netmap = JSON.parse(json);
        this.netmaps++;
      },
      notifyBrowseToURL: (url) => this.urls.push(url),
      notifyPanicRecover: (error) => this.panics.push(error),
      notifyError: (problem) => this.problems.push(problem),
      ...callbacks,
    });
  }

  running() {
    return until('the page is Running', () => this.states.at(-1) === 'Running', {every: 5});
  }

  problem(code, timeout = 15_000) {
    return until(
      `the problem ${code}, among ${JSON.stringify(this.problems)}`,
      () => this.problems.find((p) => p.code === code),
      {timeout, every: 10},
    );
  }

  peer(name) {
    return this.netmap?.peers.find((p) => p.hostname === name);
  }

  /** Runs an SSH session to its end and tells all that it said. */
  ssh(host, user, options = {}) {
    const {onStart, ...rest} = options;
    return new Promise((resolve) => {
      const said = {out: [], errors: [], progress: [], banners: [], connected: false};
      const decoder = new TextDecoder();
      const session = this.ipn.ssh(host, user, {
        onData: (bytes) => void said.out.push(Buffer.from(bytes)),
        writeErrorFn: (text) => said.errors.push(text),
        setReadFn: (fn) => (said.type = fn),
        onConnectionProgress: (text) => said.progress.push(text),
        onBanner: (text) => said.banners.push(text),
        onConnected: () => (said.connected = true),
        onExit: (exit) => (said.exit = exit),
        onDone: () => {
          said.bytes = Buffer.concat(said.out);
          said.text = decoder.decode(said.bytes);
          resolve(said);
        },
        ...rest,
      });
      onStart?.(session, said);
    });
  }

  async close() {
    await this.ipn?.close();
  }
}

/** A TCP server on loopback for nodes in user space, which pass any port on to there. */
export async function tcpServer(onConnection) {
  const server = createServer({allowHalfOpen: true}, (socket) => {
    socket.on('error', () => {});
    onConnection(socket);
  });
  await new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  return {port: server.address().port, close: () => server.close()};
}
