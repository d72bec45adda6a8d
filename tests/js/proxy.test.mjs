/* Where the engine runs: a worker that works, one that never starts, one that dies, none at all. */
import assert from 'node:assert/strict';
import {afterEach, test} from 'node:test';
import {load} from './support/load.mjs';
import {settle} from './support/world.mjs';

const {openLink} = await load('js/src/worker/proxy.ts');

class FakeWorker {
  static last;
  static refuse;
  posted = [];
  terminated = false;

  constructor(url, options) {
    if (FakeWorker.refuse) throw new Error(FakeWorker.refuse);
    this.url = url;
    this.options = options;
    FakeWorker.last = this;
  }

  postMessage(message, transfer) {
    this.posted.push(structuredClone(message, {transfer}));
  }

  terminate() {
    this.terminated = true;
  }
}

afterEach(() => {
  delete globalThis.Worker;
  FakeWorker.refuse = undefined;
});

function open(extra = {}) {
  const seen = [];
  const notes = [];
  const receive = (messages) => seen.push(...messages);
  const link = openLink({kind: 'dedicated', receive, note: (line) => notes.push(line), ...extra});
  return {link, seen, notes};
}

function openWithWorker(extra) {
  globalThis.Worker = FakeWorker;
  const opened = open(extra);
  return {...opened, worker: FakeWorker.last};
}

test('a module worker beside the module, named so that it knows itself', () => {
  const {worker, link} = openWithWorker();
  assert.ok(worker.url.href.endsWith('/worker.js'));
  assert.deepEqual(worker.options, {type: 'module', name: 'meshterm-engine'});
  link.terminate();
});

test('messages go both ways, buffers are transferred once the worker lives', () => {
  const {worker, link, seen} = openWithWorker();
  link.post({type: 'run'});
  worker.onmessage({data: [{type: 'hello'}]});
  const bytes = new Uint8Array(8);
  link.post({type: 'write', ref: 1, bytes}, [bytes.buffer]);
  assert.equal(bytes.byteLength, 0);
  assert.deepEqual(
    worker.posted.map(({type}) => type),
    ['run', 'write'],
  );
  worker.onmessage({data: [{type: 'ready'}, {type: 'netMap', json: '{}'}]});
  assert.deepEqual(seen, [{type: 'hello'}, {type: 'ready'}, {type: 'netMap', json: '{}'}]);
  link.terminate();
  assert.equal(worker.terminated, true);
});

test('a worker that cannot be made: the page does the work, and says why', async () => {
  FakeWorker.refuse = 'SecurityError';
  const {link, seen, notes} = openWithWorker();
  link.post({type: 'close', logout: false});
  await settle();
  assert.deepEqual(seen, [{type: 'closed'}]);
  assert.equal(notes.length, 1);
  assert.match(notes[0], /SecurityError/);
});

test('a worker that fails before hello: what was posted to it is not lost', async () => {
  const {worker, link, seen, notes} = openWithWorker();
  link.post({type: 'close', logout: false});
  worker.onerror({message: ''});
  await settle();
  assert.deepEqual(seen, [{type: 'closed'}]);
  assert.equal(worker.terminated, true);
  assert.equal(notes.length, 1);
});

test('a worker that dies later is a panic, once', () => {
  const {worker, link, seen, notes} = openWithWorker();
  worker.onmessage({data: [{type: 'hello'}]});
  const {onerror} = worker;
  onerror({message: 'boom'});
  assert.deepEqual(seen.slice(1), [{type: 'panic', message: 'boom'}]);
  assert.equal(worker.terminated, true);
  assert.equal(worker.onmessage, null);
  assert.deepEqual(notes, []);
  link.post({type: 'run'});
});

test('no Worker, worker none, or a WebSocket of the page: no worker and no note', async () => {
  const cases = [
    [open, {}],
    [openWithWorker, {kind: 'none'}],
    [openWithWorker, {WebSocket: class {}}],
  ];
  for (const [make, extra] of cases) {
    FakeWorker.last = undefined;
    const {link, seen, notes} = make(extra);
    link.post({type: 'close', logout: false});
    assert.deepEqual(seen, [], 'nothing is answered from within post()');
    await settle();
    assert.equal(FakeWorker.last, undefined);
    assert.deepEqual(seen, [{type: 'closed'}]);
    assert.deepEqual(notes, []);
  }
});

test('after terminate() nothing is received', async () => {
  const {link, seen} = open();
  link.post({type: 'close', logout: false});
  link.terminate();
  await settle();
  assert.deepEqual(seen, []);
});

test('a message posted the moment the engine is there does not overtake earlier ones', async () => {
  const late = {type: 'ping', ref: 3, host: 'n'};
  const own = Object.getOwnPropertyDescriptor(globalThis, 'WebSocket');
  Object.defineProperty(globalThis, 'WebSocket', {
    configurable: true,
    get: () => void queueMicrotask(() => link.post(late)), // the engine is being made
  });
  const {link, seen} = open({kind: 'none'});
  for (const ref of [1, 2]) link.post({type: 'ping', ref, host: 'n'});
  await settle();
  delete globalThis.WebSocket;
  if (own) Object.defineProperty(globalThis, 'WebSocket', own);
  assert.deepEqual(
    seen.map(({id}) => id),
    [1, 2, 3],
  );
});
