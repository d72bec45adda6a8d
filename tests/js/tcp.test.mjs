import assert from 'node:assert/strict';
import {test} from 'node:test';
import {bytesOf, coreSays, settle, startedWorld} from './support/world.mjs';

async function openTcp() {
  const world = await startedWorld();
  const stream = world.ipn.tcp('node1', 8080, {timeoutSeconds: 2});
  await settle();
  const id = world.core.lastId;
  return {world, core: world.core, stream, id, says: (...events) => coreSays(world, ...events)};
}

const text = (bytes) => new TextDecoder().decode(bytes);

test('open, read, EOF', async () => {
  const {core, stream, id, says} = await openTcp();
  assert.deepEqual(
    core.calls.find(([name]) => name === 'tcpOpen'),
    ['tcpOpen', 'node1', 8080, 2000],
  );
  await says({type: 'tcpOpen', id});
  await stream.opened;
  await says(
    {type: 'tcpData', id, bytes: bytesOf('hel')},
    {type: 'tcpData', id, bytes: bytesOf('lo')},
  );
  await says({type: 'tcpEof', id});
  const reader = stream.readable.getReader();
  assert.equal(text((await reader.read()).value), 'hello');
  assert.equal((await reader.read()).done, true);
});

test('one connection too many is refused in words, on all that waits for it', async () => {
  const world = await startedWorld();
  world.core.on.tcpOpen = () => -2;
  const stream = world.ipn.tcp('node1', 8080);
  const wanted = /Too many connections are open in this tab: close some/;
  await assert.rejects(stream.opened, wanted);
  await assert.rejects(stream.readable.getReader().read(), wanted);
  await assert.rejects(stream.writable.getWriter().write(bytesOf('x')), wanted);
});

test('a reader that stops stops the credit', async () => {
  const {core, stream, id, says} = await openTcp();
  await says({type: 'tcpOpen', id});
  for (let i = 0; i < 3; i++) await says({type: 'tcpData', id, bytes: new Uint8Array(40_000)});
  assert.equal(core.count('tcpCredit'), 0);
  const reader = stream.readable.getReader();
  await reader.read();
  await settle();
  assert.deepEqual(core.calls.at(-1), ['tcpCredit', id, 40_000]);
});

test('writes wait for the open connection and for room', async () => {
  const {core, stream, id, says} = await openTcp();
  const writer = stream.writable.getWriter();
  const data = Uint8Array.from({length: 600_000}, (_, i) => i * 31);
  let done = false;
  core.room = 100_000;
  const written = writer.write(data).then(() => (done = true));
  await settle();
  assert.equal(core.written.length, 0);
  await says({type: 'tcpOpen', id});
  assert.equal(done, false);
  while (!done) {
    core.room = 100_000;
    await says({type: 'tcpWritable', id});
  }
  await written;
  core.room = Infinity;
  await says({type: 'tcpWritable', id});
  assert.deepEqual(Uint8Array.from(core.written), data);
  await writer.close();
  await settle();
  assert.deepEqual(core.calls.at(-1), ['tcpShutdown', id]);
});

test('what arrived before the end stays readable', async () => {
  const {stream, id, says} = await openTcp();
  await says(
    {type: 'tcpOpen', id},
    {type: 'tcpData', id, bytes: bytesOf('last')},
    {type: 'tcpEof', id},
    {type: 'tcpDone', id},
  );
  const reader = stream.readable.getReader();
  assert.equal(text((await reader.read()).value), 'last');
  assert.equal((await reader.read()).done, true);
});

test('a failed connection says why in every place', async () => {
  const {stream, id, says} = await openTcp();
  const reader = stream.readable.getReader();
  const reading = assert.rejects(reader.read(), /not listening/);
  const writing = assert.rejects(stream.writable.getWriter().write(bytesOf('x')), /not listening/);
  await says(
    {type: 'tcpError', id, code: 'refused', message: 'node1 is not listening.'},
    {type: 'tcpDone', id},
  );
  await assert.rejects(stream.opened, /not listening/);
  await Promise.all([reading, writing]);
});

test('close() and cancel() close the connection, once', async () => {
  for (const end of [(s) => s.close(), (s) => s.readable.cancel(), (s) => s.writable.abort()]) {
    const {core, stream, id, says} = await openTcp();
    await says({type: 'tcpOpen', id});
    await end(stream);
    stream.close();
    await settle();
    assert.equal(core.count('tcpClose'), 1);
    await says({type: 'tcpDone', id});
  }
});

test('wrong arguments are a TypeError', async () => {
  const {world} = await openTcp();
  assert.throws(() => world.ipn.tcp(3, 80), TypeError);
  assert.throws(() => world.ipn.tcp('n', 0), TypeError);
  assert.throws(() => world.ipn.tcp('n', '80'), TypeError);
});
