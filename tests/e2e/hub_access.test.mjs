/*
 * Who the hub's server lets in, and what it says to the others. Real Headscale, plain requests.
 */
import assert from 'node:assert/strict';
import http from 'node:http';
import {after, before, test} from 'node:test';
import {fileURLToPath} from 'node:url';
import {WebSocket} from 'ws';
import {startDemo} from '../../web/demo.mjs';
import {startHub} from '../../web/server/hub.mjs';
import {isStale} from '../../web/server/stale_nodes.mjs';
import {until} from '../support/process.mjs';
import {Testnet} from '../support/testnet.mjs';

/** Sends its first request, then hears nothing more: its node registers and never connects. */
class DeafAfterAsking extends WebSocket {
  #hasAsked = false;

  send(...args) {
    this.#hasAsked = true;
    return super.send(...args);
  }

  emit(name, ...args) {
    return this.#hasAsked && name === 'message' ? false : super.emit(name, ...args);
  }
}

let demo, url, origin, cookie;

/** Without following redirects, and with any Host header. */
function request(path, {method = 'GET', headers = {}} = {}) {
  return new Promise((resolve, reject) => {
    const options = {method, headers, port: url.port, host: url.hostname, path, agent: false};
    const sent = http.request(options, async (response) => {
      let text = '';
      for await (const chunk of response) text += chunk;
      resolve({status: response.statusCode, headers: response.headers, text});
    });
    sent.once('error', reject);
    sent.end();
  });
}

before(async () => {
  demo = await startDemo({prepared: true, say: () => {}});
  url = new URL(demo.url);
  origin = url.origin;
  const {status, headers} = await request(url.pathname + url.search);
  assert.equal(status, 303);
  [cookie] = headers['set-cookie'][0].split(';');
});

after(() => demo?.stop());

test('the token becomes a cookie that scripts cannot read, and leaves the address', async () => {
  const {status, headers} = await request(`/?x=1&token=${url.searchParams.get('token')}`);
  assert.equal(status, 303);
  assert.equal(headers.location, '/?x=1');
  assert.match(headers['set-cookie'][0], /; HttpOnly; SameSite=Lax; Path=\/$/);
  assert.ok(!headers['set-cookie'][0].includes(url.searchParams.get('token')));
});

test('no cookie, a wrong cookie, no token, a wrong token: 401, in words', async () => {
  const name = cookie.split('=')[0];
  for (const [path, sent] of [
    ['/', ''],
    ['/?token=', ''],
    ['/?token=wrong', ''],
    ['/?token=a&token=b', ''],
    ['/', `${name}=wrong`],
    ['/', `${name}`],
    ['/meshterm/ipn.wasm', ''],
    ['/key', ''],
  ]) {
    const {status, text} = await request(path, {headers: {cookie: sent}});
    assert.equal(status, 401, path);
    assert.match(text, /opens with the address that it printed/);
  }
  const join = await request('/api/join', {method: 'POST'});
  assert.equal(join.status, 401);
});

test('an address that is malformed is guarded as any other', async () => {
  for (const path of ['/%', '/%zz', '/a%c0%af', '/%?token=wrong']) {
    assert.equal((await request(path, {headers: {host: 'evil.test'}})).status, 403, path);
    const locked = await request(path);
    assert.equal(locked.status, 401, path);
    assert.match(locked.text, /opens with the address that it printed/);
    assert.match(locked.headers['content-security-policy'], /default-src 'none'/);
    assert.equal((await request(path, {headers: {cookie}})).status >= 400, true, path);
  }
  const {status, text} = await request('/%zz', {headers: {cookie}});
  assert.equal(status, 400);
  assert.match(text, /no such page/);
});

test('an unknown path: a short page that leads back', async () => {
  for (const path of ['/nothing', '/api/nothing', '/meshterm/nothing.js', '/a/b/c']) {
    const {status, headers, text} = await request(path, {headers: {cookie}});
    assert.equal(status, 404, path);
    assert.match(headers['content-type'], /^text\/html/);
    assert.match(text, /no such page here\. <a href="\/">/);
  }
});

test('the redirect never leads to another host', async () => {
  const token = url.searchParams.get('token');
  for (const path of ['//evil.test/', '/\\evil.test/', '/%5cevil.test', '/a/../..//evil.test']) {
    const {status, headers} = await request(`${path}?token=${token}`);
    assert.equal(status, 303, path);
    assert.equal(new URL(headers.location, origin).origin, origin, path);
  }
});

test('a foreign Host or Origin is refused, even with the cookie', async () => {
  const port = url.port;
  for (const headers of [
    {host: 'evil.test'},
    {host: `evil.test:${port}`},
    {origin: 'https://evil.test'},
    {origin: `http://127.0.0.1:${Number(port) + 1}`},
    {origin: 'null'},
  ]) {
    const join = await request('/api/join', {method: 'POST', headers: {cookie, ...headers}});
    assert.equal(join.status, 403, JSON.stringify(headers));
  }
});

