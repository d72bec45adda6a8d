import assert from 'node:assert/strict';
import {createServer} from 'node:http';
import net from 'node:net';
import {Readable, Writable} from 'node:stream';
import {test} from 'node:test';
import {load} from './support/load.mjs';

const {fetchOverTcp} = await load('js/src/http_client.ts');

/** An IPNTCPStream on a real socket; one byte at a time if asked. */
function connectVia(port, {drip = false} = {}) {
  return () => {
    const socket = net.connect(port, '127.0.0.1');
    const opened = new Promise((resolve, reject) =>
      // As the real one, which an abort before the connection is there has to end.
      socket.once('connect', resolve).once('error', reject).once('close', reject),
    );
    opened.catch(() => {});
    const readable = Readable.toWeb(socket).pipeThrough(
      new TransformStream({
        transform(chunk, controller) {
          const step = drip ? 1 : chunk.length;
          for (let at = 0; at < chunk.length; at += step)
            controller.enqueue(new Uint8Array(chunk.slice(at, at + step)));
        },
      }),
    );
    return {opened, readable, writable: Writable.toWeb(socket), close: () => socket.destroy()};
  };
}

/** A server that answers with these bytes, whatever it is asked. */
async function rawServer(answer) {
  const requests = [];
  const server = net.createServer((socket) => {
    socket.on('error', () => {});
    let asked = '';
    socket.on('data', (data) => {
      asked += data;
      if (!asked.includes('\r\n\r\n')) return;
      requests.push(asked);
      socket.end(typeof answer === 'function' ? answer(requests.length) : answer);
    });
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {port: server.address().port, requests, close: () => server.close()};
}

async function answerOf(bytes, init, options) {
  const server = await rawServer(bytes);
  try {
    const response = await fetchOverTcp(
      connectVia(server.port, options),
      'http://node1/x?y=1',
      init,
    );
    return {response, text: await response.text(), requests: server.requests};
  } finally {
    server.close();
  }
}

const OK = [
  ['content-length', 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhelloEXTRA', 'hello'],
  [
    'chunked',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2;ext=1\r\nlo\r\n0\r\nTrailer: x\r\n\r\n',
    'hello',
  ],
  ['until the end', 'HTTP/1.0 200 OK\r\n\r\nhello', 'hello'],
  ['bare LF', 'HTTP/1.1 200 OK\nContent-Length: 2\n\nhi', 'hi'],
  [
    '100 first',
    'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi',
    'hi',
  ],
  ['no reason', 'HTTP/1.1 404\r\nContent-Length: 0\r\n\r\n', ''],
  ['204', 'HTTP/1.1 204 No Content\r\n\r\n', ''],
  ['equal lengths', 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nhi', 'hi'],
];

test('every framing of a body, whole and one byte at a time', async () => {
  for (const [name, bytes, body] of OK) {
    for (const drip of [false, true]) {
      const {text} = await answerOf(bytes, {}, {drip});
      assert.equal(text, body, `${name}, drip ${drip}`);
    }
  }
});

const BAD = [
  ['not HTTP', 'SSH-2.0-OpenSSH\r\n\r\n'],
  ['bad header', 'HTTP/1.1 200 OK\r\nbad header: x\r\n\r\n'],
  ['unknown coding', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n'],
  ['two lengths', 'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nhi'],
  ['negative length', 'HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\nhi'],
  ['short body', 'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhi'],
  ['bad chunk', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n'],
  ['chunk without end', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhiX\r\n'],
  ['endless header', `HTTP/1.1 200 OK\r\nX: ${'x'.repeat(70_000)}\r\n\r\n`],
  ['empty', ''],
  ['101', 'HTTP/1.1 101 Switching\r\n\r\n'],
];

test('a broken answer is an error, not a hang', async () => {
  for (const [name, bytes] of BAD) await assert.rejects(answerOf(bytes), Error, name);
});

test('the request is what it should be', async () => {
  const ok = 'HTTP/1.1 200 Fine\r\nContent-Length: 0\r\nX-A: 1\r\nx-a: 2\r\n\r\n';
  const {response, requests} = await answerOf(ok, {
    method: 'post',
    headers: {'X-Token': 'abc', Host: 'evil', Connection: 'keep-alive'},
    body: new URLSearchParams({q: 'ä'}),
  });
  assert.equal(response.status, 200);
  assert.equal(response.statusText, 'Fine');
  assert.equal(response.headers.get('x-a'), '1, 2');
  const [head, body] = requests[0].split('\r\n\r\n');
  const [line, ...headers] = head.split('\r\n');
  assert.equal(line, 'POST /x?y=1 HTTP/1.1');
  for (const header of ['host: node1', 'connection: close', 'content-length: 8', 'x-token: abc']) {
    assert.ok(headers.includes(header), `${header} in ${headers}`);
  }
  assert.equal(body, 'q=%C3%A4');
});

test('redirects are followed, counted, and can be refused', async () => {
  const server = await rawServer((n) =>
    n < 3
      ? 'HTTP/1.1 302 Found\r\nLocation: /next\r\nContent-Length: 0\r\n\r\n'
      : 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi',
  );
  const connect = connectVia(server.port);
  const response = await fetchOverTcp(connect, 'http://n/a', {method: 'POST', body: 'x'});
  assert.equal(await response.text(), 'hi');
  assert.deepEqual(
    server.requests.map((r) => r.split(' ').slice(0, 2).join(' ')),
    ['POST /a', 'GET /next', 'GET /next'],
  );
  server.close();
  const loop = await rawServer('HTTP/1.1 301 Moved\r\nLocation: /\r\nContent-Length: 0\r\n\r\n');
  await assert.rejects(fetchOverTcp(connectVia(loop.port), 'http://n/'), /more than 10/);
  await assert.rejects(
    fetchOverTcp(connectVia(loop.port), 'http://n/', {redirect: 'error'}),
    /redirects/,
  );
  const manual = await fetchOverTcp(connectVia(loop.port), 'http://n/', {redirect: 'manual'});
  assert.equal(manual.status, 301);
  loop.close();
});

test('a redirect that cannot be followed closes its connection', async () => {
  const server = await rawServer(
    'HTTP/1.1 302 Found\r\nLocation: https://n/\r\nContent-Length: 1000\r\n\r\nx',
  );
  let closed = 0;
  const connect = (...args) => {
    const stream = connectVia(server.port)(...args);
    const close = stream.close.bind(stream);
    stream.close = () => (closed++, close());
    return stream;
  };
  await assert.rejects(fetchOverTcp(connect, 'http://n/'), /https: is not supported/);
  assert.equal(closed, 1);
  server.close();
});

test('https, other schemes and nonsense are refused with a reason', async () => {
  const connect = () => assert.fail('connected');
  await assert.rejects(fetchOverTcp(connect, 'https://n/'), /https: is not supported/);
  await assert.rejects(fetchOverTcp(connect, 'ftp://n/'), TypeError);
  await assert.rejects(fetchOverTcp(connect, 'n'), TypeError);
  await assert.rejects(fetchOverTcp(connect, 'http://n/', {method: 'A B'}), TypeError);
  await assert.rejects(fetchOverTcp(connect, 'http://n/', {body: 'x'}), TypeError);
});

test('abort ends the request', async () => {
  const server = createServer(() => {}).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const abort = new AbortController();
  setTimeout(() => abort.abort(), 20);
  await assert.rejects(
    fetchOverTcp(connectVia(server.address().port), 'http://n/', {signal: abort.signal}),
    {name: 'AbortError'},
  );
  server.closeAllConnections();
  server.close();
});

test('a body that is not read stops the server', async () => {
  let sent = 0;
  const server = createServer((request, response) => {
    const more = () => {
      while (sent < 50e6) {
        sent += 65_536;
        if (!response.write(Buffer.alloc(65_536))) return response.once('drain', more);
      }
      response.end();
    };
    more();
  }).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const response = await fetchOverTcp(connectVia(server.address().port), 'http://n/');
  await new Promise((resolve) => setTimeout(resolve, 100));
  assert.ok(sent < 20e6, `${sent} bytes left the server`);
  await response.body.cancel();
  server.closeAllConnections();
  server.close();
});
