/*
 * WebKitGTK's MiniBrowser by its WebDriver, on an X server of its own. See firefox.mjs for what an
 * engine has. The driver carries out one command at a time, and one session: what an expression
 * resolves with is asked for again and again, so that several pages can be at work.
 */
import {spawn} from 'node:child_process';
import {existsSync, readdirSync} from 'node:fs';
import {mkdtemp, rm} from 'node:fs/promises';
import {Agent, request} from 'node:http';
import {tmpdir} from 'node:os';
import path from 'node:path';
import {Daemon, freePort, until} from '../process.mjs';

const LIB = '/usr/lib';
const SOONEST_MS = 5;
const LATEST_MS = 100;
const ENTER = '\ue007'; // WebDriver's name of the key

/** Debian has it in /usr/lib/x86_64-linux-gnu/webkit2gtk-4.1 or webkitgtk-6.0. */
function miniBrowser() {
  if (process.env.MINIBROWSER) return process.env.MINIBROWSER;
  const places = readdirSync(LIB)
    .filter((name) => name.endsWith('-linux-gnu'))
    .flatMap((arch) => ['webkit2gtk-4.1', 'webkitgtk-6.0'].map((v) => `${LIB}/${arch}/${v}`));
  const found = places.map((dir) => `${dir}/MiniBrowser`).find((file) => existsSync(file));
  if (!found) throw new Error('MiniBrowser is not there: apt-get install webkit2gtk-driver');
  return found;
}

/** Resolves with the number of a display that is there. */
async function startDisplay() {
  const args = ['-displayfd', '1', '-screen', '0', '1280x800x24', '-nolisten', 'tcp'];
  const child = spawn('Xvfb', args, {stdio: ['ignore', 'pipe', 'ignore']});
  const display = await new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`Xvfb: exit ${code}`)));
    child.stdout.on('data', (text) => resolve(`:${String(text).trim()}`));
  });
  const ended = new Promise((resolve) => child.once('exit', resolve));
  return {display, stop: () => (child.kill(), ended)};
}

class Driver {
  #agent = new Agent({keepAlive: true, maxSockets: 1});

  constructor(port) {
    this.port = port;
  }

  /** fetch() gives up on an answer that takes five minutes. */
  call(method, pathname, body) {
    const {port} = this;
    const text = body === undefined ? undefined : JSON.stringify(body);
    return new Promise((resolve, reject) => {
      const asked = request(
        {port, host: '127.0.0.1', method, path: pathname, agent: this.#agent},
        async (response) => {
          let said = '';
          for await (const chunk of response) said += chunk;
          const {value} = JSON.parse(said);
          if (value?.error) reject(new Error(`${value.error}: ${value.message}`));
          else resolve(value);
        },
      );
      asked.once('error', reject);
      asked.end(text);
    });
  }

  close() {
    this.#agent.destroy();
  }
}

export async function startWebKit() {
  const ends = [];
  const end = async () => {
    for (const stop of ends.splice(0).reverse()) await stop();
  };
  try {
    const home = await mkdtemp(path.join(tmpdir(), 'meshterm-webkit-'));
    ends.push(() => rm(home, {recursive: true, force: true, maxRetries: 5}));
    const {display, stop} = await startDisplay();
    ends.push(stop);
    const port = await freePort();
    const daemon = new Daemon('WebKitWebDriver', 'WebKitWebDriver', [`--port=${port}`], {
      logFile: path.join(home, 'driver.log'),
      env: {...process.env, DISPLAY: display, GDK_BACKEND: 'x11', HOME: home, NO_AT_BRIDGE: '1'},
    });
    ends.push(() => daemon.stop());
    const driver = new Driver(port);
    ends.push(() => driver.close());
    await until('WebKitWebDriver', async () => (await driver.call('GET', '/status')).ready);
    const options = {binary: miniBrowser(), args: ['--automation']};
    const {sessionId, capabilities} = await driver.call('POST', '/session', {
      capabilities: {alwaysMatch: {'webkitgtk:browserOptions': options}},
    });
    const session = new Session(driver, sessionId);
    ends.push(() => session.end());
    return {
      name: 'WebKitGTK',
      version: capabilities.browserVersion,
      page: (url) => session.page(url),
      close: end,
    };
  } catch (error) {
    await end();
    throw error;
  }
}

class Session {
  #last = Promise.resolve();
  #current;
  #isFirstFree = true;

