// Passes /ts2021 and /derp through to Headscale: both are byte streams in WebSocket messages whose
// boundaries mean nothing, and both are encrypted end to end, so nothing is read here.
//
// Towards the browser what is ready in one turn is joined into one message: a browser's cost is per
// message, and a relay writes 2 to 4 kB at a time. Towards Headscale a message may have 32,768
// bytes at most. A relay is asked for a bare connection first, which has no messages at all.
import {WebSocket, WebSocketServer} from 'ws';
import {DerpUpstream} from './derp_upstream.mjs';
import {Pouring} from './pouring.mjs';

const MAX_UPSTREAM_MESSAGE = 32_768;
const MAX_JOINED = 1 << 20; // one message towards the browser
const POUR_MESSAGE = 16 << 10; // of a flood, at least, or
const POUR_MS = 1; // of it
const PAUSE_ABOVE = 4 << 20; // bytes the browser has not taken yet: one TCP window
const OPEN_TIMEOUT_MS = 10_000;
const BARE_TIMEOUT_MS = 3000; // then as a WebSocket
const DERP_PATH = /^\/derp(?:$|\?)/;
const HEADER_PASSED_ON = 'sec-websocket-protocol';

function joinTowardsBrowser(upstream, browser) {
  const pouring = new Pouring();
  let waiting = [];
  let bytes = 0;
  let timer;
  let turn;
  const flush = () => {
    clearTimeout(timer);
    clearImmediate(turn);
    timer = turn = undefined;
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
    const isPouring = pouring.add(data.length);
    if (bytes >= MAX_JOINED) flush();
    else if (!isPouring || bytes >= POUR_MESSAGE) turn ??= setImmediate(flush);
    else if (!turn) timer ??= setTimeout(flush, POUR_MS);
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

/** Opens ways to one Headscale. */
class Upstreams {
  #base;
  /** false once a WebSocket got through where a bare connection was answered that it may not. */
  #takesBare = true;
  #all = new Set();

  constructor(headscaleUrl) {
    this.#base = headscaleUrl.replace(/\/+$/, '');
  }

  /** Throws on an address or a subprotocol that is none. */
  open(path, protocols, heard) {
    if (String(protocols) !== 'derp' || !DERP_PATH.test(path) || !this.#takesBare)
      return this.#openWebSocket(path, protocols, heard);
    const bare = new DerpUpstream(this.#base + path, {handshakeTimeout: BARE_TIMEOUT_MS});
    bare.once('refused', (status) => {
      const opened = (upstream) => {
        this.#takesBare = !(status >= 400 && status < 500); // a server that is ill says 5xx, or nothing
        heard.opened(upstream);
      };
      try {
        heard.replaced(this.#openWebSocket(path, protocols, {...heard, opened}));
      } catch {
        heard.failed(400, 'Bad Request');
      }
    });
    return this.#watch(bare, heard);
  }

  terminateAll() {
    for (const upstream of this.#all) upstream.terminate();
  }

  #openWebSocket(path, protocols, heard) {
    const upstream = new WebSocket(this.#base.replace(/^http/, 'ws') + path, protocols, {
      perMessageDeflate: false,
      handshakeTimeout: OPEN_TIMEOUT_MS,
    });
    upstream.once('unexpected-response', (_, {statusCode, statusMessage}) =>
      heard.failed(statusCode, statusMessage),
    );
    return this.#watch(upstream, heard);
  }

  #watch(upstream, {opened, failed}) {
    this.#all.add(upstream);
    upstream.once('close', () => this.#all.delete(upstream));
    upstream.once('error', () => failed(502, 'Bad Gateway'));
    upstream.once('open', () => opened(upstream));
    return upstream;
  }
}

/**
 * An upgrade handler: opens the way to Headscale first, so that its refusal reaches the page. Its
 * close() drops everything that is under way.
 */
export function passthrough(headscaleUrl) {
  const upstreams = new Upstreams(headscaleUrl);
  const server = new WebSocketServer({
    noServer: true,
    perMessageDeflate: false,
    maxPayload: 1 << 20,
    handleProtocols: (protocols) => protocols.values().next().value ?? false,
  });
  const pass = (request, socket, head) => {
    const protocols = (request.headers[HEADER_PASSED_ON] ?? '')
      .split(',')
      .map((p) => p.trim())
      .filter(Boolean);
    let way;
    let settled = false;
    const drop = () => {
      way?.on('error', () => {});
      way?.terminate();
    };
    const failed = (status, text) => {
      if (settled) return;
      settled = true;
      refuse(socket, status, text);
      drop();
    };
    const replaced = (upstream) => {
      way = upstream;
      if (settled) drop();
    };
    const opened = (upstream) => {
      if (settled) return;
      settled = true;
      let isConnected = false;
      upstream.pause();
      server.handleUpgrade(request, socket, head, (browser) => {
        isConnected = true;
        connect(upstream, browser);
        upstream.resume();
      });
      if (!isConnected) drop(); // where the handshake is refused the callback never comes
    };
    try {
      way = upstreams.open(request.url, protocols, {opened, failed, replaced});
    } catch {
      return refuse(socket, 400, 'Bad Request'); // an address or subprotocol that is none
    }
    socket.once('end', () => failed(499, 'Gone'));
    socket.once('close', () => failed(499, 'Gone'));
  };
  pass.close = () => {
    upstreams.terminateAll();
    for (const browser of server.clients) browser.terminate();
  };
  return pass;
}
