/*
 * The package js/dist in a real Chromium, under a strict CSP, on another origin than Headscale:
 *
 *   Chromium ── page of serveStatic() ── js/dist (worker, ipn.wasm)
 *       └─ ws ── Headscale (control, embedded DERP) ── tailscaled "node1" with --ssh
 */
import assert from 'node:assert/strict';
import {mkdtempSync, rmSync} from 'node:fs';
import {tmpdir, userInfo} from 'node:os';
import path from 'node:path';
import {after, before, test} from 'node:test';
import {fileURLToPath} from 'node:url';
import {launchChromium, serveStatic} from '../support/browser.mjs';
import {Headscale} from '../support/headscale.mjs';
import {Node} from '../support/node.mjs';
import {peers} from '../support/peers.mjs';
import {bundleTsconnect} from './tsconnect_page.mjs';

const DIST = fileURLToPath(new URL('../../js/dist', import.meta.url));
const USER = userInfo().username;
const STRICT = [
  "default-src 'none'",
  "script-src 'self' 'wasm-unsafe-eval'",
  "worker-src 'self'",
  "style-src 'self'",
  "connect-src 'self' ws://127.0.0.1:* http://127.0.0.1:*",
].join('; ');
/** xterm.js writes style elements. */
const INLINE_STYLE = STRICT.replace("style-src 'self'", "style-src 'self' 'unsafe-inline'");
const PAGE = '<!doctype html><meta charset="utf-8"><title>t</title><body>';
const TERMINAL_PAGE = `${PAGE}<div id="terminal"></div><script type="module" src="/terminal_page.js"></script>`;
/** Text arrives as bytes cut anywhere, so it is gathered before it is looked at. */
const TERMINAL_SCRIPT = `
import {createIPN, runSSHSession} from '/dist/index.js';
const box = document.getElementById('terminal');
box.style.cssText = 'position: fixed; inset: 0';
globalThis.seen = [];
globalThis.start = async (config, user) => {
  const ipn = await createIPN(config);
  await new Promise((resolve) => ipn.run({
    notifyState: (state) => state === 'Running' && resolve(),
    notifyNetMap() {}, notifyBrowseToURL() {}, notifyPanicRecover() {},
  }));
  globalThis.handle = runSSHSession(box, {username: user, hostname: 'node1', timeoutSeconds: 10}, ipn, {
    onConnectionProgress: (m) => seen.push('progress ' + m),
    onConnected: () => seen.push('connected'),
    onDone: () => seen.push('done'),
    onError: (e) => seen.push('error ' + e),
  });
};`;

let dir, headscale, node, browser, site, controlKey;

before(async () => {
  const bin = await peers('headscale', 'tailscale');
  dir = mkdtempSync(path.join(tmpdir(), 'meshterm-e2e-'));
  headscale = await Headscale.start({
    binary: path.join(bin.headscale, 'headscale'),
    dir: path.join(dir, 'hs'),
    accounts: [USER],
  });
  node = await Node.start({
    binaries: bin.tailscale,
    dir: path.join(dir, 'n1'),
    hostname: 'node1',
    loginServer: headscale.url,
    authKey: await headscale.authKey({ephemeral: false}),
  });
  controlKey = (await (await fetch(`${headscale.url}/key?v=113`)).json()).publicKey;
  const routes = {
    '/dist/': DIST,
    '/page.html': PAGE,
    '/noworker.html': PAGE,
    '/terminal.html': TERMINAL_PAGE,
    '/terminal_page.js': TERMINAL_SCRIPT,
    '/tsconnect.html': `${PAGE}<link rel="stylesheet" href="/tsconnect.css"><script type="module" src="/tsconnect/app.js"></script>`,
    '/tsconnect.css': '.flex-grow {height: 400px}',
    '/tsconnect/': path.join(dir, 'tsconnect'),
  };
  await bundleTsconnect(path.join(dir, 'tsconnect', 'app.js'));
  const csp = {
    '/noworker.html': STRICT.replace("worker-src 'self'", "worker-src 'none'"),
    '/terminal.html': INLINE_STYLE,
    '/tsconnect.html': INLINE_STYLE,
  };
  site = await serveStatic(routes, (name) => csp[name] ?? STRICT);
  browser = await launchChromium();
});

