/*
 * sealedState() in a real Chromium, in pages and in workers: what it keeps, what lies on the disk,
 * what it does where nothing can be kept.
 */
import assert from 'node:assert/strict';
import {mkdtempSync, readdirSync, readFileSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import path from 'node:path';
import {after, before, test} from 'node:test';
import {fileURLToPath} from 'node:url';
import {launchChromium, launchProfile, serveStatic} from '../support/browser.mjs';
import {checkAbility} from '../support/engines/table.mjs';

const DIST = fileURLToPath(new URL('../../js/dist', import.meta.url));
const PAGE = '<!doctype html><meta charset="utf-8"><title>t</title><body>';
const SECRET = '73656372657420286e6f64652d6b657929';
const WORKER = `
import {sealedState} from '/dist/index.js';
const state = sealedState();
const serve = (port) => (port.onmessage = async ({data: [call, ...args]}) => port.postMessage(await state[call](...args)));
if (globalThis.onconnect !== undefined || typeof SharedWorkerGlobalScope === 'function')
  globalThis.onconnect = ({ports: [port]}) => serve(port);
else serve(globalThis);`;

let dir, site, browser;

before(async () => {
  dir = mkdtempSync(path.join(tmpdir(), 'meshterm-state-'));
  site = await serveStatic({'/dist/': DIST, '/page.html': PAGE, '/worker.js': WORKER});
  browser = await launchChromium('--host-resolver-rules=MAP plain.test 127.0.0.1');
});

after(async () => {
  await browser?.close();
  site?.close();
  if (dir) rmSync(dir, {recursive: true, force: true});
});

/** A page with globalThis.state, and what it was told in globalThis.told. */
async function open(context, {script = '', url = site.url, name = undefined} = {}) {
  const page = await context.newPage();
  page.wrong = [];
  page.on('pageerror', (error) => page.wrong.push(error.message));
  if (script) await page.addInitScript(script);
  await page.goto(`${url}/page.html`);
  await start(page, name);
  return page;
}

function start(page, name) {
  return page.evaluate(async (name) => {
    const {sealedState} = await import('/dist/index.js');
    globalThis.told = [];
    const onFallback = (problem) => globalThis.told.push(problem);
    globalThis.state = sealedState(name ? {name, onFallback} : {onFallback});
  }, name);
}

const get = (page, id) => page.evaluate((id) => globalThis.state.getState(id), id);
const set = (page, id, value) =>
  page.evaluate(([id, value]) => globalThis.state.setState(id, value), [id, value]);
const told = (page) => page.evaluate(() => globalThis.told.map(({code}) => code));
const messages = (page) => page.evaluate(() => globalThis.told.map(({message}) => message));

/** As the core has it kept: hex of base64. */
const lines = (...list) => {
  const text = list.map((line) => `${line}\n`).join('');
  return Buffer.from(Buffer.from(text).toString('base64')).toString('hex');
};
const linesOf = (value) =>
  Buffer.from(Buffer.from(value, 'hex').toString(), 'base64').toString().split('\n').slice(0, -1);

/** Runs `use(stores, records)` on the database itself, as a bug or a broken disk would. */
function meddle(page, source) {
  return page.evaluate(
    (source) =>
      new Promise((resolve, reject) => {
        const opening = globalThis.indexedDB.open('meshterm', 1);
        opening.onerror = () => reject(opening.error);
        opening.onsuccess = () => {
          const transaction = opening.result.transaction(['keys', 'values'], 'readwrite');
          const stores = ['keys', 'values'].map((name) => transaction.objectStore(name));
          const box = {};
          new Function('keys', 'values', 'box', source)(...stores, box);
          transaction.oncomplete = () => (opening.result.close(), resolve(box.result));
          transaction.onabort = () => reject(transaction.error);
        };
      }),
    source,
  );
}

test('what was kept is there again after a reload; what was forgotten is not', async (t) => {
  const context = await browser.newContext();
  const page = await open(context);
  assert.equal(await get(page, 'node-key'), '');
  await set(page, 'node-key', SECRET);
  await set(page, 'machine-key', '6d');
  await set(page, 'machine-key', '');
  for (let i = 0; i < 3; i++) {
    await page.reload();
    await start(page);
    assert.equal(await get(page, 'node-key'), SECRET);
    assert.equal(await get(page, 'machine-key'), '');
    assert.equal(await get(page, 'never-set'), '');
  }
  assert.deepEqual(await told(page), []);
  assert.deepEqual(page.wrong, []);
  checkAbility('Chromium', '`sealedState()`: the same node after a reload', true, t);
  await context.close();
});

test('writes that nobody waits for are made in their order', async () => {
  const context = await browser.newContext();
  const page = await open(context);
  await page.evaluate(() => {
    for (let i = 0; i < 50; i++) void globalThis.state.setState('wg-timestamp', `${10 + i}`);
  });
  assert.equal(await get(page, 'wg-timestamp'), '59');
  await set(page, 'home-derp', '31');
  await page.reload();
  await start(page);
  assert.equal(await get(page, 'wg-timestamp'), '59');
  await context.close();
});

test('all that a node wants is asked for at once', async () => {
  const context = await browser.newContext();
  const page = await open(context);
  await set(page, 'machine-key', '01');
  await set(page, 'known-hosts', lines('a k'));
  for (let i = 0; i < 3; i++) {
    await page.reload();
    await start(page);
    const values = await page.evaluate(() =>
      Promise.all(
        ['known-hosts', 'machine-key', 'node-key', 'known-hosts'].map((id) =>
          globalThis.state.getState(id),
        ),
      ),
    );
    assert.deepEqual(values, [lines('a k'), '01', '', lines('a k')]);
    assert.deepEqual(await told(page), []);
  }
  await context.close();
});

test('each tab has a node of its own, and takes up the one of a tab that was closed', async () => {
  const context = await browser.newContext();
  const tabs = [];
  for (let i = 1; i <= 10; i++) {
    const page = await open(context);
    assert.equal(await get(page, 'node-key'), '', `tab ${i}`);
    await set(page, 'node-key', `0${i % 10}`);
    assert.deepEqual(await told(page), i <= 8 ? [] : ['in-use'], `tab ${i}`);
    tabs.push(page);
  }
  assert.equal(await get(tabs[9], 'node-key'), '00', 'in memory');
  await tabs[2].close();
  const page = await open(context);
  assert.equal(await get(page, 'node-key'), '03');
  await tabs[4].evaluate(() => globalThis.state.close());
  const next = await open(context);
  assert.equal(await get(next, 'node-key'), '05');
  const other = await open(context, {name: 'another'});
  assert.equal(await get(other, 'node-key'), '');
  assert.deepEqual(await told(other), []);
  await context.close();
});

test('a page, a worker and a shared worker: three places, one list of known hosts', async () => {
  const context = await browser.newContext();
  const page = await open(context);
  await set(page, 'node-key', '01');
  const answers = await page.evaluate(async (known) => {
    const ask = (port, message) =>
      new Promise((resolve) => {
        port.onmessage = ({data}) => resolve(data);
        port.postMessage(message);
      });
    const dedicated = new Worker('/worker.js', {type: 'module'});
    const shared = new SharedWorker('/worker.js', {type: 'module'}).port;
    const answers = [];
    for (const port of [dedicated, shared]) {
      answers.push(await ask(port, ['getState', 'node-key']));
      await ask(port, ['setState', 'node-key', '02']);
      answers.push(await ask(port, ['getState', 'node-key']));
    }
    await ask(dedicated, ['setState', 'known-hosts', known]);
    answers.push(await ask(shared, ['getState', 'known-hosts']));
    return answers;
  }, lines('a ssh-ed25519 AAAA'));
  assert.deepEqual(answers, ['', '02', '', '02', lines('a ssh-ed25519 AAAA')]);
  await context.close();
});

test('pages that change the known hosts at once lose nothing of each other', async () => {
  const context = await browser.newContext();
  const pages = [];
  for (let i = 0; i < 3; i++) pages.push(await open(context));
  await set(pages[0], 'known-hosts', lines('old k', 'gone k'));
  for (const page of pages.slice(1)) await get(page, 'known-hosts');
  await Promise.all(
    pages.map((page, i) =>
      page.evaluate(
        (values) => Promise.all(values.map((v) => globalThis.state.setState('known-hosts', v))),
        Array.from({length: 10}, (_, n) => {
          const mine = Array.from({length: n + 1}, (_, m) => `host${i}-${m} k`);
          return i === 0 ? lines('old k', ...mine) : lines('old k', 'gone k', ...mine);
        }),
      ),
    ),
  );
  const kept = linesOf(await get(pages[0], 'known-hosts'));
  assert.equal(kept.length, 31, kept.join());
  assert.equal(new Set(kept).size, 31);
  assert.ok(kept.includes('old k') && !kept.includes('gone k'));
  await context.close();
});

test('on the disk and in the page there is no plain text, and the key cannot be exported', async () => {
  const profile = path.join(dir, 'profile');
  const context = await launchProfile(profile);
  const page = await open(context);
  await set(page, 'node-key', SECRET);
  await set(page, 'known-hosts', lines('build.secret.test ssh-ed25519 AAAA'));
  await page.reload();
  await start(page);
  assert.equal(await get(page, 'node-key'), SECRET);
  const found = await page.evaluate(async () => {
    const opening = globalThis.indexedDB.open('meshterm', 1);
    await new Promise((resolve) => (opening.onsuccess = resolve));
    const all = (store) =>
      new Promise((resolve) => {
        const request = opening.result.transaction(store).objectStore(store).getAll();
        request.onsuccess = () => resolve(request.result);
      });
    const [{key}] = await all('keys');
    const exported = await crypto.subtle.exportKey('raw', key).catch((error) => error.name);
    const ivs = (await all('values')).map(({iv}) => String(iv));
    return {exported, ivs, local: localStorage.length + sessionStorage.length};
  });
  assert.equal(found.exported, 'InvalidAccessError');
  assert.equal(new Set(found.ivs).size, 2);
  assert.equal(found.local, 0);
  await context.close();
  const files = readdirSync(profile, {recursive: true, withFileTypes: true})
    .filter((entry) => entry.isFile())
    .map((entry) => path.join(entry.parentPath, entry.name));
  const holding = (text) =>
    files.filter((file) => {
      const bytes = readFileSync(file);
      return bytes.includes(text) || bytes.includes(Buffer.from(text, 'utf16le'));
    });
  assert.ok(holding('node-key').length > 0, 'the values are in this profile');
  for (const text of [SECRET, Buffer.from(SECRET, 'hex').toString(), 'build.secret.test'])
    assert.deepEqual(holding(text), []);
});

test('a value that was changed, or put under another id, is none', async () => {
  const context = await browser.newContext();
  const page = await open(context);
  const again = async () => {
    await page.reload();
    await start(page);
    return [await get(page, 'node-key'), await get(page, 'machine-key')];
  };
  const damages = [
    "values.put({iv: 1}, 'meshterm/1/node-key')",
    "values.put('text', 'meshterm/1/machine-key')",
    "values.get('meshterm/1/machine-key').onsuccess = ({target: {result}}) => values.put(result, 'meshterm/1/node-key')",
    "values.get('meshterm/1/node-key').onsuccess = ({target: {result}}) => { new Uint8Array(result.sealed)[0] ^= 1; values.put(result, 'meshterm/1/node-key'); }",
    "values.get('meshterm/1/node-key').onsuccess = ({target: {result}}) => { result.iv[11] ^= 1; values.put(result, 'meshterm/1/node-key'); }",
    "values.get('meshterm/1/node-key').onsuccess = ({target: {result}}) => { result.sealed = result.sealed.slice(0, 3); values.put(result, 'meshterm/1/node-key'); }",
    'keys.clear()',
    "keys.put('text', 'meshterm')",
    "keys.put({id: 'x', key: {}}, 'meshterm')",
  ];
  for (const damage of damages) {
    await set(page, 'node-key', '0102');
    await set(page, 'machine-key', '0304');
    assert.deepEqual(await again(), ['0102', '0304'], damage);
    assert.deepEqual(await told(page), [], damage);
    await meddle(page, damage);
    assert.deepEqual(await again(), ['', ''], damage);
    assert.deepEqual(await told(page), ['lost'], damage);
    assert.match((await messages(page))[0], /^[A-Z].*joins as a new node/);
    assert.deepEqual(await again(), ['', ''], damage);
    assert.deepEqual(await told(page), [], 'forgotten once');
  }
  await set(page, 'known-hosts', lines('a k'));
  await meddle(page, "values.put(1, 'meshterm/known-hosts')");
  await page.reload();
  await start(page);
  assert.equal(await get(page, 'known-hosts'), '');
  assert.deepEqual(await told(page), ['lost']);
  await set(page, 'known-hosts', lines('b k'));
  assert.deepEqual(linesOf(await get(page, 'known-hosts')), ['b k']);
  assert.deepEqual(page.wrong, []);
  await context.close();
});

test('data that a person clears while the page is open: it goes on, under a new key', async () => {
  const context = await browser.newContext();
  const page = await open(context);
  await set(page, 'node-key', '01');
  const other = await open(context);
  await set(other, 'node-key', '02');
  await meddle(page, 'keys.clear(); values.clear();');
  await set(page, 'node-key', '03');
  await set(other, 'node-key', '04');
  await page.evaluate(
    () =>
      new Promise((resolve, reject) => {
        const request = globalThis.indexedDB.deleteDatabase('meshterm');
        request.onsuccess = () => resolve();
        request.onblocked = () => reject(new Error('the page holds its database'));
      }),
  );
  await set(page, 'node-key', '05');
  await page.reload();
  await start(page);
  assert.equal(await get(page, 'node-key'), '05');
  assert.deepEqual([...(await told(page)), ...(await told(other))], []);
  await page.evaluate(() => globalThis.state.clear());
  assert.equal(await get(page, 'node-key'), '');
  assert.deepEqual(
    await meddle(page, 'keys.count().onsuccess = (e) => (box.result = e.target.result)'),
    0,
  );
  await context.close();
});

/** What an engine or a mode can lack, and what the page is told of it. */
const LACKS = [
  ['no-storage', 'Object.defineProperty(globalThis, "indexedDB", {value: undefined})'],
  [
    'no-storage',
    'Object.defineProperty(globalThis, "indexedDB", {get() { throw new DOMException("no", "SecurityError"); }})',
  ],
  [
    'no-storage',
    'IDBFactory.prototype.open = () => { throw new DOMException("no", "SecurityError"); }',
  ],
  [
    'no-storage',
    'IDBFactory.prototype.open = function () { const r = {}; setTimeout(() => r.onerror(), 1); return r; }',
  ],
  [
    'no-storage',
    'IDBDatabase.prototype.transaction = () => { throw new DOMException("no", "NotFoundError"); }',
  ],
  [
    'no-storage',
    'IDBObjectStore.prototype.put = () => { throw new DOMException("no", "DataCloneError"); }',
  ],
  ['no-storage', 'SubtleCrypto.prototype.generateKey = () => Promise.reject(new Error("no"))'],
  ['no-locks', 'Object.defineProperty(Navigator.prototype, "locks", {value: undefined})'],
  [
    'no-storage',
    'LockManager.prototype.request = () => Promise.reject(new DOMException("no", "SecurityError"))',
  ],
  ['insecure', 'Object.defineProperty(Crypto.prototype, "subtle", {value: undefined})'],
];

test('where nothing can be kept it is kept in memory, with one sentence', async () => {
  for (const [code, script] of LACKS) {
    const context = await browser.newContext();
    const page = await open(context, {script});
    assert.equal(await get(page, 'node-key'), '', script);
    await set(page, 'node-key', SECRET);
    await set(page, 'known-hosts', lines('a k'));
    assert.equal(await get(page, 'node-key'), SECRET, script);
    assert.deepEqual(linesOf(await get(page, 'known-hosts')), ['a k'], script);
    await page.evaluate(() => globalThis.state.clear());
    assert.equal(await get(page, 'node-key'), '', script);
    assert.deepEqual(await told(page), [code], script);
    const [message] = await messages(page);
    assert.match(message, /^[A-Z].* gone when it is closed\.$/);
    assert.deepEqual(page.wrong, [], script);
    await context.close();
  }
});

test('a page of plain http', async () => {
  const context = await browser.newContext();
  const page = await open(context, {url: site.url.replace('127.0.0.1', 'plain.test')});
  assert.equal(await page.evaluate(() => globalThis.isSecureContext), false);
  await set(page, 'node-key', SECRET);
  assert.equal(await get(page, 'node-key'), SECRET);
  assert.deepEqual(await told(page), ['insecure']);
  await context.close();
});

test('a storage that is full, or breaks later: the page is told and goes on from memory', async () => {
  const context = await browser.newContext();
  const page = await open(context);
  await set(page, 'node-key', '01');
  await page.evaluate(() => {
    globalThis.put = globalThis.IDBObjectStore.prototype.put;
    globalThis.IDBObjectStore.prototype.put = () => {
      throw new globalThis.DOMException('full', 'QuotaExceededError');
    };
  });
  for (const value of ['02', '03']) {
    await set(page, 'node-key', value);
    assert.equal(await get(page, 'node-key'), value);
    assert.deepEqual(await told(page), ['not-kept'], 'once');
  }
  await page.evaluate(() => (globalThis.IDBObjectStore.prototype.put = globalThis.put));
  await set(page, 'node-key', '04');
  await page.reload();
  await start(page);
  assert.equal(await get(page, 'node-key'), '04');
  assert.deepEqual(page.wrong, []);
  await context.close();
});
