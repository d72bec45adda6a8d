/*
 * The demo as a person uses it, all of it real:
 *
 *   Chromium ── hub page ── web/server ── Headscale (control, embedded DERP) ── tailscaled --ssh
 *
 * Screenshots go to the folder that MESHTERM_SHOTS names, if it names one.
 */
import assert from 'node:assert/strict';
import {mkdirSync} from 'node:fs';
import {userInfo} from 'node:os';
import path from 'node:path';
import {test} from 'node:test';
import {hubBed} from './hub_bed.mjs';

const USER = userInfo().username;
const SHOTS = process.env.MESHTERM_SHOTS;

const bed = hubBed();
const openHub = (options, where) => bed.open(options, where);

async function shot(hub, name) {
  if (!SHOTS) return;
  mkdirSync(SHOTS, {recursive: true});
  await hub.page.screenshot({path: path.join(SHOTS, `${name}.png`)});
}

test('the node appears; a click, a shell; exit ends it', async () => {
  const hub = await openHub();
  assert.equal(new URL(hub.page.url()).search, '', 'the token is taken out of the address');
  assert.match(await hub.row().innerText(), /100\.64\.0\.\d+ · Linux · Tailscale SSH/);
  assert.match(await hub.page.locator('#machine-count').innerText(), /1 of 1 online/i);
  await hub.page.waitForFunction(() => /^\d+ ms$/.test(document.querySelector('.right').innerText));
  await shot(hub, 'list-dark');
  await hub.openShell();
  await hub.enter('echo a-$((6*7))', /^a-42$/m);
  await hub.enter('stty size; echo $TERM', /^(\d+ \d+)\nxterm-256color$/m);
  const before = await hub.size();
  await hub.page.setViewportSize({width: 900, height: 500});
  await hub.page.waitForFunction(
    (cols) => document.querySelector('.terminal-box').terminal.cols < cols,
    before.cols,
  );
  const {rows, cols} = await hub.size();
  await hub.enter('clear; stty size', new RegExp(`^${rows} ${cols}$`, 'm'));
  const status = await hub.status();
  assert.match(status, new RegExp(`^${USER}@`));
  for (const words of ['host key pinned', '↓', `${cols} × ${rows}`, 'UTF-8'])
    assert.ok(status.includes(words), `${words} in ${status}`);
  await hub.page.waitForFunction(() => /DERP \w+ · \d+ ms/.test(document.body.textContent));
  await hub.enter('exit');
  await hub.page.waitForSelector('.tab', {state: 'detached'});
  assert.equal(await hub.page.evaluate(() => document.activeElement.id), 'find');
  assert.deepEqual(hub.lines, []);
});

test('Unicode: combining, wide, emoji, and characters cut in two', async () => {
  const hub = await openHub();
  await hub.openShell();
  await hub.enter(
    "printf 'u-%b-u\\n' 'e\\0314\\0201 \\0346\\0274\\0242\\0345\\0255\\0227 \\0360\\0237\\0221\\0251\\0342\\0200\\0215\\0360\\0237\\0222\\0273'",
    /^u-e\u0301 漢字 👩\u200d💻-u$/m,
  );
  // The emoji is one cluster of two columns, so what follows stands in the right place.
  await hub.enter(
    'printf \'\\360\\237\\221\\251\\342\\200\\215\\360\\237\\222\\273\\033[6n\'; read -rsdR p; echo "${p#*[}"',
  );
  await hub.shows(/\d+;3$/m);
  await hub.enter("printf 'cut-\\346'; sleep 0.3; printf '\\274\\242-cut\\n'", /^cut-漢-cut$/m);
  assert.deepEqual(hub.lines, []);
});

test('two shells in two tabs; each keeps its own; a tab closes', async () => {
  const hub = await openHub();
  await hub.openShell();
  await hub.enter('echo first-$((1+1))', /^first-2$/m);
  await hub.openShell();
  await hub.enter('echo second-$((1+1))', /^second-2$/m);
  const names = await hub.tabs().allInnerTexts();
  assert.equal(names.length, 2);
  assert.equal(names[1], `${names[0]} (2)`);
  assert.match(await hub.page.title(), /@\S+ \(2\) · meshterm$/);
  assert.doesNotMatch(await hub.text(), /first/);
  await hub.tabs().first().click();
  assert.match(await hub.text(), /^first-2$/m);
  await hub.enter('echo again-$((1+1))', /^again-2$/m);
  await hub.page.locator('.tab.current .close').click();
  assert.deepEqual(await hub.tabs().allInnerTexts(), names.slice(1), 'it keeps its name');
  assert.match(await hub.text(), /^second-2$/m);
  await hub.openShell();
  assert.deepEqual(await hub.tabs().allInnerTexts(), names.toReversed());
});

