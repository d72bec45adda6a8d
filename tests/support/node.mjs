// A real tailscaled in user space: no root needed, no interface, its own state folder.
import {mkdir} from 'node:fs/promises';
import path from 'node:path';
import {Daemon, run, until} from './process.mjs';

/** Environment in which a native node uses the same path as a browser: DERP only. */
export const DERP_ONLY = {TS_DEBUG_NEVER_DIRECT_UDP: '1', TS_DEBUG_ALWAYS_USE_DERP: '1'};

export class Node {
  /**
   * @param {{binaries: string, dir: string, hostname: string, loginServer: string,
   *   authKey: string, ssh?: boolean, env?: object, socks?: number, up?: string[]}} o
   */
  static async start(o) {
    const node = new Node();
    node.hostname = o.hostname;
    node.binaries = o.binaries;
    node.dir = o.dir;
    node.options = o;
    await mkdir(o.dir, {recursive: true, mode: 0o700});
    node.socket = path.join(o.dir, 's'); // a unix socket's path may have 107 bytes
    node.logFile = path.join(o.dir, 'tailscaled.log');
    await node.launch();
    const up = ['up', `--login-server=${o.loginServer}`, `--auth-key=${o.authKey}`];
    up.push(`--hostname=${o.hostname}`, '--accept-dns=false');
    if (o.ssh ?? true) up.push('--ssh');
    await node.cli(...up, ...(o.up ?? []));
    node.addresses = (await node.cli('ip')).trim().split('\n');
    return node;
  }

  async launch() {
    const {options: o} = this;
    const args = ['--tun=userspace-networking', '--port=0', '--no-logs-no-support'];
    args.push(`--statedir=${o.dir}`, `--socket=${this.socket}`);
    if (o.socks) args.push(`--socks5-server=127.0.0.1:${o.socks}`);
    this.daemon = new Daemon('tailscaled', path.join(o.binaries, 'tailscaled'), args, {
      logFile: this.logFile,
      env: {...process.env, TS_DEBUG_USE_DERP_HTTP: '1', ...o.env},
    });
    await until('tailscaled answers', async () => {
      if (!this.daemon.running) throw new Error(`it ended; see ${this.logFile}`);
      await this.status();
      return true;
    });
  }

  cli(...args) {
    return run(path.join(this.binaries, 'tailscale'), [`--socket=${this.socket}`, ...args]);
  }

  async status() {
    return JSON.parse(await this.cli('status', '--json'));
  }

  async stop() {
    await this.daemon.stop();
  }
}
