/*
 * The hub's pass-through alone, between a WebSocket client and a server that behaves as each test
 * wants it:
 *
 *   client ── http server, upgrade: passthrough() ── upstream (ws, or a bare TCP server)
 */
import assert from 'node:assert/strict';
import {createHash, randomBytes} from 'node:crypto';
import {once} from 'node:events';
import http from 'node:http';
import net from 'node:net';
import {afterEach, test} from 'node:test';
import {WebSocket, WebSocketServer} from 'ws';
import {passthrough} from '../../web/server/passthrough.mjs';
import {until} from '../support/process.mjs';

const ends = [];
const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex');

afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

function listen(server) {
  return new Promise((resolve) =>
    server.listen(0, '127.0.0.1', () => resolve(server.address().port)),
  );
}

/** Serves the pass-through to an upstream; returns its port and the handler. */
async function serve(upstreamPort) {
  const server = http.createServer();
  const pass = passthrough(`http://127.0.0.1:${upstreamPort}`);
  server.on('upgrade', (request, socket, head) => {
    socket.on('error', () => socket.destroy());
    pass(request, socket, head);
  });
  const port = await listen(server);
  ends.push(() => {
    pass.close();
    server.closeAllConnections();
    server.close();
  });
  return {port, pass};
}

/** An upstream of WebSockets; `accept` gets each socket. */
async function upstream(accept, options = {}) {
  const server = http.createServer();
  const sockets = new WebSocketServer({server, perMessageDeflate: false, ...options});
  sockets.on('connection', accept);
  const port = await listen(server);
  ends.push(() => {
    for (const socket of sockets.clients) socket.terminate();
    server.closeAllConnections();
    server.close();
  });
  return {port, sockets, server};
}

/** An upstream that takes connections and never answers; returns them. */
async function silentUpstream() {
  const connections = [];
  const server = net.createServer((socket) => {
    socket.on('error', () => {});
    socket.resume(); // else its end is not noticed
    connections.push(socket);
  });
  const port = await listen(server);
  ends.push(() => {
    for (const socket of connections) socket.destroy();
    server.close();
  });
  return {port, connections};
}

function connect(port, {path = '/derp', protocols = []} = {}) {
  const socket = new WebSocket(`ws://127.0.0.1:${port}${path}`, protocols);
  socket.on('error', () => {});
  ends.push(() => socket.terminate());
  const opened = new Promise((resolve) => {
    socket.once('open', () => resolve('open'));
    socket.once('unexpected-response', (_, response) => {
      response.destroy();
      resolve(response.statusCode);
    });
    socket.once('error', (error) => resolve(error.message));
  });
  return {socket, opened};
}

/** Bytes as they are on a bare connection; resolves with all that is answered. */
function bare(port, text) {
  return new Promise((resolve) => {
    let said = '';
    const socket = net.connect(port, '127.0.0.1', () => socket.write(text));
    socket.on('data', (data) => (said += data));
    socket.on('error', () => {});
    socket.on('close', () => resolve(said));
  });
}

const UPGRADE = [
  'GET /derp HTTP/1.1',
  'Host: x',
  'Connection: Upgrade',
  'Upgrade: websocket',
  'Sec-WebSocket-Version: 13',
];
const KEY = 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==';
const request = (...lines) => `${lines.join('\r\n')}\r\n\r\n`;

test('subprotocol, address and bytes go through both ways', async () => {
  const seen = {};
  const {port} = await upstream((socket, incoming) => {
    seen.url = incoming.url;
    seen.protocol = socket.protocol;
    socket.on('message', (data) => socket.send(data));
  });
  const {socket, opened} = connect((await serve(port)).port, {
    path: '/derp?a=b',
    protocols: ['derp'],
  });
  assert.equal(await opened, 'open');
  assert.deepEqual([seen.url, seen.protocol, socket.protocol], ['/derp?a=b', 'derp', 'derp']);
  const bytes = randomBytes(300_000);
  const back = [];
  socket.on('message', (data) => back.push(data));
  socket.send(bytes);
  await until('all is back', () => Buffer.concat(back).length >= bytes.length, {every: 5});
  assert.equal(sha256(Buffer.concat(back)), sha256(bytes));
});

