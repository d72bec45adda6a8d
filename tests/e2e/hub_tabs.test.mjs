/*
 * The hub page in several tabs of one Chromium, and loaded again: one node, and the shells that were
 * there. All of it real, as in hub.test.mjs.
 */
import assert from 'node:assert/strict';
import {existsSync} from 'node:fs';
import {test} from 'node:test';
import {checkAbility} from '../support/engines/table.mjs';
import {until} from '../support/process.mjs';
import {hubBed} from './hub_bed.mjs';
import {HubPage} from './hub_page.mjs';

const bed = hubBed();
const openHub = () => bed.open();

async function hubNodes() {
  const nodes = await bed.demo.headscale.nodes();
  return nodes.filter((n) => (n.given_name ?? n.givenName ?? n.name).startsWith('meshterm-hub'));
}

test('loaded again: the tabs, what they showed, and what runs in them', async (t) => {
  const hub = await openHub();
  await hub.openShell();
  await hub.enter('echo first-$((1+1))', /^first-2$/m);
  await hub.openShell();
  // A program that asked the terminal something: the answer must not be typed again.
  await hub.enter("printf '\\033[6n'; read -rsdR p; echo asked-$((1+1))", /^asked-2$/m);
  await hub.enter('for i in $(seq 400); do echo n$i; sleep 0.02; done; echo counted', /^n20$/m);
  await hub.tabs().first().click();
  await hub.page.reload();
  await hub.page.waitForSelector('.tab.current .dot.ok');
  assert.equal(await hub.tabs().count(), 2);
  assert.equal(await hub.tabs().first().getAttribute('aria-selected'), 'true');
  await hub.shows(/^first-2$/m);
  await hub.page.locator('.panel.current .xterm-helper-textarea').focus();
  await hub.enter('echo again-$((1+1))', /^again-2$/m);
  await hub.tabs().nth(1).click();
  const [text] = await hub.shows(/[^]*^counted$[^]*/m);
  assert.match(text, /^asked-2$/m);
  const numbers = [...text.matchAll(/^n(\d+)$/gm)].map(([, n]) => Number(n));
  assert.deepEqual(
    numbers,
    Array.from({length: 400}, (_, i) => i + 1),
  );
  await hub.enter('echo clean-$((1+1))', /[$#] echo clean-\$\(\(1\+1\)\)\nclean-2$/m);
  assert.equal((await hubNodes()).length, 1);
  assert.deepEqual(hub.lines, []);
  checkAbility('Chromium', 'the hub page: join, a shell, typing, loaded again', true, t);
});

test('a shell whose tab is closed ends on its machine, though others go on', async () => {
  const hub = await openHub();
  await hub.openShell();
  const [, pid] = await hub.enter('sleep 600 & echo pid-$$-', /^pid-(\d+)-$/m);
  await hub.openShell();
  await hub.enter('echo second-$((1+1))', /^second-2$/m);
  await hub.tabs().first().focus();
  await hub.page.keyboard.press('Delete');
  await until('the shell has ended', () => !existsSync(`/proc/${pid}`));
  await hub.page.locator('.panel.current .xterm-helper-textarea').focus();
  await hub.enter('echo still-$((1+1))', /^still-2$/m);
});

test('three tabs of the hub are one node, each with its own shells', async () => {
  const before = (await hubNodes()).length; // a browser that is ended says no goodbye
  const hub = await openHub();
  const others = [];
  for (let i = 0; i < 2; i++) {
    const other = new HubPage();
    Object.assign(other, {context: hub.context, page: await hub.context.newPage(), lines: []});
    await other.page.goto(new URL(bed.demo.url).origin);
    await other.row().waitFor();
    others.push(other);
  }
  assert.equal((await hubNodes()).length, before + 1);
  await others[0].openShell();
  await others[0].enter('echo other-$((1+1))', /^other-2$/m);
  assert.equal(await hub.tabs().count(), 0);
  await hub.page.close();
  await others[0].enter('echo still-$((1+1))', /^still-2$/m);
  assert.equal(await others[1].tabs().count(), 0);
});
