/* global BroadcastChannel */
/*
 * worker: 'shared': the tabs of one Chromium are one node.
 *
 *   page ─┐
 *   page ─┼─ SharedWorker, or the leader's worker ── Headscale (control, DERP) ── node1, Tailscale SSH
 *   page ─┘
 *
 * The worker gets a script of this test put before its own code, which breaks it when it is told to.
 */
import assert from 'node:assert/strict';
import {readFileSync} from 'node:fs';
import {userInfo} from 'node:os';
import {after, afterEach, before, beforeEach, test} from 'node:test';
import {fileURLToPath} from 'node:url';
import {launchChromium, serveStatic} from '../support/browser.mjs';
import {checkAbility} from '../support/engines/table.mjs';
import {until} from '../support/process.mjs';
import {Testnet} from '../support/testnet.mjs';

const DIST = fileURLToPath(new URL('../../js/dist', import.meta.url));
const USER = userInfo().username;
const CSP = [
  "default-src 'none'",
  "script-src 'self' 'wasm-unsafe-eval'",
  "worker-src 'self'",
  "connect-src 'self' ws://127.0.0.1:* http://127.0.0.1:*",
].join('; ');
/** In the worker: the core traps, or the worker ends, when a page says so. */
const BREAKER = `{
  const instantiate = WebAssembly.instantiate;
  let trap = false;
  WebAssembly.instantiate = async (...args) => {
    const {exports} = await instantiate.apply(WebAssembly, args);
    const x_poll = (...a) => { if (trap) { trap = false; throw new Error('planted'); } return exports.x_poll(...a); };
    return {exports: {...exports, x_poll}};
  };
  new BroadcastChannel('break').onmessage = ({data}) => {
    if (data === 'trap') trap = true;
    if (data === 'die') close();
  };
}`;
/** In the page: joins, and keeps what it is told. */
const PAGE_SCRIPT = `
globalThis.said = {states: [], panics: [], problems: [], urls: []};
globalThis.join = async (from, config) => {
  const {createIPN, sealedState} = await import(from);
  const stateStorage = config.isSealed ? sealedState() : config.stateStorage;
  const ipn = (globalThis.ipn = await createIPN({worker: 'shared', ...config, stateStorage}));
  await new Promise((resolve) => ipn.run({
    notifyState(state) { said.states.push(state); if (said.netMap && state === 'Running') resolve(); },
    notifyNetMap(json) { said.netMap = JSON.parse(json); if (said.states.at(-1) === 'Running') resolve(); },
    notifyStatus(json) { said.status = JSON.parse(json); },
    notifyBrowseToURL(url) { said.urls.push(url); },
    notifyPanicRecover(error) { said.panics.push(error); },
    notifyError({code}) { said.problems.push(code); },
  }));
  return said.netMap.self.nodeKey;
};
globalThis.exec = async (command) => (await ipn.exec('node1', '${USER}', command, {timeoutSeconds: 20})).text();
const listener = (shell) => ({
  onData(bytes) { shell.text += new TextDecoder().decode(bytes); },
  onScrollback(bytes) { shell.before = new TextDecoder().decode(bytes); },
  onConnected() { shell.isOpen = true; },
  onExit(exit) { shell.exit = exit; },
  onError({code}) { shell.error = code; },
  onDone() { shell.isDone = true; },
});
const made = () => ({text: '', before: '', isOpen: false, isDone: false});
globalThis.shells = [];
globalThis.shell = (options) => {
  const shell = made();
  shells.push(shell);
  shell.session = ipn.ssh('node1', '${USER}', {timeoutSeconds: 20, ...options, ...listener(shell)});
  return shells.length - 1;
};
globalThis.attach = (id) => {
  const shell = made();
  shells.push(shell);
  shell.session = ipn.attach(id, {rows: 30, cols: 100, ...listener(shell)});
  return shells.length - 1;
};`;
const PAGE =
  '<!doctype html><meta charset="utf-8"><title>t</title><script src="/page_script.js"></script>';