test('towards the server at most 32,768 bytes a message; towards the browser they are joined', async () => {
  const sizes = [];
  const {port} = await upstream((socket) => {
    socket.on('message', (data) => {
      sizes.push(data.length);
      if (sizes.length === 4) for (let i = 0; i < 1000; i++) socket.send(Buffer.from([i & 255]));
    });
  });
  const {socket, opened} = connect((await serve(port)).port);
  await opened;
  const back = [];
  socket.on('message', (data) => back.push(data));
  socket.send(Buffer.alloc(100_000));
  await until('all is back', () => Buffer.concat(back).length === 1000, {every: 5});
  assert.deepEqual(sizes, [32_768, 32_768, 32_768, 100_000 - 3 * 32_768]);
  assert.ok(back.length < 1000, `${back.length} messages for 1000`);
  assert.deepEqual(Buffer.concat(back), Buffer.from(Array.from({length: 1000}, (_, i) => i & 255)));
});

/** A relay: upgrades to DERP, answering `status`, and to WebSockets if `sockets`. */
async function relay(take, {sockets = false, status = 101} = {}) {
  const asked = [];
  const server = http.createServer();
  const wss = new WebSocketServer({noServer: true, perMessageDeflate: false});
  wss.on('connection', (socket) => socket.on('message', (data) => socket.send(data)));
  server.on('upgrade', (incoming, socket, head) => {
    const {upgrade} = incoming.headers;
    asked.push(`${upgrade} ${incoming.url}`);
    if (upgrade !== 'DERP' && sockets)
      return wss.handleUpgrade(incoming, socket, head, (ws) => wss.emit('connection', ws));
    if (upgrade !== 'DERP' || status !== 101)
      return socket.end(`HTTP/1.1 ${status} No\r\ncontent-length: 0\r\nconnection: close\r\n\r\n`);
    socket.on('error', () => {});
    socket.on('end', () => socket.end());
    socket.write(
      'HTTP/1.1 101 Switching Protocols\r\nupgrade: DERP\r\nconnection: Upgrade\r\n\r\nhi',
    );
    take(socket);
  });
  const port = await listen(server);
  ends.push(() => {
    for (const socket of wss.clients) socket.terminate();
    server.closeAllConnections();
    server.close();
  });
  return {port, asked};
}

test('a relay is reached by its own upgrade, whose bytes have no messages', async () => {
  const {port, asked} = await relay((socket) => socket.pipe(socket));
  const {socket, opened} = connect((await serve(port)).port, {protocols: ['derp']});
  const back = [];
  socket.on('message', (data) => back.push(data));
  assert.equal(await opened, 'open');
  assert.deepEqual([asked, socket.protocol], [['DERP /derp'], 'derp']);
  const bytes = randomBytes(3_000_000);
  for (let at = 0; at < bytes.length; at += 100_000) socket.send(bytes.subarray(at, at + 100_000));
  await until('all is back', () => Buffer.concat(back).length >= bytes.length + 2, {every: 5});
  assert.equal(String(Buffer.concat(back).subarray(0, 2)), 'hi', 'what came with the answer');
  assert.equal(sha256(Buffer.concat(back).subarray(2)), sha256(bytes));
});

