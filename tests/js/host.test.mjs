import assert from 'node:assert/strict';
import {createServer} from 'node:http';
import {test} from 'node:test';
import {FakeWebSocket} from './support/fake_socket.mjs';
import {load} from './support/load.mjs';

const {WebSocketTable, HttpGets, toHex, fromHex, loadModule, instantiateCore, fillRandom} =
  await load([
    'js/src/host/websocket_table.ts',
    'js/src/host/http_get.ts',
    'js/src/host/state_storage.ts',
    'js/src/host/load_wasm.ts',
    'js/src/host/random.ts',
  ]);

function openSocket() {
  const seen = [];
  const table = new WebSocketTable(FakeWebSocket, {
    opened: (id) => seen.push(['opened', id]),
    input: (id, bytes) => seen.push(['input', id, ...bytes]),
    closed: (id, code, reason) => seen.push(['closed', id, code, reason]),
  });
  table.open(1, 'ws://x', '');
  const socket = FakeWebSocket.all.at(-1);
  socket.serverOpens();
  return {table, socket, seen};
}

test('no message is longer than servers take, and none is lost or reordered', () => {
  const {table, socket} = openSocket();
  const sent = [];
  for (let i = 0; i < 200; i++) {
    const bytes = new Uint8Array(1 + ((i * 7919) % 1500)).fill(i);
    sent.push(...bytes);
    table.send(1, bytes);
  }
  table.flush();
  assert.deepEqual(socket.sent.flat(), sent);
  assert.ok(socket.sent.every((message) => message.length <= 32_768));
  assert.ok(
    socket.sent.length <= Math.ceil(sent.length / 30_000),
    `${socket.sent.length} messages`,
  );
});

test('the bytes are copied when sent, not when flushed', () => {
  const {table, socket} = openSocket();
  const bytes = Uint8Array.of(1, 2);
  table.send(1, bytes);
  bytes.fill(9);
  table.flush();
  table.flush();
  assert.deepEqual(socket.sent, [[1, 2]]);
});

test('a blocked address ends like a closed socket, once', async (t) => {
  t.mock.timers.enable({apis: ['setTimeout']});
  const {seen, table} = openSocket();
  table.open(2, 'ws://blocked', '');
  const socket = FakeWebSocket.all.at(-1);
  socket.onerror({}); // and no close, as Chromium's workers have it for a CSP violation
  t.mock.timers.tick(1000);
  assert.deepEqual(seen.slice(1), [['closed', 2, 1006, 'the address is blocked']]);
  socket.serverCloses(1006, '');
  assert.equal(seen.length, 2);
});

test('an error that a close follows is told by the close', async (t) => {
  t.mock.timers.enable({apis: ['setTimeout']});
  const {seen, socket} = openSocket();
  socket.readyState = 3;
  socket.onerror({});
  socket.serverCloses(1011, 'tired');
  t.mock.timers.tick(1000);
  assert.deepEqual(seen.slice(1), [['closed', 1, 1011, 'tired']]);
});

test('small random bytes are drawn together, each handed out once; keys are drawn alone', (t) => {
  const drawn = [];
  t.mock.method(crypto, 'getRandomValues', (bytes) => {
    drawn.push(bytes.length);
    for (let i = 0; i < bytes.length; i++) bytes[i] = (drawn.length + (i >> 2)) & 255;
    return bytes;
  });
  const before = new Uint8Array(8);
  for (let i = 0; i < 128; i++) fillRandom(before); // whatever was left of a draw before
  const first = drawn.length;
  const seen = Array.from({length: 100}, () => {
    const bytes = new Uint8Array(4);
    fillRandom(bytes);
    return bytes[0];
  });
  assert.ok(drawn.length <= first + 1);
  assert.equal(new Set(seen).size, 100);
  fillRandom(new Uint8Array(32));
  fillRandom(new Uint8Array(70_000));
  assert.deepEqual(drawn.slice(-3), [32, 65_536, 70_000 - 65_536]);
});

test('a server that does not read is left', () => {
  const {table, socket, seen} = openSocket();
  socket.bufferedAmount = 32 << 20;
  table.send(1, Uint8Array.of(5));
  table.flush();
  assert.deepEqual(seen.slice(1), []);
  socket.bufferedAmount++;
  table.send(1, Uint8Array.of(5));
  table.flush();
  table.flush();
  assert.ok(socket.closed);
  assert.deepEqual(seen.slice(1), [['closed', 1, 1006, 'the server does not read']]);
});

