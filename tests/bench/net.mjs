/*
 * The part with a network: every client against the same Headscale and the same node, in turn.
 *
 *   ours       Chromium ── WebSockets ── Headscale (control, embedded DERP) ── tailscaled "node1"
 *   hub        Chromium ── the hub's pass-through, which joins messages ── Headscale ── node1
 *   tsconnect  Chromium ── pass-through for control, DERP directly ── Headscale ── node1
 *   native     ssh ── tailscale nc ── tailscaled held to DERP ── Headscale ── node1
 *   nativeHub  the same, its relay through a relay of bytes in the process of the hub's pass-through
 */
import {fork} from 'node:child_process';
import {randomBytes} from 'node:crypto';
import {cpSync, mkdtempSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir, userInfo} from 'node:os';
import path from 'node:path';
import {fileURLToPath} from 'node:url';
import {Headscale} from '../support/headscale.mjs';
import {DERP_ONLY, Node} from '../support/node.mjs';
import {peers} from '../support/peers.mjs';
import {say} from '../support/setup.mjs';
import {BrowserClient} from './browser_client.mjs';
import {Chromium} from '../support/chromium.mjs';
import {quiet} from './cpu.mjs';
import {measureIdle} from './idle.mjs';
import {NativeClient} from './native_client.mjs';
import {deepen, wants} from './visit.mjs';

const HOST = 'node1.tail.test';
const SITE = fileURLToPath(new URL('site_process.mjs', import.meta.url));

class World {
  async start(o) {
    this.stopping = [];
    this.user = userInfo().username;
    this.dir = mkdtempSync(path.join(tmpdir(), 'meshterm-bench-'));
    this.stopping.push(() => rmSync(this.dir, {recursive: true, force: true}));
    this.#makeFile(o.bytes);
    const bin = await peers('headscale', 'tailscale');
    this.binaries = bin.tailscale;
    say('net: starting Headscale, a node, Chromium');
    this.headscale = await Headscale.start({
      binary: path.join(bin.headscale, 'headscale'),
      dir: path.join(this.dir, 'hs'),
      accounts: [this.user],
    });
    this.stopping.push(() => this.headscale.stop());
    this.node = await Node.start({
      binaries: this.binaries,
      dir: path.join(this.dir, 'n1'),
      hostname: 'node1',
      loginServer: this.headscale.url,
      authKey: await this.headscale.authKey({ephemeral: false}),
      env: DERP_ONLY,
    });
    this.stopping.push(() => this.node.stop());
    const key = await fetch(`${this.headscale.url}/key?v=113`);
    this.controlKey = (await key.json()).publicKey;
    this.authKey = await this.headscale.authKey({reusable: true, expiration: '2h'});
    await this.#startSite(o);
    this.browser = await Chromium.start();
    this.stopping.push(() => this.browser.close());
  }

  /** One line without line ends, which a client may rewrite; as random as text can be. */
  #makeFile(bytes) {
    this.file = path.join(this.dir, 'download');
    const text = randomBytes(Math.ceil((bytes * 3) / 4))
      .toString('base64')
      .slice(0, bytes);
    writeFileSync(this.file, text);
  }

  /** js/dist is copied: what is measured does not change while it is. */
  async #startSite({dist, tsconnect, bytes: uploadBytes}) {
    const ours = path.join(this.dir, 'ours');
    cpSync(dist, ours, {recursive: true});
    const options = {headscale: this.headscale.url, file: this.file, uploadBytes, ours, tsconnect};
    const child = fork(SITE, [JSON.stringify(options)]);
    this.stopping.push(() => child.kill());
    const site = await new Promise((resolve, reject) => {
      child.once('message', resolve);
      child.once('exit', (code) => reject(new Error(`the site ended: ${code}`)));
    });
    const {url, ...ports} = site;
    Object.assign(this, {site: url, ...ports});
  }

  async stop() {
    await this.visitor?.leave().catch(() => {});
    for (const stop of this.stopping.reverse()) await Promise.resolve(stop()).catch(() => {});
  }

  /** A visitor that has nothing yet, in a browser of its own if one is given. */
  visit(client, hostname, browser = this.browser) {
    const common = {host: HOST, user: this.user};
    if (client.startsWith('native'))
      return NativeClient.visit({
        ...common,
        binaries: this.binaries,
        dir: path.join(this.dir, hostname),
        hostname,
        loginServer: this.headscale.url,
        authKey: this.authKey,
        env: client === 'nativeHub' ? {TS_DEBUG_USE_DERP_ADDR: '127.0.0.1'} : {},
      });
    const {authKey, controlKey, site} = this;
    const config = {authKey, hostname, controlURL: site};
    if (client === 'ours') Object.assign(config, {controlKey, controlURL: this.headscale.url});
    if (client === 'hub') Object.assign(config, {controlKey, derpURLs: {'*': `${site}/derp`}});
    const name = client === 'tsconnect' ? 'tsconnect' : 'ours';
    return BrowserClient.visit({...common, browser, site, name, config});
  }
}

async function oneVisit(world, name, i, {deep, ...o}) {
  let client;
  await quiet();
  try {
    client = world.visitor = await world.visit(name, `${name}-${i}`);
    const sample = await client.measure();
    if (deep) await deepen(world, name, client, sample, o);
    return sample;
  } catch (error) {
    return {error: error.message.split('\n')[0]};
  } finally {
    world.visitor = undefined;
    await client?.leave().catch(() => {});
  }
}

function tell(name, i, sample) {
  if (sample.error) return say(`net: ${name} ${i}: FAILED: ${sample.error}`);
  const rates = Object.entries(sample.transfers ?? {}).map(
    ([how, {bytes, streamMs}]) => `, ${how} ${(bytes / 1000 / streamMs).toFixed(1)} MB/s`,
  );
  const [joined, prompted] = [sample.pageToRunningMs, sample.promptMs].map((ms) => ms.toFixed(0));
  say(`net: ${name} ${i}: Running ${joined} ms, prompt +${prompted} ms${rates.join('')}`);
}

/**
 * In turn A B C D A B C D …; whoever makes more visits makes the rest alone, one of its own
 * between two rounds.
 * @returns {Promise<{samples: Record<string, object[]>, chromium}>} the samples of each client
 */
export async function benchNet(o) {
  const world = new World();
  const samples = Object.fromEntries([...o.clients].map((name) => [name, []]));
  const interrupted = () => void world.stop().finally(() => process.exit(130));
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, interrupted);
  try {
    await world.start(o);
    if (!world.derpPort && o.clients.delete('nativeHub'))
      say('net: port 3340 is taken: no native client through the hub');
    const every = Math.max(1, Math.floor(o.joins / o.others));
    const rounds = Math.max(o.clients.has('ours') ? o.joins : 0, o.others * every);
    for (let round = 0; round < rounds; round++) {
      const turn = Math.floor(round / every);
      const all = round % every === 0 && turn < o.others;
      for (const name of o.clients) {
        if (name === 'ours' ? round >= o.joins : !all) continue;
        const deep = all && turn < o.downloads;
        const sample = await oneVisit(world, name, round, {deep, turn, ...o});
        tell(name, round, sample);
        samples[name].push(sample);
      }
    }
    const idle = wants(o, 'idle') ? await measureIdle(world, o) : {};
    for (const [name, sample] of Object.entries(idle)) (samples[name] ??= []).push(sample);
    return {samples, chromium: world.browser.version};
  } finally {
    await world.stop();
  }
}
