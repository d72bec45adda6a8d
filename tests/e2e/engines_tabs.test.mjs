/*
 * Tabs that share a node, nodes that come back from sealed state, and the hub page, in every
 * engine: what README.md's table of engines says of that, found by doing it.
 *
 *   tab ─┬─ SharedWorker, or the leader's worker ── Headscale ── node1, Tailscale SSH
 *   tab ─┘
 */
import assert from 'node:assert/strict';
import {userInfo} from 'node:os';
import {after, before, describe, test} from 'node:test';
import {startFirefox} from '../support/engines/firefox.mjs';
import {checkAbility, saysYes} from '../support/engines/table.mjs';
import {startWebKit} from '../support/engines/webkit.mjs';
import {until} from '../support/process.mjs';
import {Testnet} from '../support/testnet.mjs';
import {startDemo} from '../../web/demo.mjs';
import {pageClient} from './clients.mjs';
import {hubTest} from './engines_hub.mjs';

const ENGINES = {Firefox: startFirefox, WebKitGTK: startWebKit}; // Chromium: shared.test.mjs

const MODULE = '/e2e/engines_tabs.js';
const LEAVE_MS = 15_000; // far below the 70 s after which Headscale removes a node that is silent
/** Counts on, and remembers nothing: what is lost is missed. */
const COUNTER = 'i=0; while [ $i -lt 4000 ]; do i=$((i+1)); echo n$i; sleep 0.02; done';

const SHARES =
  "tabs share a node (`worker: 'shared'`); one is loaded again and has its shells back";
const LAST = '… the last one is loaded again: a node that is not kept is logged out';

let net, demo, controlKey;

before(async () => {
  net = await Testnet.start();
  await net.node('node1');
  demo = await startDemo({prepared: true, say: () => {}});
  controlKey = (await (await fetch(`${net.headscale.url}/key?v=113`)).json()).publicKey;
});
after(async () => {
  await demo?.stop();
  await net?.stop();
});

let count = 0;

/** Of one test: the hostname is what pages share. */
async function settings(extra) {
  const authKey = await net.headscale.authKey({reusable: true});
  const base = {controlURL: net.headscale.url, controlKey, authKey, account: userInfo().username};
  return {...base, hostname: `tabs-${++count}`, ...extra};
}

async function nodes({hostname}) {
  const all = await net.headscale.nodes();
  return all.filter((n) => (n.given_name ?? n.givenName ?? n.name).startsWith(hostname)).length;
}

/** true, or what stayed; for what README.md does not claim nobody waits for long. */
function isGone(our, timeout) {
  const attempt = async () => (await nodes(our)) === 0;
  return until(our.hostname, attempt, {timeout}).catch(({message}) => message);
}

/** Calls a function of engines_tabs.js in the page. */
function call(page, name, ...args) {
  const list = args.map((arg) => JSON.stringify(arg)).join();
  return page.evaluate(`import('${MODULE}').then((m) => m.${name}(${list}))`);
}

/** Every number from 1 on, once. */
function assertCounted(text) {
  const numbers = [...text.matchAll(/^n(\d+)\r?$/gm)].map(([, n]) => Number(n));
  numbers.forEach((n, i) => assert.equal(n, i + 1, `line ${i + 1} of ${numbers.length}`));
}

