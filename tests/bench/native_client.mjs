// The yardstick: a fresh tailscaled held to DERP, and OpenSSH's client through it.
import {spawn} from 'node:child_process';
import {mkdir} from 'node:fs/promises';
import path from 'node:path';
import {setTimeout as sleep} from 'node:timers/promises';
import {DERP_ONLY, Node} from '../support/node.mjs';

const PROMPT = /[#$%>] $/;
const PROMPT_TIMEOUT_MS = 30_000;

class JoiningNode extends Node {
  /** As Node.start, with the time that `tailscale up` alone took in upMs. */
  static async join(o) {
    const node = Object.assign(new JoiningNode(), {options: o, ...o});
    await mkdir(o.dir, {recursive: true, mode: 0o700});
    node.socket = path.join(o.dir, 's');
    node.logFile = path.join(o.dir, 'tailscaled.log');
    await node.launch();
    const began = performance.now();
    try {
      await node.cli(
        ...['up', `--login-server=${o.loginServer}`, `--auth-key=${o.authKey}`],
        ...[`--hostname=${o.hostname}`, '--accept-dns=false'],
      );
    } catch (error) {
      await node.stop();
      throw error;
    }
    node.upMs = performance.now() - began;
    return node;
  }
}

export class NativeClient {
  /** @param {{binaries, dir, hostname, loginServer, authKey, host, user}} o */
  static async visit(o) {
    const client = Object.assign(new NativeClient(), {o});
    client.node = await JoiningNode.join({...o, env: DERP_ONLY});
    return client;
  }

  /** Opens a shell; resolves with {pageToRunningMs, promptMs}. */
  async measure() {
    const began = performance.now();
    await this.#openShell();
    return {pageToRunningMs: this.node.upMs, promptMs: performance.now() - began};
  }

  #ssh(...args) {
    const tailscale = path.join(this.o.binaries, 'tailscale');
    return spawn('ssh', [
      ...['-F', 'none', '-o', 'StrictHostKeyChecking=no', '-o', 'UserKnownHostsFile=/dev/null'],
      ...['-o', 'LogLevel=ERROR', '-o', `User=${this.o.user}`],
      ...['-o', `ProxyCommand=${tailscale} --socket=${this.node.socket} nc %h %p`],
      ...args,
    ]);
  }

  #openShell() {
    const shell = (this.shell = this.#ssh('-tt', this.o.host));
    return new Promise((resolve, reject) => {
      let text = '';
      const timer = setTimeout(() => reject(new Error(`no prompt: ${text}`)), PROMPT_TIMEOUT_MS);
      shell.stderr.on('data', (data) => (text += data));
      shell.stdin.on('error', () => {});
      shell.on('close', () => reject(new Error(`ssh ended: ${text}`)));
      this.onChunk = (chunk) => {
        text = (text + chunk).slice(-200);
        if (!PROMPT.test(text)) return;
        clearTimeout(timer);
        resolve();
      };
      shell.stdout.on('data', (chunk) => this.onChunk(chunk));
    });
  }

  async echo(n, pauseMs) {
    const samples = [];
    for (let i = 0; i < n; i++) {
      await sleep(pauseMs);
      const came = new Promise((resolve) => (this.onChunk = () => resolve(performance.now())));
      const began = performance.now();
      this.shell.stdin.write('x');
      samples.push((await came) - began);
      if (i % 40 === 39) await this.#clearLine();
    }
    await this.#clearLine();
    return samples;
  }

  async #clearLine() {
    this.onChunk = () => {};
    this.shell.stdin.write('\x15');
    await sleep(100);
  }

  downloadByCommand(file) {
    return this.#count(this.#ssh(this.o.host, `cat ${file}`));
  }

  downloadByTcp(port) {
    const args = [`--socket=${this.node.socket}`, 'nc', this.o.host, String(port)];
    return this.#count(spawn(path.join(this.o.binaries, 'tailscale'), args));
  }

  #count(child) {
    const began = performance.now();
    let bytes = 0;
    let first, last;
    let error = '';
    child.stdin.on('error', () => {});
    child.stderr.on('data', (data) => (error += data));
    child.stdout.on('data', (chunk) => {
      last = performance.now();
      first ??= last;
      bytes += chunk.length;
    });
    return new Promise((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (code) => {
        if (code !== 0) return reject(new Error(`exit ${code}: ${error}`));
        resolve({bytes, streamMs: last - first, totalMs: last - began});
      });
    });
  }

  async leave() {
    this.shell?.removeAllListeners('close');
    this.shell?.kill();
    await this.node.stop();
  }
}