after(async () => {
  await browser?.close();
  site?.close();
  await node?.stop();
  await headscale?.stop();
  if (dir) rmSync(dir, {recursive: true, force: true});
});

async function openPage(name, params = {}) {
  const page = await (await browser.newContext()).newPage();
  const lines = [];
  page.on('console', (message) => lines.push(`${message.type()}: ${message.text()}`));
  page.on('pageerror', (error) => lines.push(`pageerror: ${error.message}`));
  await page.goto(`${site.url}/${name}?${new URLSearchParams(params)}`);
  return {page, lines};
}

async function config(hostname, extra = {}) {
  const authKey = await headscale.authKey();
  return {controlURL: headscale.url, controlKey, authKey, hostname, ...extra};
}

/** Joins in the page; leaves the IPN in globalThis.ipn. */
function join(page, settings) {
  return page.evaluate(async (settings) => {
    const {createIPN} = await import('/dist/index.js');
    const ipn = (globalThis.ipn = await createIPN(settings));
    const problems = (globalThis.problems = []);
    await new Promise((resolve) => {
      ipn.run({
        notifyState: (state) => state === 'Running' && resolve(),
        notifyNetMap: (json) => (globalThis.netMap = JSON.parse(json)),
        notifyBrowseToURL() {},
        notifyPanicRecover: (error) => problems.push(error),
        notifyError: ({message}) => problems.push(message),
      });
    });
  }, settings);
}

/** Runs a command; resolves with what it wrote and how it ended. */
function exec(page, command, user = USER) {
  return page.evaluate(
    ([command, user]) =>
      new Promise((resolve) => {
        const result = {text: '', error: '', len: 0};
        const chunks = [];
        globalThis.ipn.ssh('node1', user, {
          command,
          timeoutSeconds: 10,
          onData: (bytes) => void ((result.len += bytes.length), chunks.push(bytes)),
          writeErrorFn: (error) => (result.error += error),
          onExit: (exit) => (result.exit = exit),
          async onDone() {
            const all = await new Blob(chunks).arrayBuffer();
            const hash = new Uint8Array(await crypto.subtle.digest('SHA-256', all));
            result.sha256 = [...hash].map((b) => b.toString(16).padStart(2, '0')).join('');
            if (all.byteLength < 10_000) result.text = new TextDecoder().decode(all);
            resolve(result);
          },
        });
      }),
    [command, user],
  );
}

