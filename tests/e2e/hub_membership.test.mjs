/*
 * The hub page, whose node an admin expires and deletes under an open shell: what a person sees, and
 * that the button beside it helps. All of it real, as in hub.test.mjs.
 */
import assert from 'node:assert/strict';
import {after, before, test} from 'node:test';
import {launchChromium} from '../support/browser.mjs';
import {checkAbility} from '../support/engines/table.mjs';
import {until} from '../support/process.mjs';
import {startDemo} from '../../web/demo.mjs';
import {HubPage} from './hub_page.mjs';

let demo, browser, hub;

before(async () => {
  demo = await startDemo({prepared: true, say: () => {}});
  browser = await launchChromium();
  hub = await HubPage.open(browser, demo.url);
  await hub.openShell();
  await hub.enter('one=1', /one=1/);
});

after(async () => {
  await browser?.close();
  await demo?.stop();
});

const hubNode = async () =>
  (await demo.headscale.nodes()).find((n) => n.given_name.startsWith('meshterm-hub'));

async function admin(what, ...more) {
  const {id} = await hubNode();
  await demo.headscale.cli('nodes', what, '-i', String(id), ...more);
}

/** The shell is the one that was opened first. */
async function sameShell(word) {
  await hub.page.locator('.panel.current .xterm-helper-textarea').focus();
  await hub.enter(`echo ${word}-$((one+1))`, new RegExp(`^${word}-2$`, 'm'));
}

test('its key expires soon: a line at the foot, and a button that renews it', async (t) => {
  const {node_key: before} = await hubNode();
  await admin('expire', '-e', new Date(Date.now() + 200_000).toISOString());
  await hub.page.getByText("This node's key expires in 4 minutes", {exact: true}).waitFor();
  assert.equal(await hub.card().count(), 0);
  await sameShell('soon');
  const other = await HubPage.openIn(hub.context, demo.url.replace(/\?.*/, ''));
  await other.page.getByText("This node's key expires in 4 minutes", {exact: true}).waitFor();
  await other.page.setViewportSize({width: 390, height: 780}); // a phone's list
  await other.page.getByText("This node's key expires in 4 minutes", {exact: true}).waitFor();
  const renew = other.page.getByRole('button', {name: 'renew', exact: true});
  const box = await renew.boundingBox();
  assert.ok(box && box.x + box.width <= 390 && box.y + box.height <= 780, JSON.stringify(box));
  await other.page.close();
  for (const more of [['-e', new Date(Date.now() + 50 * 3600_000).toISOString()], ['--disable']]) {
    await admin('expire', ...more);
    await hub.page.waitForFunction(() => document.getElementById('link-text').textContent === '');
    assert.equal(await hub.page.locator('#link-now').isVisible(), false);
    await admin('expire', '-e', new Date(Date.now() + 170_000).toISOString());
    await hub.page.getByText("This node's key expires in 3 minutes", {exact: true}).waitFor();
  }
  await hub.page.getByRole('button', {name: 'renew', exact: true}).click();
  await until('a new key', async () => (await hubNode()).node_key !== before);
  await sameShell('renewed');
  assert.equal(await hub.page.locator('#link-text').textContent(), '');
  checkAbility('Chromium', '… its key is renewed in time, and its shell goes on', true, t);
});

test('expired: said, and the shell goes on behind the button', async () => {
  await admin('expire');
  await hub.card().getByText("This node's key has expired").waitFor();
  await hub.button('Join again').click();
  await hub.card().waitFor({state: 'hidden'});
  await sameShell('joined');
});

test('expired, and the page is loaded again: its shell is there', async () => {
  await admin('expire');
  await hub.card().getByText("This node's key has expired").waitFor();
  await hub.page.reload();
  await hub.page.waitForSelector('.tab.current .dot.ok');
  await sameShell('reloaded');
});

test('deleted: said, and a new shell opens behind the button', async () => {
  await admin('delete', '--force');
  await hub.card().getByText('The control server has removed this node').waitFor({timeout: 60_000});
  await hub.button('Join again').click();
  await hub.card().getByText('This page has another address in the tailnet now').waitFor();
  await hub.card().getByText('New shell', {exact: true}).click();
  await hub.prompt();
  await hub.enter('echo back-$((1+1))', /^back-2$/m);
  assert.deepEqual(hub.lines, []);
});
