/*
 * Known secrets go through a join and through SSH; then all that a page, a person or a server of
 * pages could see is searched for them: console, log lines, callbacks, errors, URLs, storage.
 *
 *   Chromium ── page with sealedState() ── Headscale, tailscaled ── OpenSSH
 */
import assert from 'node:assert/strict';
import {after, before, test} from 'node:test';
import {fileURLToPath} from 'node:url';
import {launchChromium, serveStatic} from '../support/browser.mjs';
import {
  authorizeKey,
  makeAccount,
  makeKey,
  opensshMissing,
  removeAccount,
  startOpenSSH,
} from '../support/ssh_servers.mjs';
import {Testnet} from '../support/testnet.mjs';

const DIST = fileURLToPath(new URL('../../js/dist', import.meta.url));
const PAGE = '<!doctype html><meta charset="utf-8"><title>t</title><body>';
const skip = opensshMissing() ?? false;
const PASSWORD = 'Pa55-of-the-test-9c41';
const WRONG = 'Wr0ng-of-the-test-77ae';
const PASSPHRASE = 'Phra5e-of-the-test-d2f0';
const OTHER_PHRASE = 'Phra5e-that-is-another-b18e';

let net, sshd, account, key, site, browser;

before(async () => {
  if (skip) return;
  account = makeAccount({password: PASSWORD});
  key = makeKey({passphrase: PASSPHRASE});
  authorizeKey(account, key.publicKey);
  sshd = await startOpenSSH();
  net = await Testnet.start();
  await net.node('alpha');
  site = await serveStatic({'/dist/': DIST, '/page.html': PAGE});
  browser = await launchChromium();
});

after(async () => {
  await browser?.close();
  site?.close();
  await net?.stop();
  await sshd?.stop();
  if (account) removeAccount(account);
});

/** In the page: joins and logs in in every way; resolves with all that was said, and the state. */
async function drive({config, access, secrets}) {
  const {createIPN, newIPN, sealedState} = await import('/dist/index.js');
  const said = [];
  const say = (what) => (value) => {
    const text = value instanceof Error ? `${value.stack} ${JSON.stringify(value)}` : value;
    said.push(`${what}: ${typeof text === 'string' ? text : JSON.stringify(text)}`);
  };
  const sealed = sealedState({onFallback: say('fallback')});
  const kept = {};
  const stateStorage = {
    getState: (id) => sealed.getState(id),
    setState(id, value) {
      kept[id] = value;
      return sealed.setState(id, value);
    },
  };
  const log = (level, line) => said.push(`log ${level}: ${line}`);
  const ipn = await createIPN({...config, stateStorage, log, panicHandler: say('panic')});
  await new Promise((resolve) =>
    ipn.run({
      notifyState: (state) => (say('state')(state), state === 'Running' && resolve()),
      notifyNetMap: say('netmap'),
      notifyBrowseToURL: say('browse'),
      notifyPanicRecover: say('panic'),
      notifyError: say('error'),
      notifyStatus: say('status'),
    }),
  );
  const people = {
    verifyHostKey: (key) => (say('host key')({...key}), true),
    onConnectionProgress: say('progress'),
    onBanner: say('banner'),
    onAgentSign: (name) => (say('agent')(name), true),
    onPrompt: (prompt) => (say('prompt')(prompt), prompt.prompts.map(() => secrets.typed)),
    timeoutSeconds: 20,
    reuse: false,
  };
  const {password, wrong, phrase, otherPhrase, privateKey} = secrets;
  const ways = [
    {password},
    {password: wrong},
    {privateKey, passphrase: phrase},
    {privateKey, passphrase: otherPhrase, password},
    {privateKey: privateKey.replace(/[A-Za-z]/g, 'A'), passphrase: phrase},
    {}, // asked
    {privateKey, passphrase: phrase, agentForward: true},
  ];
  for (const way of ways) {
    const options = {...access, ...people, ...way};
    await ipn
      .exec('alpha', access.user, 'ssh-add -T ~/.ssh/authorized_keys; echo done', options)
      .then(say('exec'), say('exec'));
    say('test')(await ipn.testSSH('alpha', access.user, options));
  }
  const files = await ipn.sftp('alpha', access.user, {...access, ...people, password});
  await files.readFile('/none').catch(say('sftp'));
  const made = await ipn.generateSSHKey({comment: 'here'});
  for (const bad of [{authKey: 3}, {...config, controlURL: `https://u:${password}@x:y`}]) {
    try {
      newIPN({...config, ...bad});
    } catch (error) {
      say('config')(error);
    }
  }
  for (const bad of [{password: `${password}\0`}, {privateKey: [privateKey, 3]}, {passphrase: 7}]) {
    try {
      ipn.ssh('alpha', access.user, {...access, ...people, ...bad, writeFn() {}});
    } catch (error) {
      say('options')(error);
    }
  }
  await ipn.exec('none', access.user, 'true', {...access, password}).catch(say('no node'));
  const open = ipn.exec('alpha', access.user, 'cat', {...access, ...people, password});
  open.catch(say('closed'));
  await ipn.close();
  await ipn.ping('alpha').catch(say('ping'));
  return {said, kept, made: made.privateKey};
}