test('a shell that ends badly, an account that is refused: said, with what to do', async () => {
  const hub = await openHub();
  await hub.openShell();
  // Where tailscaled starts shells through login(1), that program's exit code is always 0.
  await hub.enter('[ $(cat /proc/$PPID/comm) = login ] && kill -9 $PPID || exit 3');
  await hub.button('New shell').waitFor();
  assert.match(await hub.card().innerText(), /The shell on .* (was killed|ended with exit code 3)/);
  await hub.button('New shell').click();
  await hub.prompt();
  await hub.enter('echo back-$((1+1))', /^back-2$/m);

  const name = (await hub.row().locator('.name').innerText()).trim();
  await hub.page.fill('#find', `nobody-like-this@${name}`);
  await hub.page.press('#find', 'Enter');
  await hub.button('Try again').waitFor();
  assert.match(await hub.card().innerText(), /No shell on .+\s+.*refused "nobody-like-this"/);
  await shot(hub, 'refused-dark');
  await hub.button('Other account…').click();
  await hub.page.fill('.card .answer', USER);
  await hub.page.press('.card .answer', 'Enter');
  await hub.prompt();
});

test('by the keyboard alone', async () => {
  const hub = await openHub();
  const {keyboard} = hub.page;
  await keyboard.press('Control+KeyK');
  await keyboard.type('no such machine');
  await hub.page.locator('#no-match').waitFor();
  await keyboard.press('Escape');
  await keyboard.type('vm:99999');
  await keyboard.press('Enter');
  assert.match(await hub.page.locator('#no-match').innerText(), /no port 99999/);
  assert.equal(await hub.tabs().count(), 0);
  await keyboard.press('Escape');
  await keyboard.press('ArrowDown');
  await keyboard.press('Enter');
  await hub.prompt();
  // Ctrl+K is the shell's: it cuts the rest of the line.
  await keyboard.type('echo cut-$((1+1)) rest');
  for (let i = 0; i < 5; i++) await keyboard.press('ArrowLeft');
  await keyboard.press('Control+KeyK');
  await keyboard.press('Enter');
  await hub.shows(/^cut-2$/m);
  await keyboard.press('Control+Shift+KeyF');
  await keyboard.type('cut-2');
  await keyboard.press('Enter');
  await hub.page.waitForFunction(
    () => document.querySelector('.terminal-box').terminal.getSelection() === 'cut-2',
  );
  await shot(hub, 'find-dark');
  await keyboard.press('Escape');
  await hub.enter('echo here-$((1+1))', /^here-2$/m);
  await keyboard.press('Control+Shift+KeyK');
  await keyboard.press('Enter');
  await hub.prompt();
  assert.equal(await hub.tabs().count(), 2);
  const current = () => hub.page.locator('.tab.current .label').innerText();
  const second = await current();
  await hub.enter('echo two-$((1+1))', /^two-2$/m);
  for (const [key, line] of [
    ['ArrowLeft', 'left'],
    ['ArrowLeft', 'round'],
    ['ArrowRight', 'back'],
  ]) {
    await keyboard.press(`Control+Shift+${key}`);
    await hub.enter(`echo ${line}-$((1+1))`, new RegExp(`^${line}-2$`, 'm'));
  }
  assert.match(await hub.text(), /^left-2$[^]*^back-2$/m);
  assert.doesNotMatch(await hub.text(), /two|round/);
  assert.notEqual(await current(), second);
  await keyboard.press('Control+Shift+KeyK');
  await keyboard.press('ArrowDown');
  await keyboard.press('Escape');
  await keyboard.press('Escape');
  await hub.enter('echo escaped-$((1+1))', /^escaped-2$/m);
  await hub.tabs().nth(1).focus();
  await keyboard.press('ArrowRight');
  await keyboard.press('ArrowLeft');
  await keyboard.press('ArrowRight');
  assert.equal(await hub.tabs().first().getAttribute('aria-selected'), 'true');
  await keyboard.press('Delete');
  assert.equal(await hub.tabs().count(), 1);
});

