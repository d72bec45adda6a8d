import assert from 'node:assert/strict';
import {test} from 'node:test';
import {Pouring} from '../../web/server/pouring.mjs';

/** `length` bytes every `everyMs`, for a second: how many of them were part of a flood. */
function poured(pouring, length, everyMs, fromMs = 0) {
  let n = 0;
  for (let at = 0; at < 1000; at += everyMs) n += pouring.add(length, fromMs + at);
  return n;
}

test('a download pours, from its first 64 kB or so on', () => {
  const pours = poured(new Pouring(), 2048, 0.125); // 16 MB/s
  assert.ok(pours > 7900 && pours < 8000, `${pours} of 8000 messages`);
});

test('the acknowledgements of an upload never do, however long it lasts', () => {
  assert.equal(poured(new Pouring(), 220, 0.5), 0); // of some 20 MB/s
});

test('a flood that has ended is over at once, or nearly', () => {
  const pouring = new Pouring();
  poured(pouring, 2048, 0.125);
  assert.equal(pouring.add(100, 1040), false);
});

test('a lone large message is none', () => {
  assert.equal(new Pouring().add(60_000, 5), false);
});
