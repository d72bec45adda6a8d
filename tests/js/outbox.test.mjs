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
function bring({batch, outbox}, len) {
  batch.addData('sshData', 1, new Uint8Array(len));
  outbox.turnEnd();
}

test('what a person types and reads is posted at the end of its turn', () => {
  const o = make();
  for (let i = 0; i < 5; i++) bring(o, 100);
  assert.deepEqual(o.posted, [[100], [100], [100], [100], [100]]);
  assert.equal(o.outbox.isPouring, false);
  assert.equal(o.clock.timers.length, 0);
});

test('a flood waits for more of it, three milliseconds at most', () => {
  const o = make();
  bring(o, 5000);
  assert.deepEqual(o.posted, [[5000]]);
  bring(o, 2000);
  bring(o, 2000);
  assert.equal(o.posted.length, 1);
  assert.equal(o.outbox.isPouring, true);
  o.clock.advance(2);
  assert.equal(o.posted.length, 1);
  o.clock.advance(1);
  assert.deepEqual(o.posted[1], [4000]);
  bring(o, 65536);
  assert.deepEqual(o.posted[2], [65536], 'enough to be worth a message');
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
  o.outbox.turnEnd();
  assert.deepEqual(o.posted, [[5000], [300, 'sshDone']]);
  o.clock.advance(100);
  assert.equal(o.posted.length, 2, 'the timer has nothing left to post');
  o.outbox.turnEnd();
  assert.equal(o.posted.length, 2, 'an empty batch is no message');
});