test('a relay that ends, that breaks, and a page that goes', async () => {
  const relayed = [];
  const {port} = await relay((socket) => {
    relayed.push(socket);
    socket.on('data', (data) => {
      if (String(data) === 'end') socket.end('last words');
      else socket.resetAndDestroy();
    });
  });
  const {port: hub, pass} = await serve(port);
  const closed = async (message) => {
    const {socket, opened} = connect(hub, {protocols: ['derp']});
    let said = '';
    socket.on('message', (data) => (said += data));
    await opened;
    const code = new Promise((resolve) => socket.once('close', resolve));
    socket.send(message);
    return [await code, said];
  };
  assert.deepEqual(await closed('end'), [1001, 'hilast words']);
  assert.deepEqual(await closed('break'), [1006, 'hi']);
  for (const leave of ['close', 'terminate']) {
    const {socket, opened} = connect(hub, {protocols: ['derp']});
    await opened;
    socket[leave]();
    await until('the relay is left', () => relayed.at(-1).destroyed, {every: 5});
  }
  const {socket, opened} = connect(hub, {protocols: ['derp']});
  await opened;
  pass.close();
  await once(socket, 'close');
  await until('the relay is left', () => relayed.at(-1).destroyed, {every: 5});
  assert.equal(relayed.length, 5);
});

test('where only WebSockets get through, they are taken, and at once the next time', async () => {
  const {port, asked} = await relay(() => {}, {sockets: true, status: 426});
  const {port: hub} = await serve(port);
  for (let i = 0; i < 2; i++) {
    const {socket, opened} = connect(hub, {protocols: ['derp']});
    assert.equal(await opened, 'open');
    socket.send('x');
    const [data] = await once(socket, 'message');
    assert.equal(String(data), 'x');
  }
  assert.deepEqual(asked, ['DERP /derp', 'websocket /derp', 'websocket /derp']);
});

test('a relay that is ill for a moment is asked for a bare connection the next time', async () => {
  const {port, asked} = await relay(() => {}, {sockets: true, status: 503});
  const {port: hub} = await serve(port);
  for (let i = 0; i < 2; i++)
    assert.equal(await connect(hub, {protocols: ['derp']}).opened, 'open');
  assert.deepEqual(asked, ['DERP /derp', 'websocket /derp', 'DERP /derp', 'websocket /derp']);
});

test('what a page said before it left reaches a relay that reads slowly and speaks much', async () => {
  let taken = 0;
  let hasEnded = false;
  const {port} = await relay((socket) => {
    const flood = setInterval(() => socket.write(Buffer.alloc(100_000)), 1);
    socket.on('close', () => clearInterval(flood));
    socket.on('data', ({length}) => {
      taken += length;
      socket.pause();
      setTimeout(() => socket.resume(), 5);
    });
    socket.on('end', () => (hasEnded = true));
  });
  const {socket, opened} = connect((await serve(port)).port, {protocols: ['derp']});
  await opened;
  for (let i = 0; i < 25; i++) socket.send(Buffer.alloc(10_000));
  socket.send(Buffer.alloc(100));
  socket.close(1000);
  await until('the relay has read to the end', () => hasEnded, {every: 5});
  assert.equal(taken, 250_100);
});

test('a relay that refuses both is heard; one that is away is asked for both again', async () => {
  const {port, asked} = await relay(() => {}, {status: 403});
  const {port: hub} = await serve(port);
  for (let i = 0; i < 2; i++) assert.equal(await connect(hub, {protocols: ['derp']}).opened, 403);
  assert.deepEqual(asked, ['DERP /derp', 'websocket /derp', 'DERP /derp', 'websocket /derp']);
});

test('a browser that does not read stops the server', async () => {
  let sent = 0;
  const chunk = Buffer.alloc(256 * 1024);
  const {port} = await upstream((socket) => {
    const more = () => {
      if (sent >= 256 << 20 || socket.readyState !== WebSocket.OPEN) return;
      sent += chunk.length;
      socket.send(chunk, more);
    };
    more();
  });
  const {socket, opened} = connect((await serve(port)).port);
  await opened;
  socket.pause();
  let before = -1;
  await until('the server stands still', () => before === (before = sent), {every: 700});
  assert.ok(sent < 64 << 20, `${sent} bytes were taken without a reader`);
  let read = 0;
  socket.on('message', (data) => (read += data.length));
  socket.resume();
  await until('it goes on', () => sent === 256 << 20 && read === sent, {timeout: 60_000});
});

