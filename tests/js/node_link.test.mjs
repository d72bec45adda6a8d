/* The page's end of a shared node: who it says it is, what it does when nobody is there. */
import assert from 'node:assert/strict';
import {afterEach, test} from 'node:test';
import {load} from './support/load.mjs';
import {settle} from './support/world.mjs';

const {NodeLink, openLink, VERSION} = await load([
  'js/src/worker/node_link.ts',
  'js/src/worker/proxy.ts',
  'js/src/host/version.ts',
]);

function open(extra = {}) {
  const world = {posted: [], seen: [], other: [], why: [], closed: 0};
  const options = {
    graceMs: 5000,
    receive: (messages) => world.seen.push(...messages),
    open: (events) => {
      world.events = events;
      return {
        livesOn: true,
        isOnly: true,
        post: (message, transfer) => world.posted.push(structuredClone(message, {transfer})),
        close: () => world.closed++,
      };
    },
    fallBack: (why) => {
      world.why.push(why);
      return {post: (message) => world.other.push(message), terminate() {}};
    },
    ...extra,
  };
  world.link = new NodeLink(options);
  return world;
}

const types = (messages) => messages.map(({type}) => type);
const hello = {type: 'hello', version: VERSION};

test('it says who it is, and the rest once it was heard', async () => {
  const world = open();
  const bytes = new Uint8Array(4);
  world.link.post({type: 'write', ref: 1, bytes}, [bytes.buffer]);
  await settle();
  assert.deepEqual(world.posted, [], 'there is nobody yet');
  world.events.connected();
  await settle();
  const [join] = world.posted;
  assert.equal(join.type, 'join');
  assert.equal(join.version, VERSION);
  assert.equal(join.graceMs, 5000);
  assert.equal(join.livesOn, true);
  assert.equal(bytes.length, 4, 'not given away before it is heard');
  world.events.receive([hello]);
  assert.deepEqual(types(world.posted), ['join', 'write']);
  assert.equal(bytes.length, 0);
  assert.equal(world.link.keepsSessions, true);
  assert.equal(world.link.leave([[1, 7]]), true);
  assert.deepEqual(world.posted.at(-1), {type: 'leave', taken: [[1, 7]]});
  world.link.terminate();
  assert.equal(world.posted.at(-1).type, 'bye');
  assert.equal(world.closed, 1);
  world.events.receive([{type: 'closed'}]);
  assert.deepEqual(world.seen, [hello], 'nothing is received any more');
});

test('what grows is acknowledged', async () => {
  const world = open();
  world.events.connected();
  await settle();
  world.events.receive([hello]);
  world.events.receive([{type: 'state', state: 'Running'}]);
  world.events.receive([
    {type: 'netMap', json: '{}'},
    {type: 'status', json: '{}'},
  ]);
  assert.deepEqual(types(world.posted), ['join', 'ack']);
  world.link.terminate();
});

test('nobody there: another link gets what was posted', async () => {
  const world = open();
  world.link.post({type: 'run'});
  world.events.failed('blocked');
  assert.deepEqual(world.why, ['blocked']);
  world.link.post({type: 'login', authKey: ''});
  assert.deepEqual(types(world.other), ['run', 'login']);
  assert.equal(world.link.leave([]), false, 'the other one is the page’s own');
  assert.equal(world.link.keepsSessions, false);
  world.events.failed('again');
  assert.deepEqual(world.why, ['blocked']);
  world.link.terminate();
});

test('a way that cannot be opened at all', () => {
  const world = open({
    open() {
      throw new Error('SecurityError');
    },
  });
  world.link.post({type: 'run'});
  assert.deepEqual(world.why, ['SecurityError']);
  assert.deepEqual(types(world.other), ['run']);
  world.link.terminate();
});

test('a worker of another version is refused', async () => {
  const world = open();
  world.events.connected();
  await settle();
  world.events.receive([{type: 'hello', version: 'older'}]);
  const failed = world.seen.find(({type}) => type === 'failed');
  assert.match(failed.message, /worker\.js \(older\) is of another version/);
  world.link.terminate();
});

test('a worker that says that it is unfit: another way, with all that was posted', async () => {
  const world = open();
  world.link.post({type: 'login'});
  world.events.connected();
  await settle();
  world.events.receive([{type: 'hello', unfit: 'no keys here'}]);
  assert.deepEqual(world.why, ['no keys here']);
  assert.deepEqual(types(world.other), ['login']);
  assert.deepEqual([world.seen, world.closed], [[], 1]);
});

test('a fault after hello is a panic; a loss is told, and everything begins again', async () => {
  const world = open();
  world.events.connected();
  await settle();
  world.events.receive([hello]);
  world.events.lost();
  assert.equal(world.seen.at(-1).type, 'lost');
  world.link.post({type: 'start'});
  assert.deepEqual(types(world.posted), ['join']);
  world.events.connected();
  await settle();
  world.events.receive([hello]);
  assert.deepEqual(types(world.posted), ['join', 'join', 'start']);
  world.events.failed('boom');
  assert.deepEqual(world.seen.at(-1), {type: 'panic', message: 'boom'});
  assert.deepEqual(world.why, []);
  world.link.terminate();
});

afterEach(() => {
  delete globalThis.Worker;
  delete globalThis.SharedWorker;
});

class FakePort {
  posted = [];
  postMessage(message) {
    this.posted.push(message);
  }
}

class FakeWorker {
  static made = [];
  posted = [];
  constructor(url, options) {
    // As an engine that knows the option: it looks at it.
    this.asked = options.extendedLifetime;
    Object.assign(this, {url, options, port: new FakePort()});
    FakeWorker.made.push(this);
  }
  postMessage(message) {
    this.posted.push(message);
  }
  terminate() {}
}

test('a SharedWorker is called by what pages share and by the version; without one a note', async () => {
  globalThis.Worker = globalThis.SharedWorker = FakeWorker;
  const notes = [];
  const identity = ['http://h.test:1', 'my host', ''];
  const options = {
    kind: 'shared',
    shared: {identity, graceMs: 1},
    receive() {},
    note: (line) => notes.push(line),
  };
  const link = openLink(options);
  const [shared] = FakeWorker.made.splice(0);
  assert.equal(shared.options.name, `meshterm-node http%3A%2F%2Fh.test%3A1 my%20host  ${VERSION}`);
  assert.equal(shared.asked, true);
  assert.equal(link.keepsSessions, true);
  link.post({type: 'run'});
  shared.onerror({});
  // No locks here, so no tab can lead: the page has a worker of its own.
  const [own] = FakeWorker.made.splice(0);
  assert.equal(own.options.name, 'meshterm-engine');
  assert.deepEqual(types(own.posted), ['run']);
  assert.deepEqual(notes, ['meshterm: no node is shared by tabs (it could not be loaded)']);
  link.terminate();
});