/** Resolves with true once no node of that name is left. */
async function isGone(hostname, timeoutMs) {
  const end = Date.now() + timeoutMs;
  while (Date.now() < end) {
    const nodes = await headscale.nodes();
    if (!nodes.some((n) => (n.given_name ?? n.givenName ?? n.name).startsWith(hostname)))
      return true;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  return false;
}

test('joins in a worker, lists the node, runs a command, under a strict CSP', async () => {
  const {page, lines} = await openPage('page.html');
  await join(page, await config('tab-worker'));
  assert.equal(page.workers().length, 1);
  const [peer] = (await page.evaluate(() => globalThis.netMap)).peers;
  assert.equal(peer.name, 'node1.tail.test');
  assert.equal(peer.tailscaleSSHEnabled, true);
  const {text, error, exit} = await exec(page, 'echo ä€𝄞 && exit 3');
  assert.deepEqual([text, error, exit], ['ä€𝄞\n', '', {code: 3, signal: ''}]);
  assert.deepEqual(lines, []);
  await page.close();
});

test('30 MB arrive as they were sent, in a worker and in the page', async () => {
  const bytes = 30_000_000;
  const command = `head -c ${bytes} /dev/zero | openssl enc -aes-128-ctr -K 00 -iv 00 2>/dev/null`;
  for (const worker of ['dedicated', 'none']) {
    const {page} = await openPage('page.html');
    await join(page, await config(`tab-30mb-${worker}`, {worker}));
    const {text} = await exec(page, `${command} | sha256sum`);
    const {len, sha256, error} = await exec(page, command);
    assert.deepEqual([len, sha256, error], [bytes, text.split(' ')[0], '']);
    await page.close();
  }
});

test('a page that may not start workers does the work itself, and says so once', async () => {
  const {page, lines} = await openPage('noworker.html');
  await join(page, await config('tab-noworker'));
  assert.equal(page.workers().length, 0);
  assert.equal((await exec(page, 'echo hi')).text, 'hi\n');
  assert.equal(lines.filter((line) => line.startsWith('info: meshterm: no worker')).length, 1);
  await page.close();
});

test('a refused user is a sentence and the end, not a hang', async () => {
  const {page} = await openPage('page.html');
  await join(page, await config('tab-refused'));
  const {error, exit} = await exec(page, 'true', 'nobody-like-this');
  assert.match(error, /\S.*\r\n$/);
  assert.equal(exit, undefined);
  await page.close();
});

test('leaving the page removes the ephemeral node', async () => {
  for (const worker of ['dedicated', 'none']) {
    const hostname = `tab-leave-${worker}`;
    const {page} = await openPage('page.html');
    await join(page, await config(hostname, {worker}));
    assert.equal(await isGone(hostname, 1), false);
    await page.goto('about:blank');
    assert.equal(await isGone(hostname, 8000), true, worker);
    await page.close();
  }
});

test('runSSHSession: a terminal that types, resizes and ends', async () => {
  const {page, lines} = await openPage('terminal.html');
  const settings = await config('tab-terminal');
  await page.waitForFunction(() => globalThis.start !== undefined);
  await page.evaluate(([settings, user]) => globalThis.start(settings, user), [settings, USER]);
  await page.waitForFunction(() => globalThis.seen.includes('connected'));
  await page.keyboard.type('echo a-$((6*7))-$(printf "\\303\\266")\n');
  await page.waitForFunction(() =>
    document.querySelector('.xterm-rows')?.textContent.includes('a-42-ö'),
  );
  await page.setViewportSize({width: 500, height: 300});
  const rowCount = () => document.querySelectorAll('.xterm-rows > div').length;
  await page.waitForFunction(() => document.querySelectorAll('.xterm-rows > div').length < 20);
  await page.keyboard.type('echo size-$(stty size | tr " " x)-\n');
  const size = await page.waitForFunction(() =>
    /size-(\d+)x(\d+)-/.exec(document.querySelector('.xterm-rows').textContent),
  );
  const [, rows, cols] = await size.jsonValue();
  assert.equal(Number(rows), await page.evaluate(rowCount));
  assert.ok(Number(cols) < 70, cols);
  await page.keyboard.type('exit\n');
  await page.waitForFunction(() => globalThis.seen.includes('done'));
  assert.equal(await page.evaluate(() => document.querySelector('.xterm')), null);
  assert.deepEqual(lines, []);
  await page.close();
});

test("tsconnect's own page code, with only the import changed", async () => {
  const {page, lines} = await openPage('tsconnect.html');
  await page.waitForFunction(() => globalThis.startTsconnect !== undefined);
  const settings = await config('tab-tsconnect');
  for (const variant of ['ssh.ts', 'package']) {
    await page.evaluate(
      ([settings, variant]) => globalThis.startTsconnect(settings, variant),
      [variant === 'ssh.ts' ? settings : await config('tab-tsconnect2'), variant],
    );
    await page.fill('input.username', USER);
    await page.dispatchEvent('input.username', 'change');
    await page.click('input[type=submit]');
    await page.waitForSelector('.xterm-rows');
    await page.waitForFunction(() =>
      /[$#]\s*$/.test(document.querySelector('.xterm-rows').textContent),
    );
    await page.keyboard.type('echo b-$((6*7))-$(printf "\\303\\266")\n');
    await page.waitForFunction(() =>
      document.querySelector('.xterm-rows')?.textContent.includes('b-42-ö'),
    );
    await page.keyboard.type('exit\n');
    await page.waitForSelector('input.username');
    assert.equal(await page.evaluate(() => globalThis.states[0]), 'NoState');
  }
  assert.deepEqual(
    lines.filter((line) => line.startsWith('pageerror')),
    [],
  );
  await page.close();
});
