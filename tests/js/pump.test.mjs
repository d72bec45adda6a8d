import assert from 'node:assert/strict';
import {test} from 'node:test';
import {FakeClock} from './support/fake_clock.mjs';
import {FakeCore} from './support/fake_core.mjs';
import {load} from './support/load.mjs';

const {Pump} = await load('js/src/core/pump.ts');

function makePump() {
  const core = new FakeCore();
  const clock = new FakeClock();
  const seen = [];
  const sink = {
    event: (event) => seen.push(event.type),
    turnEnd: () => seen.push('end'),
    trap: (error) => seen.push(`trap ${error.message}`),
  };
  return {core, clock, seen, sink, pump: new Pump(core, clock, sink)};
}

test('a call is followed by everything there is, then by the end of the turn', () => {
  const {core, seen, pump} = makePump();
  core.on.login = () => core.push({type: 'state'}, {type: 'netMap'});
  pump.run((c, now) => c.login('', now));
  assert.deepEqual(seen, ['state', 'netMap', 'end']);
});

test('a call made from within an event waits until all events were handed out', () => {
  const {core, seen, sink, pump} = makePump();
  core.push({type: 'one'}, {type: 'two'});
  core.on.socketClosed = () => core.push({type: 'three'});
  sink.event = (event) => {
    seen.push(event.type);
    if (event.type === 'one')
      pump.run((c, now) => (seen.push('call'), c.socketClosed(1, 1006, '', now)));
  };
  pump.run((c) => c.run());
  assert.deepEqual(seen, ['one', 'two', 'call', 'three', 'end']);
});

test('a call made while flushing gets its own drain', () => {
  const {core, seen, sink, pump} = makePump();
  let once = true;
  core.on.socketClosed = () => core.push({type: 'late'});
  sink.turnEnd = () => {
    seen.push('end');
    if (once) pump.run((c, now) => c.socketClosed(1, 1006, '', now));
    once = false;
  };
  pump.run((c) => c.run());
  assert.deepEqual(seen, ['end', 'late', 'end']);
});

test('one timer is armed for the next deadline and ticks when it is due', () => {
  const {core, clock, pump} = makePump();
  core.deadline = 1500;
  core.on.tick = () => void (core.deadline = 1600);
  pump.run(() => {});
  assert.deepEqual(
    clock.timers.map((t) => t.at),
    [1500],
  );
  clock.advance(499);
  assert.equal(core.count('tick'), 0);
  clock.advance(1);
  assert.equal(core.count('tick'), 1);
  assert.deepEqual(
    clock.timers.map((t) => t.at),
    [1600],
  );
});

test('a deadline that moves away keeps the timer, which then ticks nothing', () => {
  const {core, clock, pump} = makePump();
  core.deadline = 1100;
  pump.run(() => {});
  core.deadline = 1900;
  pump.run(() => {});
  assert.equal(clock.timers.length, 1);
  clock.advance(200);
  assert.equal(core.count('tick'), 0);
  assert.deepEqual(
    clock.timers.map((t) => t.at),
    [1900],
  );
});

test('a deadline that comes nearer moves the timer', () => {
  const {core, clock, pump} = makePump();
  core.deadline = 5000;
  pump.run(() => {});
  core.deadline = 1010;
  pump.run(() => {});
  assert.deepEqual(
    clock.timers.map((t) => t.at),
    [1010],
  );
});

test('a timer that comes a minute late ticks once with the time it is', () => {
  const {core, clock, pump} = makePump();
  core.deadline = 1100;
  core.on.tick = () => void (core.deadline = Infinity);
  pump.run(() => {});
  const [timer] = clock.timers;
  clock.time = 61_000;
  clock.timers = [];
  timer.callback();
  assert.deepEqual(core.calls, [['tick', 61_000]]);
  assert.equal(clock.timers.length, 0);
});

test('no deadline, no timer; a far one is cut to what timers can do', () => {
  const {core, clock, pump} = makePump();
  pump.run(() => {});
  assert.equal(clock.timers.length, 0);
  core.deadline = 1e15;
  pump.run(() => {});
  assert.deepEqual(
    clock.timers.map((t) => t.at),
    [1000 + 2 ** 31 - 1],
  );
});

