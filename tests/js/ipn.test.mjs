import assert from 'node:assert/strict';
import {test} from 'node:test';
import {FakeWebSocket} from './support/fake_socket.mjs';
import {
  bytesOf,
  CONTROL,
  coreSays,
  makeWorld,
  recorder,
  settle,
  startedWorld,
} from './support/world.mjs';

test('NoState comes from within run(), once; the states follow, none twice', async () => {
  const world = makeWorld();
  const {seen, callbacks} = recorder();
  world.ipn.run(callbacks);
  assert.deepEqual(seen, [['notifyState', 'NoState']]);
  await settle();
  assert.equal(world.core.count('run'), 1);
  const states = ['NoState', 'Starting', 'Starting', 'Running'];
  await coreSays(world, ...states.map((state) => ({type: 'state', state})));
  assert.deepEqual(
    seen.map(([, s]) => s),
    ['NoState', 'Starting', 'Running'],
  );
});

test('netmaps, problems and status are passed on; addresses only if they are http(s)', async () => {
  const world = await startedWorld();
  await coreSays(
    world,
    {type: 'netMap', json: '{"self":{}}'},
    {type: 'problem', code: 'control-unreachable', message: 'No answer.', retrying: true},
    {type: 'status', json: '{}'},
    {type: 'browseToURL', url: 'javascript:alert(1)'},
    {type: 'browseToURL', url: 'https://login.test/a'},
  );
  assert.deepEqual(world.seen.slice(1), [
    ['notifyNetMap', '{"self":{}}'],
    ['notifyError', {code: 'control-unreachable', message: 'No answer.', retrying: true}],
    ['notifyStatus', '{}'],
    ['notifyBrowseToURL', 'https://login.test/a'],
  ]);
});

test('a page that listens to changes is told them, and the core what is not wanted', async () => {
  const world = makeWorld();
  const {callbacks} = recorder();
  const changes = [];
  delete callbacks.notifyNetMap;
  assert.throws(() => world.ipn.run(callbacks), TypeError); // one of the two
  world.ipn.run({...callbacks, onPeersChanged: (change) => changes.push(change)});
  await settle();
  assert.deepEqual(world.core.names(), ['create', 'want', 'run']);
  const change = {whole: true, changed: [{id: '7'}], removed: []};
  await coreSays(world, {type: 'peers', json: JSON.stringify(change)});
  assert.deepEqual(changes, [change]);
});

test('run() twice is an error, wrong callbacks a TypeError', async () => {
  const {ipn} = makeWorld();
  assert.throws(() => ipn.run(), TypeError);
  assert.throws(() => ipn.run({notifyState() {}}), TypeError);
  const {callbacks} = recorder();
  ipn.run(callbacks);
  assert.throws(() => ipn.run(callbacks), /before/);
});

test('wrong configuration is a TypeError', () => {
  const bad = [
    {controlURL: 'headscale'},
    {controlURL: 'ftp://x'},
    {controlURL: 'https://u:p@x'},
    {controlURL: 'https://x/?a=b'},
    {authKey: 3},
    {hostname: 'a\0b'},
    {stateStorage: {}},
    {worker: 'yes'},
    {panicHandler: 1},
    {WebSocket: {}},
    {derpURLs: {'*': 'javascript:1'}},
    {derpURLs: {'a=b': 'wss://x'}},
  ];
  for (const config of bad)
    assert.throws(() => makeWorld(config), TypeError, JSON.stringify(config));
});

test('the configuration reaches the core', async () => {
  const config = {
    controlURL: 'https://hs.test/prefix/',
    controlKey: 'mkey:00',
    authKey: 'k',
    hostname: 'tab',
    derpURLs: {'*': 'https://hub.test/derp', 7: 'wss://x/derp'},
  };
  const world = await startedWorld(config);
  assert.deepEqual(world.core.calls[0], [
    'create',
    {
      controlURL: 'https://hs.test/prefix',
      controlKey: 'mkey:00',
      authKey: 'k',
      hostname: 'tab',
      state: '',
      derpURLs: '7=wss://x/derp\n*=wss://hub.test/derp\n',
    },
    world.clock.wall,
  ]);
});