/** Counts on, some lines a second, and remembers nothing: what is lost is missed. */
const COUNTER = 'i=0; while [ $i -lt 4000 ]; do i=$((i+1)); echo n$i; sleep 0.02; done';

let net, browser, site, controlKey, context;

before(async () => {
  net = await Testnet.start();
  await net.node('node1');
  controlKey = (await (await fetch(`${net.headscale.url}/key?v=113`)).json()).publicKey;
  const text = (name) => readFileSync(`${DIST}/${name}`, 'utf8');
  const version = /"([0-9a-f]{12})"/.exec(text('index.js'))[1];
  const other = (name) => text(name).replaceAll(version, '000000000000');
  const routes = {
    '/page.html': PAGE,
    '/page_script.js': PAGE_SCRIPT,
    '/new/index.js': other('index.js'),
    '/new/worker.js': other('worker.js'),
    '/mixed/index.js': other('index.js'),
  };
  for (const folder of ['/dist/', '/new/', '/mixed/']) {
    routes[`${folder}worker.js`] = BREAKER + (routes[`${folder}worker.js`] ?? text('worker.js'));
    routes[folder] = DIST;
  }
  site = await serveStatic(routes, () => CSP);
  browser = await launchChromium('--host-resolver-rules=MAP plain.test 127.0.0.1');
});

after(async () => {
  await browser?.close();
  site?.close();
  await net?.stop();
});

async function openPage({script, url = site.url} = {}) {
  const page = await context.newPage();
  if (script) await page.addInitScript(script);
  await page.goto(`${url}/page.html`);
  return page;
}

/** Each test has a browser profile of its own: its workers end with it. */
beforeEach(async () => (context = await browser.newContext()));
afterEach(() => context.close());

let count = 0;

/** Of one test: the hostname is what pages share. */
async function settings(extra = {}) {
  const hostname = `shared-${++count}`;
  const authKey = await net.headscale.authKey({reusable: true});
  return {
    hostname,
    config: {controlURL: net.headscale.url, controlKey, hostname, authKey, ...extra},
  };
}

async function join(page, {config}, from = '/dist/index.js') {
  return page.evaluate(([from, config]) => globalThis.join(from, config), [from, config]);
}

async function nodes(hostname) {
  const all = await net.headscale.nodes();
  return all.filter((n) => (n.given_name ?? n.givenName ?? n.name).startsWith(hostname)).length;
}

const gone = (hostname) =>
  until(`no node ${hostname}`, async () => (await nodes(hostname)) === 0, {
    timeout: 15_000,
    every: 100,
  });
const exec = (page, command) => page.evaluate((command) => globalThis.exec(command), command);
const shellText = (page, at = 0) => page.evaluate((at) => globalThis.shells[at].text, at);

async function shows(page, pattern, at = 0) {
  await page.waitForFunction(
    ([at, source]) => new RegExp(source, 'm').test(globalThis.shells[at].text),
    [at, pattern.source],
  );
}

/** Every number from 1 on, once. */
function assertCounted(text, least) {
  const numbers = [...text.matchAll(/^n(\d+)\r?$/gm)].map(([, n]) => Number(n));
  assert.ok(numbers.length >= least, `${numbers.length} lines`);
  numbers.forEach((n, i) => assert.equal(n, i + 1, `line ${i + 1} of ${numbers.length}`));
}