test('a deadline that never moves does not hang the page', () => {
  const {core, clock, pump} = makePump();
  core.deadline = 900;
  pump.run(() => {});
  assert.ok(core.count('tick') < 20);
  assert.deepEqual(
    clock.timers.map((t) => t.at),
    [1000],
  );
});

test('a jump of the wall clock rebinds, a correction does not', () => {
  const {core, clock, pump} = makePump();
  clock.wall += 900;
  pump.run(() => {});
  assert.equal(core.count('rebind'), 0);
  clock.wall += 60_000;
  pump.run(() => {});
  pump.run(() => {});
  assert.deepEqual(core.calls, [['rebind', clock.wall]]);
});

test('in a flood the wall clock is looked at ten times a second', () => {
  const {core, clock, pump} = makePump();
  const data = () => pump.input(2000, (c, now) => c.socketInput(1, [1], now));
  data();
  clock.wall += 60_000;
  clock.time += 99;
  data();
  assert.equal(core.count('rebind'), 0);
  clock.time += 1;
  data();
  assert.equal(core.count('rebind'), 1);
});

test('lone input is a turn at once, what follows closely is joined into one', () => {
  const {core, clock, seen, pump} = makePump();
  pump.input(1, (c, now) => c.socketInput(1, [1], now));
  assert.deepEqual(seen, ['end']);
  pump.input(1, (c, now) => c.socketInput(1, [2], now));
  pump.input(1, (c, now) => c.socketInput(1, [3], now));
  assert.equal(core.count('socketInput'), 1);
  clock.runSoon();
  assert.deepEqual(
    core.calls.map(([, , [byte]]) => byte),
    [1, 2, 3],
  );
  assert.deepEqual(seen, ['end', 'end']);
  clock.time += 5;
  pump.input(1, (c, now) => c.socketInput(1, [4], now));
  assert.equal(core.count('socketInput'), 4);
});

test('a long burst is not held back', () => {
  const {core, pump} = makePump();
  pump.run(() => {});
  for (let i = 0; i < 300; i++) pump.input(1000, (c, now) => c.socketInput(1, [i], now));
  assert.equal(core.count('socketInput'), 263, 'until there was more than 256 kB');
});

test('data is not held back by a burst, and takes what waits along', () => {
  const {core, pump} = makePump();
  pump.run(() => {});
  pump.input(100, (c, now) => c.socketInput(1, [1], now));
  assert.equal(core.count('socketInput'), 0);
  pump.input(2000, (c, now) => c.socketInput(1, [2], now));
  assert.equal(core.count('socketInput'), 2);
});

test('another call carries a waiting burst with it, in order', () => {
  const {core, clock, seen, pump} = makePump();
  pump.run(() => {});
  pump.input(1, (c, now) => c.socketInput(1, [1], now));
  pump.run((c, now) => c.socketClosed(1, 1000, '', now));
  assert.deepEqual(core.names(), ['socketInput', 'socketClosed']);
  clock.runSoon();
  assert.deepEqual(seen, ['end', 'end']);
});

test('a trap stops the pump for good and is told once', () => {
  const {core, clock, seen, pump} = makePump();
  core.deadline = 2000;
  pump.run(() => {});
  core.on.run = () => {
    throw new WebAssembly.RuntimeError('unreachable');
  };
  pump.run((c) => c.run());
  pump.run((c) => c.run());
  clock.advance(5000);
  assert.deepEqual(seen, ['end', 'trap unreachable']);
  assert.equal(core.count('run'), 1);
  assert.equal(core.count('tick'), 0);
});

test('stop() from within an event ends the turn there', () => {
  const {core, clock, seen, sink, pump} = makePump();
  core.push({type: 'one'}, {type: 'two'});
  core.deadline = 2000;
  sink.event = (event) => (seen.push(event.type), pump.stop());
  pump.run(() => {});
  assert.deepEqual(seen, ['one']);
  assert.equal(clock.timers.length, 0);
});