test('the page and the package, compressed and kept for as long as they are the same', async () => {
  const headers = {cookie, 'accept-encoding': 'br'};
  const page = await request('/', {headers});
  assert.equal(page.headers['cache-control'], 'no-cache');
  const csp = page.headers['content-security-policy'];
  assert.match(csp, /default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; /);
  assert.match(csp, /frame-ancestors 'none'/);
  const {text} = await request('/', {headers: {cookie}});
  const wasm = /href="([^"]+\.wasm)"/.exec(text)[1];
  const script = /<script type="module" src="([^"]+)"/.exec(text)[1];
  for (const [path, type] of [
    [wasm, /^application\/wasm/],
    [script, /javascript/],
  ]) {
    const answer = await request(`/${path}`, {headers});
    assert.equal(answer.status, 200, path);
    assert.match(answer.headers['content-type'], type);
    assert.equal(answer.headers['content-encoding'], 'br');
    assert.match(answer.headers['cache-control'], /immutable/);
  }
  const stable = await request('/meshterm/ipn.wasm', {headers});
  assert.equal(stable.headers['cache-control'], 'no-cache');
  const lite = await request('/lite.html', {headers});
  assert.match(lite.headers['content-security-policy'], /script-src [^;]*'sha256-/);
  assert.equal((await request('/../package.json', {headers})).status, 403);
});

test('/api/join: what a page needs, a key of its own each time, by POST only', async () => {
  const join = async () => {
    const answer = await request('/api/join', {method: 'POST', headers: {cookie, origin}});
    assert.equal(answer.status, 200);
    assert.equal(answer.headers['cache-control'], 'no-store');
    return JSON.parse(answer.text);
  };
  const [first, second] = [await join(), await join()];
  assert.equal(first.controlURL, origin);
  assert.match(first.controlKey, /^mkey:[0-9a-f]{64}$/);
  assert.ok(first.authKey.length > 20);
  assert.notEqual(first.authKey, second.authKey);
  assert.equal((await request('/api/join', {headers: {cookie}})).status, 404);
});

test('which nodes are left behind', () => {
  const minute = (n) => new Date(Date.UTC(2026, 0, 1) + n * 60_000).toISOString();
  const node = {
    online: false,
    preAuthKey: {id: '7', ephemeral: true},
    createdAt: minute(0),
    lastSeen: minute(0),
  };
  for (const [more, at, expected] of [
    [{}, 4, false],
    [{}, 6, true],
    [{lastSeen: null}, 6, true],
    [{online: true}, 999, false],
    [{lastSeen: minute(1)}, 60, false], // it connected: Headscale's to delete, for an hour
    [{lastSeen: minute(1)}, 62, true],
    [{preAuthKey: {id: '8', ephemeral: true}}, 999, false],
    [{preAuthKey: {id: '7', ephemeral: false}}, 999, false],
    [{preAuthKey: null}, 999, false],
  ])
    assert.equal(
      isStale({...node, ...more}, new Set(['7']), Date.parse(minute(at))),
      expected,
      `${JSON.stringify(more)} after ${at} minutes`,
    );
});

for (const release of ['headscale', 'headscale-0.28'])
  test(`what a visitor left behind is deleted after a while, and nothing else: ${release}`, async () => {
    const net = await Testnet.start({headscale: release});
    let hub;
    try {
      const dist = fileURLToPath(new URL('../../web/dist', import.meta.url));
      const apiKey = await net.headscale.apiKey();
      hub = await startHub({headscale: net.headscale.url, apiKey, dist});
      const [token] = (await fetch(hub.url, {redirect: 'manual'})).headers.getSetCookie();
      const headers = {cookie: token.split(';')[0]};
      const visit = async () =>
        (await fetch(new URL('/api/join', hub.url), {method: 'POST', headers})).json();
      const names = async () => (await net.headscale.nodes()).map(({name}) => name).sort();
      const leave = (hostname, authKey) =>
        net.page({hostname, authKey, WebSocket: DeafAfterAsking}, {joined: false});

      await net.page({hostname: 'present', authKey: (await visit()).authKey});
      await leave('lost', (await visit()).authKey);
      await leave('another', await net.headscale.authKey({ephemeral: true}));
      await until('all are registered', async () => (await names()).length === 3);
      assert.deepEqual(await hub.sweep(), [], 'not at once');
      assert.deepEqual(await hub.sweep(Date.now() + 6 * 60_000), ['lost']);
      assert.deepEqual(await names(), ['another', 'present']);
    } finally {
      await hub?.close();
      await net.stop();
    }
  });

test('/key, /ts2021 and /derp lead to Headscale, with the cookie only', async () => {
  const key = await request('/key?v=113', {headers: {cookie}});
  assert.match(JSON.parse(key.text).publicKey, /^mkey:/);
  const open = (path, headers) =>
    new Promise((resolve) => {
      const socket = new WebSocket(`ws://${url.host}${path}`, path === '/derp' ? ['derp'] : [], {
        headers,
      });
      socket.once('open', () => (socket.terminate(), resolve('open')));
      socket.once('unexpected-response', (_, response) => {
        response.destroy();
        resolve(response.statusCode);
      });
      socket.once('error', () => {});
    });
  assert.equal(await open('/derp', {}), 403);
  assert.equal(await open('/derp', {cookie, origin: 'https://evil.test'}), 403);
  assert.equal(await open('/other', {cookie, origin}), 404);
  assert.equal(await open('/derp', {cookie, origin}), 'open');
});

test('Headscale is down: 502 and a sentence', async () => {
  await demo.headscale.stop();
  const {status, text} = await request('/api/join', {method: 'POST', headers: {cookie}});
  assert.equal(status, 502);
  assert.match(JSON.parse(text).error, /^Headscale does not answer at http:\/\/127\.0\.0\.1:\d+/);
});
