/*
 * The hub page in other engines: it joins, opens a shell, is typed into and loaded again. See
 * hub.test.mjs for what is where, and for all else that the page does.
 */
import assert from 'node:assert/strict';
import {test} from 'node:test';
import {checkAbility} from '../support/engines/table.mjs';
import {until} from '../support/process.mjs';

/** All that the current terminal holds. */
const TEXT = `(() => {
  const term = document.querySelector('.panel.current .terminal-box')?.terminal;
  const buffer = term?.buffer.active;
  let text = '';
  for (let y = 0; y < (buffer?.length ?? 0); y++)
    text += buffer.getLine(y).translateToString(true) + '\\n';
  return text;
})()`;
/** What goes wrong in the page from now on. */
const WATCH = `(() => {
  globalThis.wrong = [];
  addEventListener('error', ({message}) => globalThis.wrong.push(message));
  addEventListener('unhandledrejection', ({reason}) => globalThis.wrong.push(String(reason)));
  addEventListener('securitypolicyviolation', (e) => globalThis.wrong.push(e.blockedURI));
})()`;

/** @param {() => {demo: object, engine: object}} world what there is when the test runs */
export function hubTest(name, world) {
  let page;
  const there = (selector) =>
    until(selector, () => page.evaluate(`document.querySelector('${selector}') !== null`));

  async function shows(pattern) {
    let text = '';
    const attempt = async () => pattern.test((text = await page.evaluate(TEXT)));
    await until(`the terminal shows ${pattern}`, attempt).catch((error) =>
      assert.fail(`${error.message}:\n${text.trimEnd().slice(-1000)}`),
    );
  }

  async function openShell() {
    await there('#machines .row');
    await page.click('#machines .row');
    await there('.tab.current .dot.ok');
    await shows(/[$#] *\n*$/);
  }

  test('the hub page joins, a click is a shell, keys go in; loaded again it is the same node', async (t) => {
    const {demo, engine} = world();
    const hubNodes = async () => {
      const nodes = await demo.headscale.nodes();
      const isHub = (n) => (n.given_name ?? n.givenName ?? n.name).startsWith('meshterm-hub');
      return nodes.filter(isHub).map(({id}) => id);
    };
    const keyOf = async (id) => (await demo.headscale.nodes()).find((n) => n.id === id).node_key;
    const others = await hubNodes(); // a browser that ends says no goodbye
    const ours = async () => (await hubNodes()).filter((id) => !others.includes(id));
    page = await engine.page(demo.url);
    await page.evaluate(WATCH);
    await openShell();
    await page.type('echo a-$((6*7)) é\n');
    await shows(/^a-42 é$/m);
    await page.type('echo $TERM; printf "\\033[6n"; read -rsdR p; echo p-$((1+1))\n');
    await shows(/^xterm-256color$/m);
    await shows(/^p-2$/m);
    const node = await ours();
    assert.equal(node.length, 1);
    const key = await keyOf(node[0]);
    const soon = new Date(Date.now() + 200_000).toISOString();
    await demo.headscale.cli('nodes', 'expire', '-i', String(node[0]), '-e', soon);
    await there('#link-now:not([hidden])');
    await page.click('#link-now');
    await until('a new key', async () => (await keyOf(node[0])) !== key);
    await until('that is that', () => page.evaluate(`document.getElementById('link-now').hidden`));
    await page.evaluate(`document.querySelector('.xterm-helper-textarea').focus()`);
    await page.type('echo renewed-$((1+1))\n');
    await shows(/^renewed-2$/m);
    checkAbility(name, '… its key is renewed in time, and its shell goes on', true, t);
    assert.deepEqual(await page.evaluate('globalThis.wrong'), []);
    await page.reload();
    await page.evaluate(WATCH);
    await openShell();
    await page.type('echo again-$((6*7))\n');
    await shows(/^again-42$/m);
    assert.deepEqual(await ours(), node);
    assert.deepEqual(await page.evaluate('globalThis.wrong'), []);
    checkAbility(name, 'the hub page: join, a shell, typing, loaded again', true, t);
  });
}
