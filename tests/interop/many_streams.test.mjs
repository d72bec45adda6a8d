/*
 * A thousand TCP connections at once to a real node: all open, nothing is done while they are
 * silent, and each of them still echoes afterwards.
 *
 *   page ── Headscale, DERP ── alpha ── a TCP server on its loopback
 */
import assert from 'node:assert/strict';
import {after, before, test} from 'node:test';
import {WebSocket} from 'ws';
import {until} from '../support/process.mjs';
import {Testnet, tcpServer} from '../support/testnet.mjs';

const COUNT = 1000;
const IDLE_SECONDS = 4;
const MAX_WAKE_UPS = 2 * IDLE_SECONDS;
const MAX_WASM_BYTES = 8 << 20; // some 1.5 kB each, and what a page has anyway

/** What wakes the package: its timers, and messages of its sockets. */
const wakeUps = {timers: 0, messages: 0};
const {setTimeout: setTimer} = globalThis;
globalThis.setTimeout = (callback, ms, ...args) => {
  const isOurs = new Error().stack.includes('/js/dist/');
  const fire = (...given) => {
    if (isOurs) wakeUps.timers++;
    callback(...given);
  };
  return setTimer(fire, ms, ...args);
};

class CountedSocket extends WebSocket {
  constructor(...args) {
    super(...args);
    this.on('message', () => wakeUps.messages++);
  }
}

let memory;
const {instantiate} = WebAssembly;
WebAssembly.instantiate = async (...args) => {
  const result = await instantiate(...args);
  memory = (result.instance ?? result).exports.memory ?? memory;
  return result;
};

const sleep = (ms) => new Promise((resolve) => setTimer(resolve, ms));
const count = () => wakeUps.timers + wakeUps.messages;
let net, ipn, server;
const streams = [];

before(async () => {
  net = await Testnet.start();
  await net.node('alpha');
  ({ipn} = await net.page({WebSocket: CountedSocket}));
  server = await tcpServer((socket) => socket.pipe(socket));
});
after(async () => {
  for (const {stream} of streams) stream.close();
  server?.close();
  await net?.stop();
});

async function readText(reader, length) {
  const decoder = new TextDecoder();
  let text = '';
  while (text.length < length) {
    const {value, done} = await reader.read();
    if (done) throw new Error(`it ended after "${text}"`);
    text += decoder.decode(value, {stream: true});
  }
  return text;
}

async function echo(word) {
  const said = streams.map((_, i) => `${word} ${i};`);
  const heard = await Promise.all(
    streams.map(async ({reader, writer}, i) => {
      await writer.write(new TextEncoder().encode(said[i]));
      return readText(reader, said[i].length);
    }),
  );
  assert.deepEqual(heard, said);
}

test(`${COUNT} connections open, dialled at once, and echo`, async () => {
  for (let i = 0; i < COUNT; i++) {
    const stream = ipn.tcp('alpha', server.port, {timeoutSeconds: 60});
    const reader = stream.readable.getReader();
    streams.push({stream, reader, writer: stream.writable.getWriter()});
  }
  await Promise.all(streams.map(({stream}) => stream.opened));
  await echo('first');
});

test('idle they wake nobody up', async () => {
  await until('the last acknowledgements', async () => {
    const before = count();
    await sleep(1000);
    return count() - before <= 2;
  });
  const before = {...wakeUps};
  const all = count();
  await sleep(IDLE_SECONDS * 1000);
  const {timers, messages} = wakeUps;
  assert.ok(
    count() - all <= MAX_WAKE_UPS,
    `${timers - before.timers} timers and ${messages - before.messages} messages in ${IDLE_SECONDS} s`,
  );
  assert.ok(memory.buffer.byteLength <= MAX_WASM_BYTES, `${memory.buffer.byteLength} bytes`);
});

test('a transfer goes by them, and all of them still echo', async () => {
  const bytes = new Uint8Array(1 << 20).map((_, i) => i >> 8);
  const stream = ipn.tcp('alpha', server.port);
  const writer = stream.writable.getWriter();
  const written = writer.write(bytes).then(() => writer.close());
  const chunks = [];
  for await (const chunk of stream.readable) chunks.push(chunk);
  await written;
  assert.equal(Buffer.compare(Buffer.concat(chunks), bytes), 0);
  await echo('again');
});