test('what is asked before the core is loaded happens when it is', async () => {
  let loaded;
  const world = makeWorld({loadModule: () => new Promise((resolve) => (loaded = resolve))});
  const {callbacks} = recorder();
  world.ipn.run(callbacks);
  world.ipn.login();
  world.ipn.ssh('n', 'u', {writeFn() {}});
  await settle();
  assert.equal(world.cores.length, 0);
  loaded({});
  await settle();
  assert.deepEqual(world.core.names(), ['create', 'run', 'login', 'sshOpen']);
});

test('a module that cannot be loaded rejects ready and is told to run()', async () => {
  const world = makeWorld({
    loadModule: async () => Promise.reject(new Error('ipn.wasm: status 404')),
  });
  const {seen, callbacks} = recorder();
  world.ipn.run(callbacks);
  await assert.rejects(world.ipn.ready, /404/);
  const errors = [];
  world.ipn.ssh('n', 'u', {
    writeFn() {},
    writeErrorFn: (e) => errors.push(e),
    onDone: () => errors.push('done'),
  });
  await settle();
  assert.deepEqual(seen.at(-1), [
    'notifyError',
    {code: 'not-started', message: 'ipn.wasm: status 404', retrying: false},
  ]);
  assert.deepEqual(errors, ['ipn.wasm: status 404\r\n', 'done']);
});

test('a module that fails before run() is told at run()', async () => {
  const world = makeWorld({loadModule: async () => Promise.reject(new Error('no'))});
  await assert.rejects(world.ipn.ready, /no/);
  const {seen, callbacks} = recorder();
  world.ipn.run(callbacks);
  assert.deepEqual(
    seen.map(([name]) => name),
    ['notifyState', 'notifyError'],
  );
});

test('sockets: opened as asked, one byte at a time, joined output, closed with code and reason', async () => {
  const world = await startedWorld();
  await coreSays(world, {type: 'socketOpen', id: 1, url: 'ws://hs/ts2021', protocol: 'proto'});
  const socket = FakeWebSocket.all.at(-1);
  assert.deepEqual(
    [socket.url, socket.protocol, socket.binaryType],
    ['ws://hs/ts2021', 'proto', 'arraybuffer'],
  );
  await coreSays(world, {type: 'socketSend', id: 1, bytes: bytesOf('dropped: not open')});
  socket.serverOpens();
  world.clock.time += 10;
  socket.serverDrips([1, 2, 3]);
  world.clock.runSoon();
  const inputs = world.core.calls.filter(([name]) => name === 'socketInput');
  assert.deepEqual(inputs, [
    ['socketInput', 1, [1]],
    ['socketInput', 1, [2]],
    ['socketInput', 1, [3]],
  ]);
  await coreSays(
    world,
    ...[9, 8, 7].map((b) => ({type: 'socketSend', id: 1, bytes: Uint8Array.of(b)})),
  );
  assert.deepEqual(socket.sent, [[9, 8, 7]]);
  socket.serverCloses(1008, 'bad key');
  assert.deepEqual(world.core.calls.at(-1), ['socketClosed', 1, 1008, 'bad key']);
});

test('a socket the browser refuses to open is closed, not an exception', async () => {
  const world = await startedWorld();
  await coreSays(world, {type: 'socketOpen', id: 4, url: 'ws://refused', protocol: ''});
  assert.deepEqual(world.core.calls.at(-1), ['socketClosed', 4, 1006, 'this page may not open it']);
});