test('a socket the core closed flushes, then is silent', () => {
  const {table, socket, seen} = openSocket();
  table.send(1, Uint8Array.of(5));
  table.close(1);
  assert.deepEqual(socket.sent, [[5]]);
  socket.serverSends([1]);
  socket.serverCloses(1000, '');
  table.send(1, Uint8Array.of(6));
  table.flush();
  assert.deepEqual(seen, [['opened', 1]]);
  assert.deepEqual(socket.sent, [[5]]);
});

test('an id that is opened again does not hear of its old socket', () => {
  const {table, socket, seen} = openSocket();
  table.open(1, 'ws://y', 'p');
  socket.serverSends([1]);
  socket.serverCloses(1006, '');
  FakeWebSocket.all.at(-1).serverOpens();
  assert.deepEqual(seen, [
    ['opened', 1],
    ['opened', 1],
  ]);
});

test('text messages and missing close details are tolerated', () => {
  const {socket, seen} = openSocket();
  socket.onmessage({data: 'hello'});
  socket.onclose({});
  assert.deepEqual(seen, [
    ['opened', 1],
    ['closed', 1, 1006, ''],
  ]);
});

test('hex of UTF-8 and back; what is not hex of UTF-8 is none', () => {
  for (const text of ['', 'a', 'privkey:00ff', 'ä\u{1f600}'])
    assert.equal(fromHex(toHex(text)), text);
  for (const bad of ['0', 'zz', 'ff', '0x41', ' 41']) assert.equal(fromHex(bad), undefined, bad);
});

async function withServer(handler, body) {
  const server = createServer(handler).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  try {
    await body(`http://127.0.0.1:${server.address().port}`);
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

function get(gets, url, probe = false) {
  return new Promise((resolve) => {
    void gets.get(url, probe, (status, body) => resolve([status, new TextDecoder().decode(body)]));
  });
}

test('GET: status and body; a failure is status 0; too long an answer is a failure', async () => {
  const gets = new HttpGets(fetch);
  await withServer(
    (request, response) => {
      if (request.url === '/key') response.end('{"k":1}');
      else if (request.url === '/long') response.end('x'.repeat(100_000));
      else response.writeHead(400).end('no');
    },
    async (base) => {
      assert.deepEqual(await get(gets, `${base}/key`), [200, '{"k":1}']);
      assert.deepEqual(await get(gets, `${base}/old`), [400, 'no']);
      assert.deepEqual(await get(gets, `${base}/long`), [0, '']);
      assert.deepEqual(await get(gets, `${base}/key`, true), [200, '']);
    },
  );
  assert.deepEqual(await get(gets, 'http://127.0.0.1:1/'), [0, '']);
});

test('abortAll ends a GET that hangs', async () => {
  const gets = new HttpGets(fetch);
  await withServer(
    () => {},
    async (base) => {
      const answer = get(gets, base);
      setTimeout(() => gets.abortAll(), 20);
      assert.deepEqual(await answer, [0, '']);
    },
  );
});

/** (module (memory (export "memory") 1) (func (export "x_next_deadline") (result f64) f64.const 42)) */
const TINY = Uint8Array.of(
  ...[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
  ...[1, 5, 1, 0x60, 0, 1, 0x7c],
  ...[3, 2, 1, 0],
  ...[5, 3, 1, 0, 1],
  ...[7, 28, 2, 6, ...Buffer.from('memory'), 2, 0, 15, ...Buffer.from('x_next_deadline'), 0, 0],
  ...[10, 13, 1, 11, 0, 0x44, ...new Uint8Array(new Float64Array([42]).buffer), 0x0b],
);

test('a module is fetched once, compiled whatever its type, and fetched again after a failure', async () => {
  let hits = 0;
  let type = 'application/octet-stream';
  let broken = true;
  await withServer(
    (request, response) => {
      hits++;
      if (broken) return response.writeHead(404).end();
      response.writeHead(200, {'content-type': type}).end(TINY);
    },
    async (base) => {
      await assert.rejects(loadModule(`${base}/a.wasm`), /404/);
      broken = false;
      const [one, two] = await Promise.all([
        loadModule(`${base}/a.wasm`),
        loadModule(`${base}/a.wasm`),
      ]);
      assert.equal(one, two);
      assert.equal(hits, 2);
      type = 'application/wasm';
      const core = await instantiateCore(await loadModule(`${base}/b.wasm`), () => {});
      assert.equal(core.nextDeadline(), 42);
    },
  );
  await assert.rejects(loadModule('http://127.0.0.1:1/x.wasm'), /could not be fetched/);
});
