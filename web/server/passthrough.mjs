// Passes /ts2021 and /derp through to Headscale: both are byte streams in WebSocket messages whose
// boundaries mean nothing, and both are encrypted end to end, so nothing is read here.
//
// Towards the browser what is ready in one turn is joined into one message: a browser's cost is per
// message, and a relay writes 2 to 4 kB at a time. Towards Headscale a message may have 32,768
// bytes at most.
import {WebSocket, WebSocketServer} from 'ws';

const MAX_UPSTREAM_MESSAGE = 32_768;
const MAX_JOINED = 1 << 20; // one message towards the browser
const PAUSE_ABOVE = 4 << 20; // bytes the browser has not taken yet: one TCP window
const OPEN_TIMEOUT_MS = 10_000;
const HEADER_PASSED_ON = 'sec-websocket-protocol';

function joinTowardsBrowser(upstream, browser) {
  let waiting = [];
  let bytes = 0;
  let scheduled = false;
  const flush = () => {
    scheduled = false;
    if (!waiting.length) return;
    const message = waiting.length === 1 ? waiting[0] : Buffer.concat(waiting, bytes);
    waiting = [];
    bytes = 0;
    browser.send(message, {binary: true}, () => {
      if (upstream.isPaused && browser.bufferedAmount < PAUSE_ABOVE / 2) upstream.resume();
    });
    if (browser.bufferedAmount > PAUSE_ABOVE) upstream.pause();
  };
  upstream.on('message', (data) => {
    waiting.push(data);
    bytes += data.length;
    if (bytes >= MAX_JOINED) flush();
    else if (!scheduled) {
      scheduled = true;
      setImmediate(flush);
    }
  });
  return flush;
}

function splitTowardsServer(browser, upstream) {
  const sent = () => {
    if (browser.isPaused && upstream.bufferedAmount < PAUSE_ABOVE / 2) browser.resume();
  };
  browser.on('message', (data) => {
    for (let at = 0; at < data.length; at += MAX_UPSTREAM_MESSAGE)
      upstream.send(data.subarray(at, at + MAX_UPSTREAM_MESSAGE), {binary: true}, sent);
    if (upstream.bufferedAmount > PAUSE_ABOVE) browser.pause();
  });
}

/** 1005 and 1006 say that there was no code; they may not be sent. */
function closeWith(socket, code, reason) {
  if (code === 1005 || code === 1006 || code < 1000) socket.close();
  else socket.close(code, reason);
}

function connect(upstream, browser) {
  const flush = joinTowardsBrowser(upstream, browser);
  splitTowardsServer(browser, upstream);
  upstream.on('close', (code, reason) => {
    flush();
    if (code === 1006) browser.terminate();
    else closeWith(browser, code, reason);
  });
  browser.on('close', (code, reason) => {
    if (upstream.readyState === WebSocket.OPEN) closeWith(upstream, code, reason);
    else upstream.terminate();
  });
  for (const socket of [upstream, browser]) socket.on('error', () => socket.terminate());
}

/** Answers an upgrade that is not to be, and does not wait for the other half to close. */
export function refuse(socket, status, text) {
  socket.end(`HTTP/1.1 ${status} ${text}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n`, () =>
    socket.destroy(),
  );
}

/**
 * An upgrade handler: opens the way to Headscale first, so that its refusal reaches the page. Its
 * close() drops everything that is under way.
 */
export function passthrough(headscaleUrl) {
  const upstreams = new Set();
  const server = new WebSocketServer({
    noServer: true,
    perMessageDeflate: false,
    maxPayload: 1 << 20,
    handleProtocols: (protocols) => protocols.values().next().value ?? false,
  });
  const base = headscaleUrl.replace(/^http/, 'ws').replace(/\/+$/, '');
  const pass = (request, socket, head) => {
    const protocols = (request.headers[HEADER_PASSED_ON] ?? '')
      .split(',')
      .map((p) => p.trim())
      .filter(Boolean);
    let upstream;
    try {
      upstream = new WebSocket(base + request.url, protocols, {
        perMessageDeflate: false,
        handshakeTimeout: OPEN_TIMEOUT_MS,
      });
    } catch {
      return refuse(socket, 400, 'Bad Request'); // an address or subprotocol that is none
    }
    upstreams.add(upstream);
    upstream.once('close', () => upstreams.delete(upstream));
    let settled = false;
    const fail = (status, text) => {
      if (settled) return;
      settled = true;
      refuse(socket, status, text);
      upstream.on('error', () => {});
      upstream.terminate();
    };
    upstream.once('unexpected-response', (_, response) =>
      fail(response.statusCode, response.statusMessage),
    );
    upstream.once('error', () => fail(502, 'Bad Gateway'));
    socket.once('end', () => fail(499, 'Gone'));
    socket.once('close', () => fail(499, 'Gone'));
    upstream.once('open', () => {
      if (settled) return;
      settled = true;
      let isConnected = false;
      upstream.pause();
      server.handleUpgrade(request, socket, head, (browser) => {
        isConnected = true;
        connect(upstream, browser);
        upstream.resume();
      });
      // Where the handshake is refused the callback never comes.
      if (!isConnected) {
        upstream.on('error', () => {});
        upstream.terminate();
      }
    });
  };
  pass.close = () => {
    for (const upstream of upstreams) upstream.terminate();
    for (const browser of server.clients) browser.terminate();
  };
  return pass;
}