test('the codes of a close go through; a broken connection is none', async () => {
  const {port} = await upstream((socket) => {
    socket.on('message', (data) => {
      if (String(data) === 'end') socket.close(4321, 'enough');
      else socket.terminate();
    });
    socket.on('close', (code) => codes.push(code));
  });
  const codes = [];
  const {port: hub} = await serve(port);
  const closed = async (message) => {
    const {socket, opened} = connect(hub);
    await opened;
    const code = new Promise((resolve) => socket.once('close', resolve));
    socket.send(message);
    return code;
  };
  assert.equal(await closed('end'), 4321);
  assert.equal(await closed('break'), 1006);
  const {socket, opened} = connect(hub);
  await opened;
  socket.close(4000, 'me first');
  await until('the server hears it', () => codes.includes(4000), {every: 5});
});

test("the server's refusal reaches the page; an absent server is 502", async () => {
  const {port} = await upstream(() => {}, {
    verifyClient: (_, answer) => answer(false, 405, 'Method Not Allowed'),
  });
  assert.equal(await connect((await serve(port)).port).opened, 405);
  const gone = await silentUpstream();
  const {port: nobody} = gone;
  await ends.pop()();
  assert.equal(await connect((await serve(nobody)).port).opened, 502);
});

test('upgrades that are none: refused, and nothing is left open upstream', async () => {
  const {port, sockets} = await upstream(() => {});
  const {port: hub} = await serve(port);
  for (const [lines, status] of [
    [[...UPGRADE], 400], // no key
    [[...UPGRADE, 'Sec-WebSocket-Key: short'], 400],
    [[...UPGRADE, KEY, 'Sec-WebSocket-Protocol: a,a'], 400],
    [[...UPGRADE, KEY, 'Sec-WebSocket-Protocol: a b'], 400],
    [[UPGRADE[0].replace('/derp', '/derp#x'), ...UPGRADE.slice(1), KEY], 400],
    [[...UPGRADE.slice(0, 4), 'Sec-WebSocket-Version: 7', KEY], 400],
    [[UPGRADE[0].replace('GET', 'POST'), ...UPGRADE.slice(1), KEY], 405],
  ])
    assert.match(
      await bare(hub, request(...lines)),
      new RegExp(`^HTTP/1.1 ${status} `),
      lines.at(-1),
    );
  await until('nothing is open upstream', () => sockets.clients.size === 0, {every: 5});
  const {opened} = connect(hub);
  assert.equal(await opened, 'open', 'it still works');
});

for (const how of ['ends', 'resets'])
  test(`a browser that ${how} before the server answers takes the way there with it`, async () => {
    const {port, connections} = await silentUpstream();
    const {port: hub} = await serve(port);
    const socket = net.connect(hub, '127.0.0.1', () => socket.write(request(...UPGRADE, KEY)));
    socket.on('error', () => {});
    await until('the way is being opened', () => connections.length === 1, {every: 5});
    if (how === 'ends') socket.end();
    else socket.resetAndDestroy();
    await until('it is dropped', () => connections[0].destroyed, {
      every: 5,
    });
  });

test('close() drops what is open, and what is being opened', async () => {
  const closed = [];
  const {port} = await upstream((socket) => socket.on('close', () => closed.push(socket)));
  const {port: hub, pass} = await serve(port);
  const {socket, opened} = connect(hub);
  await opened;
  const silent = await silentUpstream();
  const {port: slow, pass: slowPass} = await serve(silent.port);
  const waiting = connect(slow);
  await until('the way is being opened', () => silent.connections.length === 1, {every: 5});
  const gone = new Promise((resolve) => socket.once('close', resolve));
  pass.close();
  slowPass.close();
  await gone;
  assert.notEqual(await waiting.opened, 'open');
  await until('the server is left too', () => closed.length === 1, {every: 5});
  const mute = await silentUpstream();
  const {port: third, pass: thirdPass} = await serve(mute.port);
  const asking = connect(third, {protocols: ['derp']});
  await until('the relay is being asked', () => mute.connections.length === 1, {every: 5});
  thirdPass.close();
  assert.equal(await asking.opened, 502, 'the page is told');
});
