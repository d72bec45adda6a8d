// Drives ssh_stdio (tests/support/ssh/ssh_stdio.c): one ssh_session with all its channels on a real
// socket, sanitizers on. MESHTERM_SSH_STDIO names the program; without it, the one of build/native.
import {spawn} from 'node:child_process';
import {createHash} from 'node:crypto';
import {once} from 'node:events';
import {mkdtempSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';

import {nativeProgram} from './native_program.mjs';

export const STDIO = nativeProgram('ssh_stdio', 'MESHTERM_SSH_STDIO');

const KINDS = {shell: 0, forward: 1};
const OP = {open: 1, write: 2, eof: 3, signal: 4, resize: 5, credit: 6, close: 7, agent: 8, end: 9};
/** enum ssh_event_type */
const EVENT = {
  4: 'open', 5: 'data', 6: 'stderr', 7: 'exit', 8: 'error', 9: 'closed', 11: 'authenticated',
  14: 'eof', 15: 'channelClosed', 16: 'agentSign', 200: 'opened', 201: 'taken',
}; // prettier-ignore

function deferred() {
  let settle;
  const promise = new Promise((resolve) => (settle = resolve));
  return {promise, resolve: settle};
}

function u32(...values) {
  const bytes = Buffer.alloc(4 * values.length);
  values.forEach((value, i) => bytes.writeUInt32BE(value >>> 0, 4 * i));
  return bytes;
}

/** One channel: what came, and promises for what will. */
export class StdioChannel {
  constructor(session, number) {
    Object.assign(this, {session, number, kept: [], length: 0, stderr: '', hold: false, held: 0});
    Object.assign(this, {waiting: 0, goOn: () => {}});
    this.hash = createHash('sha256');
    this.keep = true; // false: only the hash and the length of what comes
    for (const name of ['open', 'eof', 'exit', 'error', 'closed']) this[`${name}s`] = deferred();
    /** {code, signal} */
    this.exit = this.exits.promise;
    this.opened = this.opens.promise;
    this.eof = this.eofs.promise;
    this.error = this.errors.promise;
    this.closed = this.closeds.promise;
  }

  get bytes() {
    return Buffer.concat(this.kept);
  }

  get text() {
    return this.bytes.toString();
  }

  /** After `closed`. */
  get sha256() {
    return this.hash.copy().digest('hex');
  }

  /** Resolves when there is room for more. */
  async write(bytes) {
    this.waiting += bytes.length;
    this.session.send(OP.write, this.number, Buffer.from(bytes));
    if (this.waiting > 512 << 10) await new Promise((resolve) => (this.goOn = resolve));
  }

  end() {
    return this.session.send(OP.eof, this.number);
  }

  /** All of it in pieces, as fast as it is taken. */
  async writeAll(bytes) {
    for (let at = 0; at < bytes.length; at += 65536)
      await this.write(bytes.subarray(at, at + 65536));
    await this.end();
  }

  signal(name) {
    return this.session.send(OP.signal, this.number, Buffer.from(name));
  }

  resize(rows, cols) {
    return this.session.send(OP.resize, this.number, u32(rows, cols));
  }

  close() {
    return this.session.send(OP.close, this.number);
  }

  /** Gives back the credit that was held, and holds no more. */
  resume() {
    this.hold = false;
    return this.session.send(OP.credit, this.number, u32(this.held));
  }

  handle(name, code, text, aux) {
    if (name === 'taken') {
      this.waiting -= code;
      if (this.waiting <= 512 << 10) this.goOn();
    } else if (name === 'data' || name === 'stderr') {
      if (name === 'stderr') this.stderr += text;
      else this.hash.update(text);
      if (name === 'data' && this.keep) this.kept.push(Buffer.from(text));
      if (name === 'data') this.length += text.length;
      if (this.hold) this.held += text.length;
      else this.session.send(OP.credit, this.number, u32(text.length));
    } else if (name === 'open') this.opens.resolve();
    else if (name === 'eof') this.eofs.resolve();
    else if (name === 'exit') this.exits.resolve({code: code | 0, signal: String(aux)});
    else if (name === 'error') this.errors.resolve(String(text));
    else if (name === 'channelClosed') this.closeds.resolve();
    else if (name === 'agentSign') this.session.onAgentSign(code, String(text));
  }
}

export class StdioSession {
  /** @param {{keys?: string[], keepKeys?: boolean, onAgentSign?: (key: string) => boolean}} options */
  constructor(port, user, {keys = [], keepKeys = false, onAgentSign = () => false} = {}) {
    this.dir = mkdtempSync(join(tmpdir(), 'meshterm-stdio-'));
    const args = keepKeys ? ['--keep-keys'] : [];
    keys.forEach((key, i) => {
      const file = join(this.dir, `key${i}`);
      writeFileSync(file, key, {mode: 0o600});
      args.push('--key', file);
    });
    this.questions = [];
    this.onAgentSign = (request, key) => {
      this.questions.push(key);
      this.send(
        OP.agent,
        0,
        Buffer.concat([u32(request), Buffer.from([onAgentSign(key) ? 1 : 0])]),
      );
    };
    this.channels = new Map();
    this.opening = [];
    this.err = '';
    this.left = Buffer.alloc(0);
    this.errors = deferred();
    this.error = this.errors.promise;
    this.child = spawn(STDIO, [...args, String(port), user]);
    this.child.stdin.on('error', () => {});
    this.child.stderr.on('data', (data) => (this.err += data));
    this.child.stdout.on('data', (data) => this.input(data));
    this.ended = once(this.child, 'close').then(([code]) => {
      rmSync(this.dir, {recursive: true, force: true});
      return code;
    });
  }

  send(op, channel, payload = Buffer.alloc(0)) {
    const head = Buffer.concat([u32(5 + payload.length), Buffer.from([op]), u32(channel)]);
    this.child.stdin.write(Buffer.concat([head, payload]));
  }

  input(data) {
    let bytes = this.left.length ? Buffer.concat([this.left, data]) : data;
    while (bytes.length >= 4 && bytes.length - 4 >= bytes.readUInt32BE()) {
      const len = bytes.readUInt32BE();
      this.frame(bytes.subarray(4, 4 + len));
      bytes = bytes.subarray(4 + len);
    }
    this.left = bytes;
  }

  frame(frame) {
    const name = EVENT[frame[0]];
    const channel = frame.readInt32BE(1);
    const textLen = frame.readUInt32BE(9);
    const text = frame.subarray(13, 13 + textLen);
    if (name === 'opened') {
      const made = channel > 0 ? new StdioChannel(this, channel) : null;
      if (made) this.channels.set(channel, made);
      this.opening.shift()(made);
    } else if (name && channel) {
      this.channels
        .get(channel)
        .handle(name, frame.readInt32BE(5), text, frame.subarray(13 + textLen));
    } else if (name === 'error') this.errors.resolve(String(text));
  }

  /** A channel, or null when it was refused on this side. */
  channel({kind = 'shell', term, command, subsystem, pty, agent, host, port, env = {}}) {
    const [rows, cols] = pty ?? [0, 0];
    const fields = [KINDS[kind], term, command, subsystem, pty ? 1 : 0, rows, cols, agent ? 1 : 0];
    fields.push(host, port, ...Object.entries(env).map(([name, value]) => `${name}=${value}`));
    const payload = Buffer.from(fields.map((field) => `${field ?? ''}\0`).join(''));
    return new Promise((resolve) => {
      this.opening.push(resolve);
      this.send(OP.open, 0, payload);
    });
  }

  exec(command, options = {}) {
    return this.channel({...options, command});
  }

  forward(host, port) {
    return this.channel({kind: 'forward', host, port});
  }

  /** Ends the connection; the program's exit status, 0 if its sanitizers found nothing. */
  async stop() {
    this.child.stdin.end();
    const timer = setTimeout(() => this.child.kill('SIGKILL'), 10_000);
    const code = await this.ended;
    clearTimeout(timer);
    return code;
  }
}