test('a program may offer text and addresses, and gets nothing without a click', async () => {
  const hub = await openHub({permissions: ['clipboard-read', 'clipboard-write']});
  await hub.openShell();
  const clipboard = () => hub.page.evaluate(() => navigator.clipboard.readText());
  await hub.page.evaluate(() => navigator.clipboard.writeText('before'));
  await hub.enter(`printf '\\033]52;c;%s\\a' "$(printf 'ä-copy' | base64)"`);
  await hub.button('Copy').waitFor();
  assert.equal(await clipboard(), 'before');
  await hub.button('Copy').click();
  assert.equal(await clipboard(), 'ä-copy');
  // Asked for what is on the clipboard, the terminal says nothing.
  await hub.enter(
    "printf '\\033]52;c;?\\a'; read -rst 0.5 -n 1 || echo silent-$((1+1))",
    /^silent-2$/m,
  );
  await hub.enter('echo http://127.0.0.1:9/linked', /^http:\/\/127/m);
  await hub.page.keyboard.press('Control+Shift+KeyK');
});

test('paste is bracketed where the shell asks for it', async () => {
  const hub = await openHub({permissions: ['clipboard-read', 'clipboard-write']});
  await hub.openShell();
  await hub.enter("printf '\\033[?2004h'; cat -v", /cat -v/);
  await hub.page.evaluate(() => navigator.clipboard.writeText('one\ntwo'));
  await hub.page.keyboard.press('Control+KeyV');
  await hub.page.keyboard.press('Control+Shift+KeyV');
  await hub.page.keyboard.press('Enter');
  await hub.shows(/\^\[\[200~one/);
});

test('light, small and with a key bar', async () => {
  const hub = await openHub({colorScheme: 'light'});
  const theme = () => document.documentElement.dataset.theme;
  assert.equal(await hub.page.evaluate(theme), 'light');
  await shot(hub, 'list-light');
  await hub.openShell();
  await shot(hub, 'terminal-light');
  await hub.page.click('#theme');
  assert.equal(await hub.page.evaluate(theme), 'dark');
  await hub.page.setViewportSize({width: 390, height: 780});
  const key = (name) => hub.page.getByRole('button', {name, exact: true});
  await hub.enter('sleep 100; echo slept', /sleep 100; echo slept/);
  await key('Control').click();
  assert.equal(await key('Control').getAttribute('aria-pressed'), 'true');
  await hub.page.keyboard.type('c');
  assert.equal(await key('Control').getAttribute('aria-pressed'), 'false');
  await hub.shows(/\^C/);
  await hub.enter('echo up-$((1+1))', /^up-2$/m);
  await key('Up').click();
  await hub.page.keyboard.press('Enter');
  await hub.shows(/^up-2\n[^]*^up-2$/m);
  await key('More keys').click();
  await key('Pipe').click();
  await shot(hub, 'phone');
  const {cols} = await hub.size();
  assert.ok(cols > 30 && cols < 60, `${cols} columns`);
  await key('Machines').click();
  await hub.row().waitFor();
  await shot(hub, 'phone-list');
  const back = hub.page.getByRole('button', {name: /^‹ Back to \S+@\S+$/});
  await back.click();
  await hub.page.keyboard.press('Control+KeyC'); // what was typed by the key bar
  await hub.enter('echo there-$((1+1))', /^there-2$/m);
  await key('Machines').click();
  await back.focus();
  await hub.page.keyboard.press('Enter');
  await hub.enter('echo again-$((1+1))', /^again-2$/m);
});

test('30 MB through the hub with equal SHA-256', async () => {
  const hub = await openHub();
  const bytes = 30_000_000;
  const result = await hub.page.evaluate(
    async ([user, bytes]) => {
      const {createIPN} = await import('/meshterm/index.js');
      const join = await (await fetch('/api/join', {method: 'POST'})).json();
      const {controlURL, controlKey, authKey, derpURLs} = join;
      const ipn = await createIPN({controlURL, controlKey, authKey, derpURLs, hostname: 'bulk'});
      const netMap = await new Promise((resolve) =>
        ipn.run({
          notifyState() {},
          notifyNetMap: (json) => resolve(JSON.parse(json)),
          notifyBrowseToURL() {},
          notifyPanicRecover() {},
        }),
      );
      const host = netMap.peers.find((peer) => peer.tailscaleSSHEnabled).name;
      const chunks = [];
      let sum = '';
      let error = '';
      await new Promise((resolve) =>
        ipn.ssh(host, user, {
          command: `head -c ${bytes} /dev/urandom | tee /dev/stderr | sha256sum`,
          timeoutSeconds: 10,
          onData: (data) => void (sum += new TextDecoder().decode(data)),
          onStderr: (data) => void chunks.push(data),
          writeErrorFn: (text) => (error += text),
          onDone: resolve,
        }),
      );
      const all = await new Blob(chunks).arrayBuffer();
      const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', all));
      const got = [...digest].map((byte) => byte.toString(16).padStart(2, '0')).join('');
      return {len: all.byteLength, sum: sum.split(' ')[0], got, error};
    },
    [USER, bytes],
  );
  assert.equal(result.error, '');
  assert.equal(result.len, bytes);
  assert.equal(result.got, result.sum);
});

test('a flood of output, then Ctrl-C: nothing is lost after it', async () => {
  const hub = await openHub();
  await hub.openShell();
  await hub.enter('yes 0123456789012345678901234567890123456789', /0123456789\n/);
  await hub.page.waitForTimeout(1000);
  await hub.page.keyboard.press('Control+KeyC');
  await hub.enter('echo after-$((1+1))', /^after-2$/m);
});

test('without a worker', async () => {
  const hub = await openHub({}, '');
  await hub.page.goto(`${new URL(bed.demo.url).origin}/?worker=none`);
  await hub.row().waitFor();
  assert.equal(hub.page.workers().length, 0);
  await hub.openShell();
  await hub.enter('echo w-$((6*7))', /^w-42$/m);
});

test('lite.html: the embedding example', async () => {
  const hub = await openHub({joined: false}, 'lite.html');
  await hub.page.locator('#machines button').first().click();
  await hub.page.waitForFunction(() =>
    /[$#]\s*$/.test(document.querySelector('.xterm-rows')?.textContent ?? ''),
  );
  await hub.page.keyboard.type('echo lite-$((6*7))\n');
  await hub.page.waitForFunction(() =>
    document.querySelector('.xterm-rows').textContent.includes('lite-42'),
  );
  await hub.page.keyboard.type('exit\n');
  await hub.page.waitForFunction(() => document.body.textContent.includes('The shell is closed.'));
  assert.deepEqual(hub.lines, []);
});

test('Headscale is down: said in words; Try again joins once it is back', async () => {
  await bed.demo.headscale.stop();
  try {
    const hub = await openHub({joined: false});
    await hub.button('Try again').waitFor();
    assert.match(await hub.card().innerText(), /Headscale does not answer at http:\/\/127/);
    assert.equal(await hub.page.locator('#tailnet-state').innerText(), 'not joined');
    await shot(hub, 'headscale-down');
    await hub.page.setViewportSize({width: 390, height: 780});
    await hub.button('Try again').waitFor();
    await shot(hub, 'headscale-down-phone');
    await bed.demo.headscale.launch();
    await hub.button('Try again').click();
    await hub.page.waitForSelector('#machines .row:not(.off)');
    await hub.openShell();
  } finally {
    if (!bed.demo.headscale.daemon.running) await bed.demo.headscale.launch();
  }
});

test('Headscale goes away under a shell: the foot counts down; "now", and the shell goes on', async () => {
  const hub = await openHub();
  await hub.openShell();
  await hub.enter('echo a-$((6*7))', /^a-42$/m);
  try {
    await bed.demo.headscale.stop();
    await hub.page.waitForFunction(() =>
      /^Reconnecting to the relay( in \d+ s|…)$/.test(
        document.getElementById('link-text').textContent,
      ),
    );
    await hub.page.keyboard.type('echo b-$((6*8))\n');
    await bed.demo.headscale.launch();
    // It is there only between two attempts; either way the shell goes on.
    await hub.page
      .locator('#link-now:visible')
      .click({timeout: 2000})
      .catch(() => {});
    await hub.shows(/^b-48$/m, 60_000);
    await hub.page.waitForFunction(() => document.getElementById('link-text').textContent === '');
    assert.equal(await hub.tabs().count(), 1);
  } finally {
    if (!bed.demo.headscale.daemon.running) await bed.demo.headscale.launch();
  }
});