for (const [engine, start] of Object.entries(ENGINES))
  describe(engine, () => {
    let client;
    before(async () => (client = await pageClient({env: {}, deeds: {}}, start)));
    after(() => client?.stop());

    /** The client's page as it was opened, and further tabs; all are left in the end. */
    async function withTabs(n, fn) {
      await client.reload();
      const tabs = [client.page];
      try {
        while (tabs.length < n) tabs.push(await client.page.beside(client.url));
        await fn(...tabs);
      } finally {
        await client.reload();
        for (const tab of tabs.slice(1)) await tab.close().catch(() => {});
      }
    }

    test('two tabs are one node; one is loaded again and has its shell back', async (t) => {
      const our = await settings({worker: 'shared', graceSeconds: 5});
      await withTabs(2, async (a, b) => {
        const key = await call(a, 'join', our);
        assert.equal(await call(b, 'join', our), key);
        assert.equal(await nodes(our), 1);
        assert.equal(await call(b, 'exec', 'echo b'), 'b\n');
        const at = await call(a, 'shell', COUNTER);
        await call(a, 'shows', at, 'n20');
        await client.reload();
        assert.equal(await call(a, 'join', our), key);
        const [{id, sameTab}] = await call(a, 'sessions');
        assert.equal(sameTab, true);
        assertCounted(await call(a, 'shows', await call(a, 'attach', id), 'n200'));
        assert.equal(await call(b, 'exec', 'echo still'), 'still\n');
        assert.deepEqual([await call(a, 'told'), await call(b, 'told')], [[], []]);
        assert.equal(await nodes(our), 1);
        await call(b, 'close');
        assert.equal(await call(a, 'exec', 'echo on'), 'on\n');
        await b.close();
        await client.reload(); // the last of them, and nothing is kept
        const patience = saysYes(engine, LAST) ? LEAVE_MS : 2000;
        checkAbility(engine, LAST, await isGone(our, patience), t);
      });
      checkAbility(engine, SHARES, true, t);
    });

    test('the only tab is loaded again: the same node from sealed state', async (t) => {
      const our = await settings({worker: 'shared', isSealed: true, logoutOnClose: true});
      await withTabs(1, async (page) => {
        const key = await call(page, 'join', our);
        const keeps = await call(page, 'keepsSessions');
        await call(page, 'shell', COUNTER);
        await client.reload();
        assert.equal(await call(page, 'join', our), key);
        assert.equal((await call(page, 'sessions')).length, keeps ? 1 : 0);
        assert.equal(await call(page, 'exec', 'echo on'), 'on\n');
        assert.deepEqual(await call(page, 'told'), []);
        assert.equal(await nodes(our), 1);
        const isWorkers = await call(page, 'isShared');
        checkAbility(engine, '… in a SharedWorker', isWorkers, t);
        checkAbility(engine, '… the only tab is loaded again: its shells are there', keeps, t);
        await call(page, 'close');
      });
    });

    test('sealedState(): the same node after a reload, another in another tab', async (t) => {
      const our = await settings({isSealed: true});
      await withTabs(2, async (a, b) => {
        const keys = [await call(a, 'join', our), await call(b, 'join', our)];
        assert.notEqual(keys[0], keys[1]);
        await client.reload();
        assert.equal(await call(a, 'join', our), keys[0]);
        assert.deepEqual([await call(a, 'told'), await call(b, 'told')], [[], []]);
        checkAbility(engine, '`sealedState()`: the same node after a reload', true, t);
      });
    });

    test('a storage that throws: memory, with a word', async () => {
      for (const worker of ['dedicated', 'shared']) {
        const our = await settings({isSealed: true, worker, without: 'storage'});
        await withTabs(1, async (page) => {
          await call(page, 'join', our);
          if (worker === 'dedicated') assert.deepEqual(await call(page, 'told'), ['state-storage']);
          await call(page, 'close');
        });
      }
    });

    test('without SharedWorker a tab leads; when it goes, another does', async (t) => {
      const our = await settings({worker: 'shared', isSealed: true, without: 'SharedWorker'});
      await withTabs(3, async (a, b, c) => {
        const keys = [];
        for (const tab of [a, b, c]) keys.push(await call(tab, 'join', our));
        assert.equal(new Set(keys).size, 1);
        assert.equal(await call(c, 'exec', 'echo c'), 'c\n');
        await client.reload();
        for (const tab of [b, c])
          await until('another leads', () => call(tab, 'exec', 'echo on').catch(() => ''));
        assert.equal(await call(b, 'running'), keys[0]);
        checkAbility(engine, '… without SharedWorker a tab leads, and then another', true, t);
      });
    });

    hubTest(engine, () => ({demo, engine: client.engine}));
  });