test('state: read before the start, hex, sync or async; written in order', async () => {
  const writes = [];
  const kept = {'machine-key': '70726976', 'node-key': 'zz', 'wg-timestamp': ''};
  const stateStorage = {
    getState: (id) => (id === 'home-derp' ? Promise.resolve('37') : (kept[id] ?? '')),
    setState: async (id, hex) => {
      await new Promise((resolve) => setTimeout(resolve, id === 'node-key' ? 5 : 0));
      writes.push([id, hex]);
    },
  };
  const world = await startedWorld({stateStorage});
  assert.equal(world.core.calls[0][1].state, 'machine-key=priv\nhome-derp=7\n');
  await coreSays(
    world,
    {type: 'store', name: 'node-key', value: 'kä'},
    {type: 'store', name: 'home-derp', value: ''},
  );
  while (writes.length < 2) await new Promise((resolve) => setTimeout(resolve, 1));
  assert.deepEqual(writes, [
    ['node-key', '6bc3a4'],
    ['home-derp', ''],
  ]);
});

test('a storage that throws is told once and does not stop the node', async () => {
  const stateStorage = {
    getState() {
      throw new Error('denied');
    },
    setState() {
      throw new Error('denied');
    },
  };
  const world = makeWorld({stateStorage});
  const {seen, callbacks} = recorder();
  world.ipn.run(callbacks);
  await settle();
  await coreSays(world, {type: 'store', name: 'node-key', value: 'k'});
  assert.deepEqual(
    seen.slice(1).map(([name, {code}]) => [name, code]),
    [['notifyError', 'state-storage']],
  );
  assert.equal(world.core.count('run'), 1);
});

test('ping: an answer resolves, none rejects', async () => {
  const world = await startedWorld();
  const answered = world.ipn.ping('node1');
  await settle();
  await coreSays(world, {type: 'pong', id: world.core.lastId, ms: 12, region: 'hs'});
  assert.deepEqual(await answered, {ms: 12, region: 'hs'});
  const silent = assert.rejects(world.ipn.ping('node2'), /did not answer/);
  await settle();
  await coreSays(world, {type: 'pong', id: world.core.lastId, ms: -1, region: ''});
  await silent;
});

test('ping: too many, none joined yet and a wrong host are told apart', async () => {
  const world = await startedWorld();
  const codes = [-9, -2, -9];
  world.core.on.ping = () => codes.shift();
  await assert.rejects(world.ipn.ping('n'), /not joined/);
  await assert.rejects(world.ipn.ping('n'), /Too many pings are waiting/);
  await coreSays(world, {type: 'netMap', json: '{}'});
  await assert.rejects(world.ipn.ping('n'), /no node called "n"/);
  for (const wrong of [5, undefined, 'a\0b'])
    await assert.rejects(world.ipn.ping(wrong), TypeError);
});

test('wrong arguments of tcp() and fetch() are TypeErrors that say what is wrong', async () => {
  const {ipn} = await startedWorld();
  for (const options of [null, 5, 'x'])
    assert.throws(() => ipn.tcp('n', 80, options), {name: 'TypeError', message: /must be an obj/});
  assert.throws(() => ipn.tcp('n', '80'), TypeError);
  for (const init of [null, 5])
    await assert.rejects(ipn.fetch('http://n/', init), {name: 'TypeError', message: /init must/});
  await assert.rejects(ipn.fetch(Symbol('x')), TypeError);
});

test('logout: sessions end, the page is told NeedsLogin, login() starts a fresh node', async () => {
  const world = await startedWorld({authKey: 'once'});
  const seen = [];
  world.ipn.ssh('n', 'u', {
    writeFn() {},
    writeErrorFn: (e) => seen.push(e),
    onDone: () => seen.push('done'),
  });
  const ping = assert.rejects(world.ipn.ping('n'), /logged out/);
  world.ipn.logout();
  await settle();
  await coreSays(world, {type: 'state', state: 'Running'}, {type: 'loggedOut'});
  await ping;
  assert.match(seen[0], /logged out/);
  assert.equal(seen[1], 'done');
  assert.equal(world.core.names().at(-1), 'destroy');
  assert.deepEqual(world.seen.at(-1), ['notifyState', 'NeedsLogin']);
  world.ipn.login();
  await settle();
  assert.equal(world.cores.length, 2);
  assert.deepEqual(world.core.names(), ['create', 'run', 'login']);
  assert.equal(world.core.calls[0][1].authKey, '');
});

