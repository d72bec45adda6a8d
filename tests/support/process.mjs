// Child processes that are started, watched and stopped by whoever asked for them.
import {spawn} from 'node:child_process';
import {createWriteStream} from 'node:fs';
import {createServer} from 'node:net';

/** A TCP port of the loopback interface that is free now. */
export async function freePort() {
  const server = createServer();
  await new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const {port} = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Runs to the end; resolves with stdout, rejects with what was printed. */
export function run(file, args, options = {}) {
  return new Promise((resolve, reject) => {
    const {timeout = 60_000, input, ...rest} = options;
    const child = spawn(file, args, {stdio: ['pipe', 'pipe', 'pipe'], ...rest});
    let out = '';
    let err = '';
    const timer = setTimeout(() => child.kill('SIGKILL'), timeout);
    child.stdout.on('data', (d) => (out += d));
    child.stderr.on('data', (d) => (err += d));
    child.stdin.on('error', () => {}); // a program that does not read its input is no error
    child.stdin.end(input);
    child.once('error', (e) => (clearTimeout(timer), reject(e)));
    child.once('close', (code, signal) => {
      clearTimeout(timer);
      if (code === 0) return resolve(out);
      const said = `${err}${out}`.trim().slice(-2000);
      reject(new Error(`${file} ${args.join(' ')}: exit ${code ?? signal}\n${said}`));
    });
  });
}

/** A daemon whose output goes to a file. `ended` resolves when it is gone. */
export class Daemon {
  constructor(name, file, args, {logFile, ...options} = {}) {
    this.name = name;
    this.log = createWriteStream(logFile, {flags: 'a'});
    this.child = spawn(file, args, {stdio: ['ignore', 'pipe', 'pipe'], ...options});
    this.child.stdout.pipe(this.log, {end: false});
    this.child.stderr.pipe(this.log, {end: false});
    this.ended = new Promise((resolve) => {
      this.child.once('error', (error) => resolve({error}));
      this.child.once('exit', (code, signal) => resolve({code, signal}));
    });
    this.running = true;
    this.ended.then(() => (this.running = false));
  }

  /** SIGTERM, then SIGKILL after `grace` ms. */
  async stop(grace = 3000) {
    if (!this.running) return;
    this.child.kill('SIGTERM');
    const timer = setTimeout(() => this.child.kill('SIGKILL'), grace);
    await this.ended;
    clearTimeout(timer);
    this.child.stdout.unpipe(this.log); // what it left behind may still write
    this.child.stderr.unpipe(this.log);
    this.log.end();
  }
}

/** Calls `attempt` every `every` ms until it returns something truthy. */
export async function until(what, attempt, {timeout = 30_000, every = 100} = {}) {
  const end = Date.now() + timeout;
  let last;
  while (Date.now() < end) {
    try {
      const value = await attempt();
      if (value) return value;
    } catch (error) {
      last = error;
    }
    await new Promise((resolve) => setTimeout(resolve, every));
  }
  throw new Error(`${what}: not within ${timeout} ms${last ? ` (${last.message})` : ''}`);
}
