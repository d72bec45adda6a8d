/*
 * A real Chromium whose page stands still, over a network that fails meanwhile:
 *
 *   page, worker ─┬─ FaultProxy ── Headscale, control
 *                 └─ FaultProxy ── Headscale, DERP ── alpha: a shell
 *
 * Asleep: its renderer is stopped (SIGSTOP), as all of a laptop is, and what was open is dead when it
 * goes on. Frozen: as the browser freezes a tab that nobody looks at.
 */
import assert from 'node:assert/strict';
import {userInfo} from 'node:os';
import path from 'node:path';
import {after, before, describe, test} from 'node:test';
import {fileURLToPath} from 'node:url';
import {serveStatic} from '../support/browser.mjs';
import {Chromium} from '../support/chromium.mjs';
import {FaultProxy} from '../support/fault_proxy.mjs';
import {until} from '../support/process.mjs';
import {Testnet} from '../support/testnet.mjs';

const dist = path.join(path.dirname(fileURLToPath(import.meta.url)), '../../js/dist/');
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Runs in the page: a shell that is told to count by itself, and one line typed every 200 ms. */
const SCRIPT = `
import {createIPN} from '/dist/index.js';
const said = {out: '', typed: 0, done: false};
globalThis.said = said;
globalThis.begin = async (config, user) => {
  const ipn = (globalThis.ipn = await createIPN(config));
  await new Promise((resolve) => ipn.run({
    notifyState: (state) => state === 'Running' && resolve(),
    notifyNetMap() {}, notifyBrowseToURL() {},
    notifyPanicRecover: (error) => (said.panic = error),
  }));
  const decoder = new TextDecoder();
  await new Promise((resolve) => {
    ipn.ssh('alpha', user, {
      timeoutSeconds: 20, command: 'stty -echo 2>/dev/null; while read l; do echo "got $l"; done',
      onData: (bytes) => void (said.out += decoder.decode(bytes, {stream: true})),
      writeErrorFn: (text) => (said.error = text),
      setReadFn: (fn) => { said.type = fn; resolve(); },
      onDone: () => (said.done = true),
    });
  });
  setInterval(() => said.done || said.type('line-' + said.typed++ + '\\n'), 200);
};
globalThis.report = () => {
  const lines = said.out.split('\\n').slice(0, -1);
  return {typed: said.typed, answered: lines.length, done: said.done, error: said.error,
    wrong: lines.findIndex((line, i) => line !== 'got line-' + i), panic: said.panic};
};
globalThis.isLoaded = true;
`;

describe('a page that stands still', () => {
  let net, control, derp, server, chromium, page, renderers;

  before(async () => {
    net = await Testnet.start();
    await net.node('alpha');
    control = await FaultProxy.start(net.headscale.port);
    derp = await FaultProxy.start(net.headscale.port);
    server = await serveStatic({
      '/dist/': dist,
      '/page.js': SCRIPT,
      '/page.html': '<!doctype html><script type="module" src="/page.js"></script>',
    });
    chromium = await Chromium.start();
    page = await chromium.page(`${server.url}/page.html`);
    await until('the page', () => page.evaluate('globalThis.isLoaded === true'));
    const config = {
      authKey: await net.headscale.authKey({ephemeral: false}),
      controlKey: (await (await fetch(`${net.headscale.url}/key?v=113`)).json()).publicKey,
      controlURL: control.url,
      derpURLs: {'*': `${derp.url}/derp`},
    };
    await page.evaluate(`begin(${JSON.stringify(config)}, ${JSON.stringify(userInfo().username)})`);
    renderers = await findRenderers();
  });
  after(async () => {
    await chromium?.close();
    server?.close();
    await net?.stop();
    await control?.close();
    await derp?.close();
  });

  /** The page's, and those that Chromium keeps at hand. */
  async function findRenderers() {
    const {processInfo} = await chromium.send('SystemInfo.getProcessInfo');
    return processInfo.filter(({type}) => type === 'renderer').map(({id}) => id);
  }

  const signal = (name) => renderers.forEach((id) => process.kill(id, name));

  async function goesOn() {
    const {typed} = await page.evaluate('report()');
    const report = await until(
      'the shell answers',
      async () => {
        const now = await page.evaluate('report()');
        assert.deepEqual([now.done, now.wrong, now.panic], [false, -1, undefined], now.error);
        return now.answered > typed && now;
      },
      {timeout: 60_000},
    );
    return report;
  }

  test('asleep for 15 s, and what was open is dead', async () => {
    await goesOn();
    const accepted = derp.accepted;
    const before = await page.evaluate('report()');
    signal('SIGSTOP');
    [control, derp].forEach((proxy) => proxy.down('silent'));
    await sleep(15_000);
    [control, derp].forEach((proxy) => proxy.up());
    signal('SIGCONT');
    const {typed} = await page.evaluate('report()');
    assert.ok(typed - before.typed < 40, 'it did stand still'); // awake it types 75
    await goesOn();
    assert.ok(derp.accepted > accepted, 'it connected anew');
  });

  test('frozen for 10 s, and the network works on', async () => {
    const freeze = (state) => chromium.send('Page.setWebLifecycleState', {state}, page.sessionId);
    const before = await page.evaluate('report()');
    await freeze('frozen');
    await sleep(10_000);
    await freeze('active');
    const {typed} = await page.evaluate('report()');
    assert.ok(typed - before.typed < 25, 'it did stand still'); // awake it types 50
    await goesOn();
  });

  test('its sockets are cut', async () => {
    [control, derp].forEach((proxy) => proxy.cut());
    const {answered, typed} = await goesOn();
    assert.ok(answered <= typed);
  });
});