test('three tabs are one node; closing one leaves the others; after the last it is logged out', async () => {
  const our = await settings({graceSeconds: 1});
  const pages = [await openPage(), await openPage(), await openPage()];
  const names = await Promise.all(pages.map((page) => join(page, our)));
  assert.equal(new Set(names).size, 1);
  assert.equal(await nodes(our.hostname), 1);
  for (const page of pages) {
    assert.equal(page.workers().length, 0, 'no worker of its own');
    assert.equal(await page.evaluate(() => globalThis.said.states[0]), 'NoState');
    assert.equal(await page.evaluate(() => globalThis.said.netMap.peers.length), 1);
  }
  // Each has refs of its own, which are the same numbers.
  const told = await Promise.all(pages.map((page, i) => exec(page, `echo page-${i}`)));
  assert.deepEqual(told, ['page-0\n', 'page-1\n', 'page-2\n']);
  await pages[0].evaluate(() => globalThis.ipn.close());
  await pages[1].close();
  await new Promise((resolve) => setTimeout(resolve, 1500)); // longer than the grace
  assert.equal(await nodes(our.hostname), 1);
  assert.equal(await exec(pages[2], 'echo still'), 'still\n');
  await openPage(); // of no node; an empty browser would end with its last page
  await pages[2].close();
  await gone(our.hostname);
});

test('a page that stands still holds up nobody', async () => {
  const our = await settings();
  const [stalled, page] = [await openPage(), await openPage()];
  await join(stalled, our);
  await join(page, our);
  await stalled.evaluate((user) => {
    globalThis.taken = 0;
    const onData = (bytes) => ((globalThis.taken += bytes.length), new Promise(() => {}));
    globalThis.ipn.ssh('node1', user, {command: 'cat /dev/zero', onData, timeoutSeconds: 20});
  }, USER);
  await stalled.waitForFunction(() => globalThis.taken > 0);
  await stalled.evaluate(() => {
    setTimeout(() => {
      const end = Date.now() + 3000;
      while (Date.now() < end);
    }, 0);
  });
  const command =
    'head -c 3000000 /dev/zero | tr "\\0" x | wc -c; head -c 3000000 /dev/zero | tr "\\0" x';
  assert.equal((await exec(page, command)).length, '3000000\n'.length + 3_000_000);
  assert.ok((await stalled.evaluate(() => globalThis.taken)) < 4_000_000);
});

test('a reload keeps a running shell: the counter goes on, nothing is lost or told twice', async (t) => {
  const our = await settings();
  const page = await openPage();
  const name = await join(page, our);
  assert.equal(await page.evaluate(() => globalThis.ipn.keepsSessions), true);
  await page.evaluate((command) => globalThis.shell({command, title: 'counting'}), COUNTER);
  await shows(page, /^n50\r?$/);
  await page.reload();
  assert.equal(await join(page, our), name);
  const [session, ...others] = await page.evaluate(() => globalThis.ipn.sessions());
  assert.deepEqual(others, []);
  const {id, ...label} = session;
  const expected = {
    host: 'node1',
    user: USER,
    port: 22,
    command: COUNTER,
    title: 'counting',
    sameTab: true,
  };
  assert.deepEqual(label, expected);
  await page.evaluate((id) => globalThis.attach(id), id);
  await shows(page, /^n250\r?$/);
  const {before, text, isOpen} = await page.evaluate(() => globalThis.shells[0]);
  assert.equal(isOpen, true);
  assert.match(before, /^n1\r?\n/);
  assertCounted(before + text, 250);
  checkAbility('Chromium', '… the only tab is loaded again: its shells are there', true, t);
  const ability =
    "tabs share a node (`worker: 'shared'`); one is loaded again and has its shells back";
  checkAbility('Chromium', ability, true, t);
  assert.equal(await nodes(our.hostname), 1);
  // Once: another page that wants it too hears that it is too late.
  const second = await openPage();
  await join(second, our);
  assert.deepEqual(await second.evaluate(() => globalThis.ipn.sessions()), []);
  await second.evaluate((id) => globalThis.attach(id), id);
  await second.waitForFunction(() => globalThis.shells[0].isDone);
  assert.equal(await second.evaluate(() => globalThis.shells[0].error), 'no-session');
});

