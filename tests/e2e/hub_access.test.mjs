/*
 * Who the hub's server lets in, and what it says to the others. Real Headscale, plain requests.
 */
import assert from 'node:assert/strict';
import http from 'node:http';
import {after, before, test} from 'node:test';
import {WebSocket} from 'ws';
import {startDemo} from '../../web/demo.mjs';

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
