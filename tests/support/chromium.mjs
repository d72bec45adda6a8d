// A real Chromium, driven by as little as will do: Playwright and its like watch the network, and
// hand every WebSocket message of a page, base64 in JSON, to the process that drives it, which at
// 10 MB/s costs more than what is measured.
import {spawn} from 'node:child_process';
import {mkdtempSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import path from 'node:path';
import {createInterface} from 'node:readline';
import {WebSocket} from 'ws';

const FLAGS =
  '--headless=new --no-sandbox --disable-gpu --disable-quic --no-first-run ' +
  '--disable-background-networking --disable-component-update --disable-sync ' +
  '--disable-dev-shm-usage --disable-breakpad --password-store=basic --remote-debugging-port=0';

/** The browser process says on stderr where it listens. */
async function devtoolsUrl(child) {
  for await (const line of createInterface({input: child.stderr})) {
    const found = /^DevTools listening on (ws:.*)$/.exec(line);
    if (found) return found[1];
  }
  throw new Error('Chromium ended before it listened');
}

export class Chromium {
  name = 'Chromium';

  static async start() {
    const chromium = new Chromium();
    chromium.profile = mkdtempSync(path.join(tmpdir(), 'meshterm-chromium-'));
    chromium.child = spawn(
      process.env.CHROMIUM ?? '/usr/bin/chromium',
      [...FLAGS.split(' '), `--user-data-dir=${chromium.profile}`, 'about:blank'],
      {stdio: ['ignore', 'ignore', 'pipe']},
    );
    chromium.ended = new Promise((resolve) => chromium.child.once('close', resolve));
    const url = await devtoolsUrl(chromium.child);
    chromium.child.stderr.resume();
    await chromium.#connect(url);
    chromium.version = (await chromium.send('Browser.getVersion')).product;
    return chromium;
  }

  async #connect(url) {
    this.waiting = new Map();
    this.socket = new WebSocket(url, {perMessageDeflate: false, maxPayload: 1 << 28});
    this.socket.on('message', (text) => {
      const {id, result, error} = JSON.parse(text);
      const call = this.waiting.get(id);
      this.waiting.delete(id);
      if (error) call?.reject(new Error(error.message));
      else call?.resolve(result);
    });
    this.socket.on('close', () => {
      for (const {reject} of this.waiting.values()) reject(new Error('Chromium is gone'));
    });
    await new Promise((resolve, reject) => {
      this.socket.once('open', resolve);
      this.socket.once('error', reject);
    });
  }

  send(method, params = {}, sessionId = undefined) {
    const id = (this.lastId = (this.lastId ?? 0) + 1);
    return new Promise((resolve, reject) => {
      this.waiting.set(id, {resolve, reject});
      this.socket.send(JSON.stringify({id, method, params, sessionId}));
    });
  }

  /** A page with nothing cached and nothing kept. */
  async page(url) {
    const {browserContextId} = await this.send('Target.createBrowserContext');
    return this.pageIn(browserContextId, url);
  }

  async pageIn(browserContextId, url) {
    const {targetId} = await this.send('Target.createTarget', {url, browserContextId});
    const {sessionId} = await this.send('Target.attachToTarget', {targetId, flatten: true});
    return new Page(this, sessionId, {browserContextId, targetId});
  }

  async close() {
    await this.send('Browser.close').catch(() => {});
    const timer = setTimeout(() => this.child.kill('SIGKILL'), 3000);
    await this.ended;
    clearTimeout(timer);
    this.socket.close();
    rmSync(this.profile, {recursive: true, force: true, maxRetries: 5});
  }
}

class Page {
  constructor(chromium, sessionId, ids) {
    Object.assign(this, {chromium, sessionId, ...ids});
  }

  /** Calls a function of globalThis.bench in the page and waits for what it resolves with. */
  async call(name, ...args) {
    const expression = `globalThis.bench.${name}(...${JSON.stringify(args)})`;
    return this.evaluate(expression);
  }

  async evaluate(expression) {
    const {result, exceptionDetails: problem} = await this.chromium.send(
      'Runtime.evaluate',
      {expression, awaitPromise: true, returnByValue: true},
      this.sessionId,
    );
    if (problem) throw new Error(problem.exception?.description ?? problem.text);
    return result.value;
  }

  reload() {
    return this.chromium.send('Page.reload', {}, this.sessionId);
  }

  goto(url) {
    return this.chromium.send('Page.navigate', {url}, this.sessionId);
  }

  /** A tab beside it. */
  beside(url) {
    return this.chromium.pageIn(this.browserContextId, url);
  }

  /** With all that its context has. */
  close() {
    const {browserContextId} = this;
    return this.chromium.send('Target.disposeBrowserContext', {browserContextId});
  }
}