  constructor(driver, id) {
    this.driver = driver;
    this.path = `/session/${id}`;
  }

  call(method, name, body) {
    return this.driver.call(method, this.path + name, body);
  }

  /** Commands of pages, each in its window, one after another. */
  within(handle, fn) {
    const done = this.#last.then(async () => {
      if (this.#current !== handle) await this.call('POST', '/window', {handle});
      this.#current = handle;
      return fn();
    });
    this.#last = done.catch(() => {});
    return done;
  }

  async page(url) {
    const handle = this.#isFirstFree
      ? await this.call('GET', '/window')
      : (await this.call('POST', '/window/new', {type: 'window'})).handle;
    this.#isFirstFree = false;
    const page = new Page(this, handle);
    await page.goto(url);
    return page;
  }

  /** Commands go to some other window afterwards: without one nothing works. */
  closePage(page) {
    return this.within(page, async () => {
      const [handle] = await this.call('DELETE', '/window');
      if (handle) await this.call('POST', '/window', {handle});
      this.#current = handle;
    });
  }

  end() {
    return this.#last.then(() => this.call('DELETE', '')).catch(() => {});
  }
}

/** As a function's body: leaves what the expression comes to in globalThis.evaluated[id]. */
function starts(id, expression) {
  return `const all = (globalThis.evaluated ??= {});
    (async () => (${expression}))().then(
      (value) => (all[${id}] = {value: value ?? null}),
      (error) => (all[${id}] = {error: error + '\\n' + error?.stack}));`;
}

class Page {
  #lastId = 0;

  constructor(session, handle) {
    Object.assign(this, {session, handle});
  }

  call(method, name, body) {
    return this.session.within(this.handle, () => this.session.call(method, name, body));
  }

  execute(script) {
    return this.call('POST', '/execute/sync', {script, args: []});
  }

  async evaluate(expression) {
    const id = ++this.#lastId;
    await this.execute(starts(id, expression));
    for (let wait = SOONEST_MS; ; wait = Math.min(2 * wait, LATEST_MS)) {
      const answer = await this.execute(
        `return globalThis.evaluated ? globalThis.evaluated[${id}] ?? null : 'gone'`,
      );
      if (answer === 'gone') throw new Error('the page was left meanwhile');
      if (answer?.error !== undefined) throw new Error(answer.error);
      if (answer) return answer.value;
      await new Promise((resolve) => setTimeout(resolve, wait));
    }
  }

  /** By several commands, and another page's may come between: it has its window to itself. */
  click(selector) {
    return this.session.within(this.handle, async () => {
      const {session} = this;
      const found = await session.call('POST', '/element', {
        using: 'css selector',
        value: selector,
      });
      await session.call('POST', `/element/${Object.values(found)[0]}/click`, {});
    });
  }

  /** As keys of the keyboard, to what has the focus. */
  type(text) {
    const keys = [...text.replaceAll('\n', ENTER)];
    const actions = keys.flatMap((value) => [
      {type: 'keyDown', value},
      {type: 'keyUp', value},
    ]);
    return this.call('POST', '/actions', {actions: [{type: 'key', id: 'keyboard', actions}]});
  }

  reload() {
    return this.call('POST', '/refresh', {});
  }

  goto(url) {
    return this.call('POST', '/url', {url});
  }

  async screenshot() {
    return Buffer.from(await this.call('GET', '/screenshot'), 'base64');
  }

  beside(url) {
    return this.session.page(url);
  }

  close() {
    return this.session.closePage(this.handle);
  }
}
