import assert from 'node:assert/strict';
import {test} from 'node:test';
import {FakeClock} from './support/fake_clock.mjs';
import {load} from './support/load.mjs';

const {Outbox} = await load('js/src/worker/outbox.ts');
const {Batch} = await load('js/src/worker/batch.ts');

function make() {
  const clock = new FakeClock();
  const batch = new Batch();
  const posted = [];
  const post = (messages) =>
    posted.push(messages.map(({type, bytes}) => (bytes ? bytes.length : type)));
  return {clock, batch, posted, outbox: new Outbox(batch, clock, post)};
}

/** One turn that brought len bytes. */
function bring({batch, clock, outbox}, len) {
  batch.addData('sshData', 1, new Uint8Array(len));
  outbox.turnEnd(clock.now());
}

test('what a person types and reads is posted at the end of its turn', () => {
  const o = make();
  for (let i = 0; i < 5; i++) bring(o, 100);
  assert.deepEqual(o.posted, [[100], [100], [100], [100], [100]]);
  assert.equal(o.outbox.isPouring, false);
  assert.equal(o.clock.timers.length, 0);
});

test('a flood waits for more of it, five milliseconds at most', () => {
  const o = make();
  bring(o, 5000);
  assert.deepEqual(o.posted, [[5000]]);
  bring(o, 2000);
  bring(o, 2000);
  assert.equal(o.posted.length, 1);
  assert.equal(o.outbox.isPouring, true);
  o.clock.advance(4);
  assert.equal(o.posted.length, 1);
  o.clock.advance(1);
  assert.deepEqual(o.posted[1], [4000]);
  bring(o, 65536);
  assert.deepEqual(o.posted[2], [65536], 'enough to be worth a message');
});

test('what many sessions said in one turn stays apart', () => {
  const batch = new Batch();
  for (const part of [0, 1, 2])
    for (let id = 0; id < 100; id++)
      batch.addData('tcpData', id, new Uint8Array(id + 1).fill(part));
  const {messages, transfer} = batch.take();
  assert.equal(transfer.length, 100);
  messages.forEach(({id, bytes}, i) => {
    assert.equal(id, i);
    const said = [0, 1, 2].flatMap((part) => new Array(id + 1).fill(part));
    assert.deepEqual([...bytes], said);
  });
});

test('a flood may come in small pieces', () => {
  const o = make();
  for (let i = 0; i < 4; i++) bring(o, 1500);
  assert.deepEqual(o.posted, [[1500], [1500]], 'by the third they pour');
  o.clock.advance(5);
  for (let i = 0; i < 2; i++) bring(o, 1500);
  assert.deepEqual(o.posted[2], [3000]);
  o.clock.advance(5);
  assert.deepEqual(o.posted[3], [3000]);
  o.clock.advance(10);
  bring(o, 1500);
  assert.deepEqual(o.posted[4], [1500], 'after a pause it begins anew');
});

test('what one flow brought in a turn comes in order, in pieces of 64 kB at most that own their buffers', () => {
  const batch = new Batch();
  const piece = (n, len) => new Uint8Array(len).fill(n);
  batch.addData('tcpData', 1, piece(1, 90_000));
  batch.addData('tcpData', 2, piece(2, 10));
  batch.addData('tcpData', 1, piece(3, 90_000));
  batch.add({type: 'tcpEof', id: 2});
  batch.addData('tcpData', 2, piece(4, 5));
  const {messages, transfer} = batch.take();
  assert.deepEqual(
    messages.map(({type, id, bytes}) => [type, id, bytes?.length]),
    [
      ['tcpData', 1, 65_536],
      ['tcpData', 1, 65_536],
      ['tcpData', 2, 10],
      ['tcpData', 1, 48_928],
      ['tcpEof', 2, undefined],
      ['tcpData', 2, 5],
    ],
  );
  const {bytes: second} = messages[1];
  assert.deepEqual([second[24_463], second[24_464]], [1, 3]);
  assert.deepEqual(
    transfer.map(({byteLength}) => byteLength),
    [65_536, 65_536, 10, 48_928, 5],
  );
  batch.addData('tcpData', 1, piece(5, 3));
  assert.deepEqual(
    [...batch.take().messages[0].bytes],
    [5, 5, 5],
    'what was staged before is gone',
  );
  assert.deepEqual([...messages[2].bytes.subarray(0, 2)], [2, 2]);
  assert.ok(
    second.every((byte, i) => byte === (i < 24_464 ? 1 : 3)),
    'what was handed over stays',
  );
});

test('the first bytes after a pause are not held', () => {
  const o = make();
  bring(o, 5000);
  o.clock.advance(10);
  bring(o, 10);
  assert.deepEqual(o.posted, [[5000], [10]]);
});

test('news goes at once, after the bytes that came before it', () => {
  const o = make();
  bring(o, 5000);
  bring(o, 300);
  o.batch.add({type: 'sshDone', id: 1});
  o.outbox.turnEnd(o.clock.now());
  assert.deepEqual(o.posted, [[5000], [300, 'sshDone']]);
  o.clock.advance(100);
  assert.equal(o.posted.length, 2, 'the timer has nothing left to post');
  o.outbox.turnEnd(o.clock.now());
  assert.equal(o.posted.length, 2, 'an empty batch is no message');
});