test('what a tab that crashed leaves behind: taken over by another tab, or closed', async () => {
  const our = await settings({graceSeconds: 6});
  const [first, second] = [await openPage(), await openPage()];
  await join(second, our); // the worker lives where it was started
  await join(first, our);
  await first.evaluate(() => {
    globalThis.shell({});
    globalThis.shell({});
  });
  for (const at of [0, 1]) {
    await first.waitForFunction((at) => globalThis.shells[at].isOpen, at);
    await first.evaluate(
      (at) => void globalThis.shells[at].session.write(`echo in-$((40+${at}))\n`),
      at,
    );
    await shows(first, new RegExp(`^in-4${at}\\r?$`), at);
  }
  const crashed = new Promise((resolve) => first.once('crash', resolve));
  first.goto('chrome://crash').catch(() => {});
  await crashed;
  const list = () => second.evaluate(() => globalThis.ipn.sessions());
  const left = await until('its sessions', async () => {
    const found = await list();
    return found.length === 2 && found;
  });
  assert.deepEqual(
    left.map(({sameTab}) => sameTab),
    [false, false],
  );
  await second.evaluate((id) => globalThis.attach(id), left[1].id);
  await second.evaluate(
    () => void globalThis.shells[0].session.write('stty size; echo on-$((1+1))\n'),
  );
  await shows(second, /^on-2\r?$/);
  assert.match(await shellText(second), /^30 100\r?$/m);
  await until('the other to end', async () => (await list()).length === 0);
  assert.equal(await second.evaluate(() => globalThis.shells[0].isDone), false);
});

test('twenty tabs, one node; one logs out and all are', async () => {
  const our = await settings();
  const pages = await Promise.all(Array.from({length: 20}, () => openPage()));
  const names = await Promise.all(pages.map((page) => join(page, our)));
  assert.equal(new Set(names).size, 1);
  assert.equal(await nodes(our.hostname), 1);
  const told = await Promise.all(pages.map((page, i) => exec(page, `echo tab-${i}`)));
  assert.deepEqual(
    told,
    pages.map((_, i) => `tab-${i}\n`),
  );
  // One of them logs out: all are, at once.
  await pages[7].evaluate(() => globalThis.ipn.logout());
  for (const page of pages)
    await page.waitForFunction(() => globalThis.said.states.at(-1) === 'NeedsLogin');
  await gone(our.hostname);
});

test('a fault of the core, and the end of the worker, reach every page; createIPN works again', async () => {
  const our = await settings();
  const pages = [await openPage(), await openPage()];
  for (const page of pages) await join(page, our);
  for (const how of ['trap', 'die']) {
    await pages[0].evaluate((how) => {
      new BroadcastChannel('break').postMessage(how);
      if (how === 'trap') setTimeout(() => void globalThis.ipn.login(), 200);
    }, how);
    for (const page of pages) {
      await page.waitForFunction(() => globalThis.said.panics.length === 1);
      const [panic] = await page.evaluate(() => globalThis.said.panics.splice(0));
      assert.match(panic, how === 'trap' ? /planted/ : /worker .* has ended/);
    }
    for (const page of pages) assert.match(await join(page, our), /^nodekey:/);
    assert.equal(await exec(pages[1], 'echo again'), 'again\n');
  }
});

test('a worker that is gone: the same node comes back from its sealed state, and ends for good', async (t) => {
  const our = await settings({graceSeconds: 1, isSealed: true, logoutOnClose: true});
  const page = await openPage();
  const key = await join(page, our);
  await page.evaluate(() => new BroadcastChannel('break').postMessage('die'));
  await page.reload();
  assert.equal(await join(page, our), key);
  assert.equal(await nodes(our.hostname), 1);
  await openPage();
  await page.close();
  await gone(our.hostname);
  assert.notEqual(await join(await openPage(), our), key);
  checkAbility('Chromium', '… in a SharedWorker', true, t);
});

