/*
 * The hub with ordinary SSH servers behind a node: what it asks, and what it says. All of it real:
 *
 *   Chromium ── hub page ── web/server ── Headscale ── tailscaled ── OpenSSH on ports of loopback
 */
import assert from 'node:assert/strict';
import {mkdtempSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import path from 'node:path';
import {after, before, test} from 'node:test';
import {opensshMissing, startOpenSSH, startServers} from '../support/ssh_servers.mjs';
import {hubBed} from './hub_bed.mjs';
import {HubPage} from './hub_page.mjs';

const skip = opensshMissing() ?? false;
const bed = hubBed({skip});
let servers;

before(async () => {
  if (!skip) servers = await startServers();
});

after(() => servers?.stop());

/** A page that opens account@machine:port by the find field. */
async function openAt(port, hub) {
  hub ??= await bed.open();
  if (!bed.pages.includes(hub)) bed.pages.push(hub);
  const name = await hub.row().locator('.name').innerText();
  await hub.page.locator('#find').fill(`${servers.account}@${name}:${port}`);
  await hub.page.keyboard.press('Enter');
  return hub;
}

/** Without the node that tabs share, and its connections: each page begins anew. */
async function openAlone(context) {
  const hub = context
    ? await HubPage.openIn(context, bed.demo.url)
    : await HubPage.open(bed.browser, bed.demo.url);
  await hub.page.goto(`${new URL(bed.demo.url).origin}/?worker=dedicated`);
  await hub.row().waitFor();
  return hub;
}

async function trust(hub) {
  await hub.card().getByText('has not seen', {exact: false}).waitFor();
  const text = await hub.card().innerText();
  await hub.button('Trust it and connect').click();
  return text;
}

async function answer(hub, ...answers) {
  const inputs = hub.card().locator('.answer');
  await inputs.first().waitFor();
  assert.equal(await inputs.count(), answers.length);
  for (const [at, text] of answers.entries()) await inputs.nth(at).fill(text);
  await hub.button('Log in').click();
}

/** A page that trusted a server and may try again, with one of other keys in its place. */
async function openAtOtherKeys(options = {}) {
  const first = await startOpenSSH();
  const hub = await openAt(first.port);
  await trust(hub);
  await hub.card().locator('.answer').first().waitFor();
  await hub.button('Cancel').click();
  await first.stop();
  const second = await startOpenSSH({...options, port: first.port});
  return {hub, second};
}

test('an unknown host, a password: asked for, the key with its picture', {skip}, async () => {
  const hub = await openAt(servers.openssh.port);
  const card = await trust(hub);
  assert.match(card, /ssh-ed25519 SHA256:[\w+/]{43}/);
  assert.match(card, /\+--\[ED25519 256\]--\+\n[^]*\+----\[SHA256\]-----\+/);
  await answer(hub, 'wrong');
  await hub.card().locator('.title', {hasText: 'The password of'}).waitFor();
  assert.equal(await hub.card().locator('input.answer').getAttribute('type'), 'password');
  await answer(hub, servers.password);
  await hub.prompt();
  await hub.enter('whoami', new RegExp(`^${servers.account}$`, 'm'));
  assert.match(await hub.status(), /SSH · host key new/);
  await hub.enter('exit');
  await hub.page.waitForSelector('.tab', {state: 'detached'});
  await openAt(servers.openssh.port, hub); // on the connection that is still there
  await hub.prompt();
});

test('a host that was accepted is known when the page comes back', {skip}, async () => {
  const hub = await openAt(servers.openssh.port, await openAlone());
  await trust(hub);
  await answer(hub, servers.password);
  await hub.prompt();
  await hub.enter('exit');
  await hub.page.waitForSelector('.tab', {state: 'detached'});
  await hub.page.reload();
  await hub.row().waitFor();
  await openAt(servers.openssh.port, hub);
  await answer(hub, servers.password);
  await hub.prompt();
  assert.match(await hub.status(), /SSH · host key known/);
});

test(
  'two pages of one browser: each is a node, and both know what either accepted',
  {skip},
  async () => {
    const first = await openAlone();
    const second = await openAlone(first.context);
    bed.pages.push(second, first);
    for (const [hub, {port}] of [
      [first, servers.openssh],
      [second, servers.pam],
    ]) {
      await openAt(port, hub);
      await trust(hub);
      await hub.card().locator('.answer').first().waitFor();
    }
    await second.page.reload();
    await second.row().waitFor();
    await openAt(servers.openssh.port, second);
    await answer(second, servers.password);
    await second.prompt();
    assert.match(await second.status(), /SSH · host key known/);
  },
);

test('questions of PAM, unanswered and answered', {skip}, async () => {
  const hub = await openAt(servers.pam.port);
  await trust(hub);
  await hub.card().locator('.answer').first().waitFor();
  await hub.button('Cancel').click();
  await hub.card().getByText('No shell on', {exact: false}).waitFor();
  await hub.button('Try again').click();
  await answer(hub, servers.password);
  await hub.prompt();
});

test('a key and then a password', {skip}, async () => {
  const hub = await openAt(servers.both.port);
  await trust(hub);
  await hub.card().getByText('No shell on', {exact: false}).waitFor();
  await hub.button('Use a key…').click();
  await hub.card().locator('textarea').fill(servers.key.privateKey);
  await hub.button('Use it').click();
  await answer(hub, servers.password);
  await hub.prompt();
  await hub.enter('echo in-$((6*7))', /^in-42$/m);
});

test(
  'Cancel and Escape lead back and say what was stopped; only Close closes',
  {skip},
  async () => {
    const hub = await openAt(servers.dropbear.port);
    const says = (words) => hub.card().getByText(words, {exact: false}).waitFor();
    await hub.button('Trust it and connect').waitFor();
    await hub.page.keyboard.press('Escape');
    await says('You did not trust its host key');
    await hub.button('Try again').click();
    await trust(hub);
    await hub.card().locator('.answer').first().waitFor();
    await hub.page.keyboard.press('Escape');
    await says('You cancelled the log-in.');
    await hub.button('Test the connection').click();
    await hub.card().locator('.answer').first().waitFor(); // the test asks as well, and is stopped
    await hub.button('Cancel').click();
    await says('You cancelled the log-in.');
    await hub.button('Other account…').click();
    await hub.button('Cancel').click();
    await says('You cancelled the log-in.');
    assert.equal(await hub.tabs().count(), 1);
    await hub.button('Close').click();
    assert.equal(await hub.tabs().count(), 0);
  },
);

test('a text that is no key is said at once, and may be mended where it is', {skip}, async () => {
  const hub = await openAt(servers.both.port);
  await trust(hub);
  await hub.button('Use a key…').click();
  const key = hub.card().locator('textarea');
  const {publicKey, privateKey} = servers.key;
  await key.fill(publicKey);
  await hub.button('Use it').click();
  await hub.card().getByText('This is a public key', {exact: false}).waitFor();
  assert.equal(await key.inputValue(), publicKey.trim());
  await key.fill(privateKey);
  await hub.button('Use it').click();
  await answer(hub, servers.password);
  await hub.prompt();
});

test("a page to visit stands beside the server's question", {skip}, async () => {
  const banner = path.join(mkdtempSync(path.join(tmpdir(), 'meshterm-banner-')), 'banner');
  writeFileSync(banner, 'Welcome. First see https://login.example/check?x=1.\n');
  const server = await startOpenSSH({lines: [`Banner ${banner}`]});
  try {
    const hub = await openAt(server.port);
    await trust(hub);
    await hub.card().locator('.answer').first().waitFor();
    const link = hub.card().locator('a.btn');
    assert.equal(await link.getAttribute('href'), 'https://login.example/check?x=1');
    await answer(hub, servers.password);
    await hub.prompt();
    assert.equal(await hub.card().count(), 0);
  } finally {
    await server.stop();
    rmSync(path.dirname(banner), {recursive: true});
  }
});

test(
  'a host of which another type of key is known: said where its new one is shown',
  {skip},
  async () => {
    const {hub, second} = await openAtOtherKeys({keys: ['rsa']});
    try {
      await hub.button('Try again').click();
      await hub.button('Trust it and connect').waitFor();
      const words = await hub.card().innerText();
      assert.match(words, /It is known by ssh-ed25519 SHA256:[^]*Its key is ssh-rsa SHA256:/);
    } finally {
      await second.stop();
    }
  },
);

test('a test of the connection says which step failed', {skip}, async () => {
  const hub = await openAt(9);
  await hub.card().getByText('No shell on', {exact: false}).waitFor({timeout: 40_000});
  await hub.button('Test the connection').click();
  await hub.card().getByText('No log-in on', {exact: false}).waitFor({timeout: 40_000});
  const steps = await hub.card().locator('.steps li').allInnerTexts();
  assert.match(steps[0], /^✓\s+name\s+\d+ ms\s+100\./);
  assert.match(steps.at(-1), /^✗\s+TCP\s/);
});

test(
  'a changed host key is refused with both fingerprints, and replaced on purpose',
  {skip},
  async () => {
    const {hub, second} = await openAtOtherKeys();
    try {
      await hub.button('Try again').click();
      await hub.button('Replace the key…').waitFor();
      const words = await hub.card().innerText();
      assert.equal(new Set(words.match(/SHA256:[\w+/]{43}/g)).size, 2);
      await hub.button('Replace the key…').click();
      await hub.button('Replace and connect').click();
      await hub.card().locator('.answer').first().waitFor();
    } finally {
      await second.stop();
    }
  },
);