test('login() with another key: to the node that is, or the next one after a logout', async () => {
  const world = await startedWorld({authKey: 'once'});
  world.ipn.login('twice');
  await settle();
  assert.deepEqual(world.core.calls.at(-1), ['login', 'twice']);
  world.ipn.logout();
  await coreSays(world, {type: 'loggedOut'});
  world.ipn.login('thrice');
  await settle();
  assert.equal(world.cores.length, 2);
  assert.equal(world.core.calls[0][1].authKey, 'thrice');
  assert.throws(() => world.ipn.login(42), {name: 'TypeError', message: /authKey/});
  assert.throws(() => world.ipn.login('a\0b'), TypeError);
});

test('login() before a logout has ended follows it; a second logout() takes it back', async () => {
  const world = await startedWorld({authKey: 'once'});
  world.ipn.logout();
  world.ipn.login('twice');
  await settle();
  assert.equal(world.core.count('login'), 0, 'the node that leaves is not logged in');
  await coreSays(world, {type: 'loggedOut'});
  await settle();
  assert.equal(world.cores.length, 2);
  assert.equal(world.core.calls[0][1].authKey, 'twice');
  assert.deepEqual(world.core.names(), ['create', 'run', 'login']);
  world.ipn.logout();
  world.ipn.login('thrice');
  world.ipn.logout();
  await settle();
  await coreSays(world, {type: 'loggedOut'});
  await settle();
  assert.equal(world.cores.length, 2);
});

test('what is said between a logout and the next core is not lost', async () => {
  const world = await startedWorld({authKey: 'once'});
  world.ipn.logout();
  await coreSays(world, {type: 'loggedOut'});
  world.ipn.login('twice');
  world.ipn.logout();
  await settle();
  assert.deepEqual(world.core.names(), ['create', 'run', 'login', 'logout']);
  await coreSays(world, {type: 'loggedOut'});
  world.ipn.login('typo');
  world.ipn.login('right');
  await settle();
  assert.equal(world.cores.length, 3);
  assert.deepEqual(world.core.calls.at(-1), ['login', 'right']);
});

test('close() after logout() waits for the answer to it, whatever is kept', async () => {
  const storage = {getState: () => '', setState() {}};
  const world = await startedWorld({stateStorage: storage});
  world.ipn.logout();
  const closed = world.ipn.close();
  await settle();
  assert.equal(world.core.count('destroy'), 0);
  await coreSays(world, {type: 'loggedOut'});
  await closed;
  assert.equal(world.core.count('destroy'), 1);
});

/** A world with a session open, whose page recorded what that session was told. */
async function worldWithSession() {
  const world = await startedWorld();
  const told = [];
  world.ipn.ssh('n', 'u', {
    writeFn() {},
    writeErrorFn: (error) => told.push(error),
    onDone: () => told.push('done'),
  });
  await settle();
  return {world, told, id: world.core.lastId};
}

test('close(): shells are closed and the node logged out before the core goes', async () => {
  const {world, told, id} = await worldWithSession();
  world.core.on.logout = () =>
    world.core.push(
      {type: 'state', state: 'NeedsLogin'},
      {type: 'sshDone', id},
      {type: 'loggedOut'},
    );
  await world.ipn.close();
  assert.deepEqual(world.core.names().slice(-3), ['closeStreams', 'logout', 'destroy']);
  assert.equal(world.terminated, true);
  assert.deepEqual(told, ['done']);
  assert.deepEqual(world.seen, [['notifyState', 'NoState']], 'nothing more is said');
  await world.ipn.close();
});

test('close() does not wait for ever for an answer to the logout', async () => {
  const {world, told} = await worldWithSession();
  const closed = world.ipn.close();
  await settle();
  assert.equal(world.core.count('destroy'), 0);
  world.clock.advance(3000);
  await closed;
  assert.equal(world.core.names().at(-1), 'destroy');
  assert.equal(told.at(-1), 'done');
});

