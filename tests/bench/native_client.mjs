// The yardstick: a fresh tailscaled held to DERP, and OpenSSH's client through it.
import {spawn} from 'node:child_process';
import {randomBytes} from 'node:crypto';
import {mkdir} from 'node:fs/promises';
import path from 'node:path';
import {setTimeout as sleep} from 'node:timers/promises';
import {DERP_ONLY, Node} from '../support/node.mjs';
import {endedCpuSeconds, threadSwitches, treeCpuSeconds} from './cpu.mjs';

const PROMPT = /[#$%>] $/;
const PROMPT_TIMEOUT_MS = 60_000;
const PIECE = randomBytes(65_536);

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
  /** @param {{binaries, dir, hostname, loginServer, authKey, host, user, env?}} o */
  static async visit(o) {
    const client = Object.assign(new NativeClient(), {o});
    client.node = await JoiningNode.join({...o, env: {...DERP_ONLY, ...o.env}});
    return client;
  }

  /** Opens a shell; resolves with {pageToRunningMs, promptMs}. */
  async measure() {
    const began = performance.now();
    await this.#openShell();
    return {pageToRunningMs: this.node.upMs, promptMs: performance.now() - began};
  }

  #access() {
    const tailscale = path.join(this.o.binaries, 'tailscale');
    return [
      ...['-F', 'none', '-o', 'StrictHostKeyChecking=no', '-o', 'UserKnownHostsFile=/dev/null'],
      ...['-o', 'LogLevel=ERROR', '-o', `User=${this.o.user}`],
      ...['-o', `ProxyCommand=${tailscale} --socket=${this.node.socket} nc %h %p`],
    ];
  }

  #ssh(...args) {
    return spawn('ssh', [...this.#access(), ...args]);
  }

  async #openShell() {
    this.shell = await this.#promptOf();
    this.onChunk = () => {};
    this.shell.stdout.on('data', (chunk) => this.onChunk(chunk));
  }

  /** A shell with its prompt there. */
  #promptOf() {
    const shell = this.#ssh('-tt', this.o.host);
    return new Promise((resolve, reject) => {
      let text = '';
      const timer = setTimeout(() => {
        shell.kill();
        reject(new Error(`no prompt: ${text}`));
      }, PROMPT_TIMEOUT_MS);
      shell.stderr.on('data', (data) => (text += data));
      shell.stdin.on('error', () => {});
      shell.on('close', () => reject(new Error(`ssh ended: ${text}`)));
      const onChunk = (chunk) => {
        text = (text + chunk).slice(-200);
        if (!PROMPT.test(text)) return;
        clearTimeout(timer);
        shell.stdout.off('data', onChunk);
        resolve(shell);
      };
      shell.stdout.on('data', onChunk);
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

  /** As BrowserClient.transfer; a terminal of OpenSSH's adds nothing to a command. */
  transfer({how, bytes, file, upload, tcpPort, sinkPort}) {
    const calls = {
      command: () => this.#count(this.#ssh(this.o.host, `cat ${file}`)),
      tcp: () => this.#count(this.#nc(tcpPort)),
      sftp: () => this.#sftp(`get ${file} ${upload}`, bytes),
      commandUp: () =>
        this.#upload(
          this.#ssh(this.o.host, `printf R; head -c ${bytes} > /dev/null; printf D`),
          bytes,
        ),
      tcpUp: () => this.#upload(this.#nc(sinkPort), bytes),
      sftpUp: () => this.#sftp(`put ${file} ${upload}`, bytes),
    };
    return calls[how]();
  }

  #nc(port) {
    const args = [`--socket=${this.node.socket}`, 'nc', this.o.host, String(port)];
    return spawn(path.join(this.o.binaries, 'tailscale'), args);
  }

  /** The far end writes one byte when it is ready and one when it has read all. */
  #upload(child, bytes) {
    const began = performance.now();
    let first;
    let error = '';
    child.stdin.on('error', () => {});
    child.stderr.on('data', (data) => (error += data));
    return new Promise((resolve, reject) => {
      child.once('error', reject);
      let result;
      child.once('close', (code) =>
        result ? resolve(result) : reject(new Error(`exit ${code}: ${error}`)),
      );
      child.stdout.on('data', (chunk) => {
        const now = performance.now();
        if (first === undefined) {
          first = now;
          for (let at = 0; at < bytes; at += PIECE.length)
            child.stdin.write(PIECE.subarray(0, bytes - at));
        }
        if (!chunk.includes('D')) return;
        result = {bytes, streamMs: now - first, totalMs: now - began};
        child.kill(); // what it cost is known when it has ended
      });
    });
  }

  /** From the echo of the command to that of the next one, both of a batch. */
  #sftp(command, bytes) {
    const child = spawn('sftp', [...this.#access(), '-b', '-', this.o.host]);
    let text = '';
    let first;
    child.stdin.end(`${command}\npwd\n`);
    child.stderr.on('data', (data) => (text += data));
    let result;
    return new Promise((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (code) =>
        result ? resolve(result) : reject(new Error(`sftp: exit ${code}: ${text}`)),
      );
      child.stdout.on('data', (chunk) => {
        text += chunk;
        if (text.includes('sftp> ')) first ??= performance.now();
        if (!text.includes('sftp> pwd') || result) return;
        const ms = performance.now() - first;
        result = {bytes, streamMs: ms, totalMs: ms};
      });
    });
  }

  /** n more shells at once: ms until the last has its prompt. */
  async sessions(n) {
    const began = performance.now();
    const shells = await Promise.allSettled(Array.from({length: n}, () => this.#promptOf()));
    const ms = performance.now() - began;
    for (const {value} of shells) value?.removeAllListeners('close').kill();
    const failed = shells.find(({reason}) => reason);
    if (failed) throw failed.reason;
    return {ms};
  }

  /** Seconds on a core so far: tailscaled, and what else was started for this client. */
  cpuSeconds() {
    const others = this.shell ? treeCpuSeconds(this.shell.pid) : 0;
    return treeCpuSeconds(this.node.daemon.child.pid) + others + endedCpuSeconds();
  }

  threadWakeUps() {
    const of = (child) => threadSwitches(child.pid) ?? 0;
    return of(this.node.daemon.child) + of(this.shell);
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
