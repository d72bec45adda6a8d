/* What is kept of a shell's output for the next page, against a list of bytes. */
import assert from 'node:assert/strict';
import {test} from 'node:test';
import {load} from './support/load.mjs';

const {Tape} = await load('js/src/worker/tape.ts');
const KEPT = 256 * 1024;

function random(seed) {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return (state >>> 8) % below;
  };
}

const unseenOf = (tape) => tape.unseen().map(({type, bytes}) => [type, [...bytes]]);

test('taken bytes are scrollback, the others unseen, in order and by type', () => {
  const tape = new Tape();
  tape.push('sshData', Uint8Array.of(1, 2, 3));
  tape.push('sshData', Uint8Array.of(4));
  tape.push('sshStderr', Uint8Array.of(5, 6));
  tape.push('sshData', Uint8Array.of(7));
  assert.deepEqual([...tape.scrollback()], []);
  tape.take(5);
  assert.deepEqual([...tape.scrollback()], [1, 2, 3, 4, 5]);
  assert.deepEqual(unseenOf(tape), [
    ['sshStderr', [6]],
    ['sshData', [7]],
  ]);
  tape.take(99); // more than there is
  assert.deepEqual(unseenOf(tape), []);
  tape.push('sshStderr', Uint8Array.of(8));
  assert.deepEqual(unseenOf(tape), [['sshStderr', [8]]]);
  assert.equal(tape.isCut, false);
});

test('the same as a list of bytes, whatever comes', () => {
  for (const seed of [1, 2, 3, 4]) {
    const next = random(seed);
    const tape = new Tape();
    const all = [];
    let taken = 0;
    for (let step = 0; step < 400; step++) {
      const type = next(3) === 0 ? 'sshStderr' : 'sshData';
      const bytes = Uint8Array.from(
        {length: next(20) === 0 ? next(30_000) : next(40)},
        () => 32 + next(90),
      );
      tape.push(type, bytes);
      for (const byte of bytes) all.push([type, byte]);
      const n = next(all.length - taken + 1);
      tape.take(n);
      taken += n;
      if (step % 50 > 0) continue;
      const told = tape.unseen().flatMap(({type: t, bytes: b}) => [...b].map((byte) => [t, byte]));
      assert.deepEqual(told, all.slice(taken), `seed ${seed}, step ${step}`);
      const before = all.slice(Math.max(taken - KEPT, 0), taken).map(([, byte]) => byte);
      assert.deepEqual([...tape.scrollback()], before, `seed ${seed}, step ${step}`);
    }
  }
});

test('what was taken long ago is gone, and what is left begins with a line', () => {
  const tape = new Tape();
  const line = new TextEncoder().encode(`${'x'.repeat(99)}\n`);
  for (let i = 0; i < 5000; i++) {
    tape.push('sshData', line);
    tape.take(line.length);
  }
  assert.equal(tape.isCut, true);
  const kept = tape.scrollback();
  assert.ok(kept.length <= KEPT && kept.length > KEPT - 100);
  assert.equal(kept.length % 100, 0);
});