/** In the page: all that an origin can keep, as text; bytes as latin-1. */
async function storage() {
  const text = [document.cookie, document.documentElement.outerHTML, location.href, document.title];
  for (const place of [localStorage, sessionStorage]) text.push(JSON.stringify({...place}));
  const show = (value) => {
    if (value instanceof ArrayBuffer) value = new Uint8Array(value);
    if (value instanceof Uint8Array) return String.fromCharCode(...value);
    if (typeof value !== 'object' || value === null) return String(value);
    return Object.entries(value)
      .map(([name, inner]) => `${name} ${show(inner)}`)
      .join('\n');
  };
  for (const {name} of await globalThis.indexedDB.databases()) {
    const opening = globalThis.indexedDB.open(name);
    await new Promise((resolve) => (opening.onsuccess = resolve));
    for (const store of opening.result.objectStoreNames) {
      for (const ask of ['getAllKeys', 'getAll']) {
        const request = opening.result.transaction(store).objectStore(store)[ask]();
        await new Promise((resolve) => (request.onsuccess = resolve));
        text.push(`${name} ${store} ${show(request.result)}`);
      }
    }
  }
  text.push(JSON.stringify(performance.getEntries().map((entry) => entry.name)));
  return text.join('\n');
}

/** A secret as it may be written. */
function forms(secret) {
  const bytes = Buffer.from(secret);
  const base64 = bytes.toString('base64').replace(/=+$/, '').slice(0, -1);
  return [secret, encodeURIComponent(secret), bytes.toString('hex'), base64];
}

/** Every piece of a key's text that is worth something. */
const lines = (text) => text.split('\n').filter((line) => /^[A-Za-z0-9+/]{40,}=*$/.test(line));

for (const worker of ['dedicated', 'none']) {
  test(`no secret is to be seen anywhere (worker: ${worker})`, {skip}, async () => {
    const context = await browser.newContext();
    const page = await context.newPage();
    const seen = [];
    page.on('console', (message) => seen.push(`console: ${message.text()}`));
    page.on('pageerror', (error) => seen.push(`uncaught: ${error.stack}`));
    page.on('request', (request) => seen.push(`url: ${request.url()} ${request.postData() ?? ''}`));
    page.on('websocket', (socket) => seen.push(`socket: ${socket.url()}`));
    await page.goto(`${site.url}/page.html`);
    const authKey = await net.headscale.authKey();
    const {publicKey: controlKey} = await (await fetch(`${net.headscale.url}/key?v=113`)).json();
    const config = {controlURL: net.headscale.url, controlKey, authKey, hostname: 'tab', worker};
    const access = {port: sshd.port, user: account};
    const secrets = {
      password: PASSWORD,
      wrong: WRONG,
      phrase: PASSPHRASE,
      otherPhrase: OTHER_PHRASE,
      privateKey: key.privateKey,
      typed: PASSWORD,
    };
    const {said, kept, made} = await page.evaluate(drive, {config, access, secrets});
    seen.push(...said, await page.evaluate(storage));

    const text = (id) => Buffer.from(kept[id], 'hex').toString();
    const own = ['node-key', 'machine-key'].map((id) => /[0-9a-f]{64}/.exec(text(id))[0]);
    const all = [authKey, PASSWORD, WRONG, PASSPHRASE, OTHER_PHRASE, ...own];
    all.push(...lines(key.privateKey), ...lines(made));
    assert.ok(all.length >= 10 && lines(made).length > 0);
    const kinds = ['url', 'state', 'netmap', 'status', 'progress', 'prompt', 'agent', 'sftp'];
    for (const what of [...kinds, 'config', 'options', 'exec', 'test'])
      assert.ok(
        seen.some((line) => line.startsWith(`${what}: `)),
        what,
      );
    assert.ok(said.filter((line) => line.startsWith('exec: {')).length >= 3, said.join('\n'));
    assert.ok(seen.join('\n').includes('meshterm/1/node-key'), 'the state was kept');
    for (const secret of all) {
      for (const form of forms(secret)) {
        const found = seen.filter((line) => line.includes(form)).map((line) => line.slice(0, 200));
        assert.deepEqual(found, [], `${secret.slice(0, 12)}… as ${form.slice(0, 12)}…`);
      }
    }
    await context.close();
  });
}