test('close() with a stateStorage keeps the node', async () => {
  const world = await startedWorld({stateStorage: {getState: () => '', setState() {}}});
  const closed = world.ipn.close();
  await closed;
  assert.equal(world.core.count('logout'), 0);
  assert.equal(world.core.names().at(-1), 'destroy');
});

test('close() leaves no timer behind that would keep a process alive', async () => {
  const world = await startedWorld({stateStorage: {getState: () => '', setState() {}}});
  await world.ipn.close();
  assert.deepEqual(world.clock.timers, []);
});

test('close() does not wait for ever for a setState() that never settles', async () => {
  const stateStorage = {getState: () => '', setState: () => new Promise(() => {})};
  const world = await startedWorld({stateStorage});
  await coreSays(world, {type: 'store', name: 'node-key', value: 'k'});
  await world.ipn.close();
  assert.equal(world.terminated, true);
});

test('after close() everything says so and nothing throws', async () => {
  const world = await startedWorld({stateStorage: {getState: () => '', setState() {}}});
  await world.ipn.close();
  const seen = [];
  world.ipn.ssh('n', 'u', {
    writeFn() {},
    writeErrorFn: (e) => seen.push(e),
    onDone: () => seen.push('done'),
  });
  await assert.rejects(world.ipn.ping('n'), /closed/);
  await assert.rejects(world.ipn.tcp('n', 80).opened, /closed/);
  world.ipn.login();
  world.ipn.logout();
  await settle();
  assert.match(seen[0], /closed/);
  assert.equal(seen[1], 'done');
});

test('a trap: every session ends with an error, the page is told, a new node works', async () => {
  const panics = [];
  const world = await startedWorld({panicHandler: (error) => panics.push(error)});
  const seen = [];
  for (const n of [1, 2]) {
    world.ipn.ssh('n', 'u', {
      writeFn() {},
      writeErrorFn: (e) => seen.push([n, e]),
      onDone: () => seen.push([n, 'done']),
    });
  }
  const ping = assert.rejects(world.ipn.ping('n'), /fault/);
  const tcp = world.ipn.tcp('n', 80);
  await settle();
  world.core.on.login = () => {
    throw new WebAssembly.RuntimeError('memory access out of bounds');
  };
  world.ipn.login();
  await settle();
  assert.equal(panics.length, 1);
  assert.match(panics[0], /out of bounds/);
  assert.equal(world.seen.at(-1)[0], 'notifyPanicRecover');
  assert.deepEqual(
    seen.map(([n, s]) => [n, s === 'done']),
    [
      [1, false],
      [1, true],
      [2, false],
      [2, true],
    ],
  );
  await ping;
  await assert.rejects(tcp.opened, /fault/);
  assert.equal(world.core.count('destroy'), 0);
  const again = makeWorld({controlURL: CONTROL});
  await again.ipn.ready;
});

test('log lines: errors to the page or the console, nothing else unless asked', async () => {
  const lines = [];
  const world = await startedWorld({log: (level, line) => lines.push([level, line])});
  world.core.log(2, 'detail');
  await coreSays(world);
  assert.deepEqual(lines, [[2, 'detail']]);
});

test('status() is the last that was told, a copy; reconnect() does not wait', async () => {
  const world = await startedWorld();
  assert.deepEqual(world.ipn.status(), {control: {state: 'idle'}, homeRegion: 0, regions: []});
  const told = {control: {state: 'reconnecting', lostAt: 1}, homeRegion: 1, regions: []};
  await coreSays(world, {type: 'status', json: JSON.stringify(told)});
  const status = world.ipn.status();
  assert.deepEqual(status, told);
  status.control.state = 'idle';
  assert.deepEqual(world.ipn.status(), told);
  const before = world.core.count('rebind');
  world.ipn.reconnect();
  await settle();
  assert.equal(world.core.count('rebind'), before + 1);
});