test('another version: a worker of its own and a word; a worker that does not fit is refused', async () => {
  const our = await settings();
  const [old, fresh] = [await openPage(), await openPage()];
  await join(old, our);
  await join(fresh, our, '/new/index.js');
  await fresh.waitForFunction(() => globalThis.said.problems.includes('other-version'));
  assert.equal(await nodes(our.hostname), 2);
  assert.deepEqual(await old.evaluate(() => globalThis.said.problems), []);
  const mixed = await openPage();
  await assert.rejects(join(mixed, our, '/mixed/index.js'), /of another version than this page/);
});

test('without SharedWorker a tab leads; when it goes, another does', async (t) => {
  const our = await settings({isSealed: true});
  const script = 'delete globalThis.SharedWorker';
  const pages = [await openPage({script}), await openPage({script}), await openPage({script})];
  const names = [];
  for (const page of pages) names.push(await join(page, our));
  assert.equal(new Set(names).size, 1);
  assert.equal(await nodes(our.hostname), 1);
  assert.deepEqual(
    pages.map((page) => page.workers().length),
    [1, 0, 0],
  );
  assert.equal(await pages[0].evaluate(() => globalThis.ipn.keepsSessions), false);
  assert.deepEqual(await Promise.all(pages.map((page, i) => exec(page, `echo page-${i}`))), [
    'page-0\n',
    'page-1\n',
    'page-2\n',
  ]);
  await pages[1].evaluate(() => globalThis.shell({}));
  await pages[1].waitForFunction(() => globalThis.shells[0].isOpen);
  await pages[0].close();
  await pages[1].waitForFunction(() => globalThis.shells[0].isDone);
  for (const page of pages.slice(1))
    await page.waitForFunction(() => globalThis.said.states.join().endsWith('Starting,Running'));
  assert.equal(await exec(pages[1], 'echo back'), 'back\n');
  assert.equal(await exec(pages[2], 'echo back'), 'back\n');
  assert.equal(pages[1].workers().length + pages[2].workers().length, 1);
  // Its state was sealed, so it is the same node.
  for (const page of pages.slice(1))
    assert.equal(await page.evaluate(() => globalThis.said.netMap.self.nodeKey), names[0]);
  assert.equal(await nodes(our.hostname), 1);
  checkAbility('Chromium', '… without SharedWorker a tab leads, and then another', true, t);
});

test('plain http, which has no Web Locks: tabs that say goodbye are one node all the same', async () => {
  const our = await settings({graceSeconds: 1});
  const url = site.url.replace('127.0.0.1', 'plain.test');
  const pages = [await openPage({url}), await openPage({url})];
  assert.equal(await pages[0].evaluate(() => globalThis.isSecureContext), false);
  const keys = await Promise.all(pages.map((page) => join(page, our)));
  assert.equal(keys[0], keys[1]);
  await openPage();
  await pages[0].close();
  assert.equal(await exec(pages[1], 'echo still'), 'still\n');
  await pages[1].close();
  await gone(our.hostname);
});

test('two tabs of one stored state without sharing: the second one has a node of its own', async () => {
  const our = await settings({worker: 'dedicated'});
  const script = `globalThis.keep = {
    getState: (id) => localStorage['m:' + id] ?? '',
    setState: (id, value) => { localStorage['m:' + id] = value; },
  };
`;
  const open = async () => {
    const page = await openPage({script});
    const name = await page.evaluate(
      (config) => globalThis.join('/dist/index.js', {...config, stateStorage: globalThis.keep}),
      our.config,
    );
    return {page, name};
  };
  const first = await open();
  const kept = await first.page.evaluate(() => localStorage['m:node-key']);
  const second = await open();
  assert.notEqual(first.name, second.name);
  assert.deepEqual(await second.page.evaluate(() => globalThis.said.problems), ['state-in-use']);
  assert.equal(await first.page.evaluate(() => localStorage['m:node-key']), kept);
  await first.page.close();
  await second.page.close();
  const third = await open();
  assert.equal(third.name, first.name);
  assert.deepEqual(await third.page.evaluate(() => globalThis.said.problems), []);
});
