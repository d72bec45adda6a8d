/* ipn.sftp on a scripted core. */
import assert from 'node:assert/strict';
import {test} from 'node:test';
import {bytesOf, coreSays, settle, startedWorld} from './support/world.mjs';

const textOf = (bytes) => new TextDecoder().decode(bytes);
const FILE = {size: 10, mode: 0o100644, uid: 1, gid: 2, atime: 5, mtime: 6};

async function openFiles(options) {
  const world = await startedWorld();
  const opening = world.ipn.sftp('node1', 'alice', options);
  await settle();
  const {core} = world;
  const id = core.lastId;
  await coreSays(world, {type: 'sshOpen', id, serverVersion: 'SSH-2.0-x'});
  const files = await opening;
  const requests = () => core.calls.filter(([name]) => name === 'sftpRequest').map(([, , f]) => f);
  const last = () => Number(requests().at(-1).request);
  const says = (...events) =>
    coreSays(world, ...events.map((event) => ({id, request: last(), ...event})));
  const done = (event = {}) => says({type: 'sftpDone', status: 0, text: '', attrs: {}, ...event});
  return {world, core, id, files, requests, last, says, done};
}

function withoutNumber(fields) {
  const rest = {...fields};
  delete rest.request;
  return rest;
}

const calls = (core, name) => core.calls.filter(([n]) => n === name).map((call) => call.slice(1));

test('every simple request in the core’s words', async () => {
  const {files, requests, done} = await openFiles();
  const cases = [
    [() => files.stat('/a'), {op: '1', path: '/a'}],
    [() => files.lstat('/a'), {op: '2', path: '/a'}],
    [() => files.chmod('/a', 0o600), {op: '3', path: '/a', mode: '384', flags: '4'}],
    [() => files.truncate('/a', 7), {op: '3', path: '/a', length: '7', flags: '1'}],
    [() => files.truncate('/a'), {op: '3', path: '/a', length: '0', flags: '1'}],
    [() => files.mkdir('/d'), {op: '5', path: '/d', mode: '511'}],
    [() => files.mkdir('/d', {mode: 0o700}), {op: '5', path: '/d', mode: '448'}],
    [() => files.rmdir('/d'), {op: '6', path: '/d'}],
    [() => files.remove('/a'), {op: '7', path: '/a'}],
    [() => files.rename('/a', '/b'), {op: '8', path: '/a', path2: '/b'}],
    [
      () => files.rename('/a', '/b', {overwrite: true}),
      {op: '8', path: '/a', path2: '/b', flags: '1'},
    ],
    [() => files.symlink('to', '/link'), {op: '9', path: '/link', path2: 'to'}],
    [() => files.readlink('/link'), {op: '10', path: '/link'}],
    [() => files.realpath('.'), {op: '11', path: '.'}],
  ];
  for (const [call, expected] of cases) {
    const answer = call();
    await settle();
    const fields = withoutNumber(requests().at(-1));
    assert.deepEqual(fields, expected);
    await done({text: '/where', attrs: FILE});
    const value = await answer;
    if (expected.op === '10' || expected.op === '11') assert.equal(value, '/where');
    else if (Number(expected.op) > 2) assert.equal(value, undefined);
  }
});

test('stat: what the server says, and undefined for what it does not', async () => {
  const {files, done} = await openFiles();
  const one = files.stat('/a');
  await settle();
  await done({attrs: FILE});
  assert.deepEqual(await one, {
    type: 'file',
    size: 10,
    mode: 0o644,
    uid: 1,
    gid: 2,
    atime: new Date(5000),
    mtime: new Date(6000),
  });
  for (const [attrs, type] of [
    [{}, 'unknown'],
    [{mode: 0o040755}, 'directory'],
    [{mode: 0o120777}, 'symlink'],
    [{mode: 0o020666}, 'other'],
  ]) {
    const answer = files.lstat('/a');
    await settle();
    await done({attrs});
    const stat = await answer;
    assert.deepEqual([stat.type, stat.size], [type, undefined]);
  }
});

test('errors have a name, a status and a sentence', async () => {
  const {files, done} = await openFiles();
  for (const [status, code] of [
    [2, 'ENOENT'],
    [3, 'EACCES'],
    [4, 'EFAILURE'],
    [8, 'ENOTSUP'],
    [11, 'EEXIST'],
    [-7, 'ECONNRESET'],
    [99, 'EIO'],
  ]) {
    const answer = assert.rejects(files.remove('/a'), {
      name: 'IPNSFTPError',
      code,
      status,
      message: 'No.',
    });
    await settle();
    await done({status, text: 'No.'});
    await answer;
  }
});

test('requests that the core does not take are told', async () => {
  const {core, files} = await openFiles();
  for (const [code, words] of [
    [-2, /Too many/],
    [-6, /path/],
    [-9, /ended/],
  ]) {
    core.on.sftpRequest = () => code;
    await assert.rejects(files.stat('/a'), words);
  }
});

test('several at once, answered in any order', async () => {
  const {world, id, files, requests} = await openFiles();
  const both = Promise.all([files.realpath('a'), files.realpath('b')]);
  await settle();
  for (const {request, path} of requests().slice(-2).reverse())
    await coreSays(world, {
      type: 'sftpDone',
      id,
      request: Number(request),
      status: 0,
      text: `/${path}`,
      attrs: {},
    });
  assert.deepEqual(await both, ['/a', '/b']);
});

test('list: entry by entry; readdir: all; an error after some', async () => {
  const {files, says, done} = await openFiles();
  const names = [];
  const listing = (async () => {
    for await (const entry of files.list('/d')) names.push(entry.name);
  })();
  await settle();
  await says(
    {type: 'sftpEntry', name: 'a', attrs: FILE},
    {type: 'sftpEntry', name: 'ä', attrs: {}},
  );
  assert.deepEqual(names, ['a', 'ä']);
  await says({type: 'sftpEntry', name: 'c', attrs: FILE});
  await done();
  await listing;
  assert.deepEqual(names, ['a', 'ä', 'c']);
  const all = files.readdir('/d');
  await settle();
  await says({type: 'sftpEntry', name: 'a', attrs: FILE});
  await done();
  assert.deepEqual(
    (await all).map(({name, type, size}) => [name, type, size]),
    [['a', 'file', 10]],
  );
  const broken = assert.rejects(files.readdir('/d'), {code: 'EACCES'});
  await settle();
  await says({type: 'sftpEntry', name: 'a', attrs: FILE});
  await done({status: 3, text: 'No.'});
  await broken;
});

test('a listing that nobody reads on gives no credit', async () => {
  const {core, id, last, files, says, done} = await openFiles();
  const list = files.list('/d');
  const first = list.next();
  await settle();
  const entry = (name) => ({type: 'sftpEntry', name, attrs: {}});
  await says(entry('a'), entry('b'));
  assert.equal((await first).value.name, 'a');
  assert.equal((await list.next()).value.name, 'b');
  await settle();
  assert.deepEqual(calls(core, 'sftpCredit'), []);
  const third = list.next();
  await settle();
  assert.deepEqual(calls(core, 'sftpCredit'), [[id, last(), 2]]);
  await says(entry('c'));
  await done();
  assert.equal((await third).value.name, 'c');
  assert.equal((await list.next()).done, true);
});

test('a listing that is left is cancelled', async () => {
  const {core, id, last, files, says} = await openFiles();
  const leaving = (async () => {
    for await (const entry of files.list('/d')) return entry.name;
  })();
  await settle();
  await says({type: 'sftpEntry', name: 'a', attrs: FILE});
  assert.equal(await leaving, 'a');
  await settle();
  assert.deepEqual(calls(core, 'sftpCancel'), [[id, last()]]);
});

test('read: asked for when it is first read, credit for what was read, progress', async () => {
  const progress = [];
  const {core, id, last, requests, files, says, done} = await openFiles();
  const stream = files.read('/big', {offset: 5, onProgress: (p) => progress.push(p)});
  await settle();
  assert.equal(requests().length, 0);
  const reader = stream.getReader();
  const first = reader.read();
  await settle();
  const fields = withoutNumber(requests().at(-1));
  assert.deepEqual(fields, {op: '12', path: '/big', offset: '5', length: '0'});
  await says(
    {type: 'sftpAttrs', attrs: {size: 80_005}},
    {type: 'sftpData', bytes: new Uint8Array(40_000)},
  );
  assert.equal((await first).value.length, 40_000);
  await settle();
  assert.deepEqual(calls(core, 'sftpCredit'), [[id, last(), 40_000]]);
  await says({type: 'sftpData', bytes: new Uint8Array(40_000)});
  await done();
  assert.equal(calls(core, 'sftpCredit').length, 1);
  assert.equal((await reader.read()).value.length, 40_000);
  assert.equal((await reader.read()).done, true);
  assert.deepEqual(progress, [
    {bytes: 40_000, total: 80_000},
    {bytes: 80_000, total: 80_000},
  ]);
});

test('read: an error comes after what was read; cancel and abort end the request', async () => {
  const {core, files, says, done} = await openFiles();
  const broken = files.read('/a').getReader();
  const first = broken.read();
  await settle();
  await says({type: 'sftpData', bytes: bytesOf('some')});
  await done({status: 4, text: 'Disk error.'});
  assert.equal(textOf((await first).value), 'some');
  await assert.rejects(broken.read(), {code: 'EFAILURE', message: 'Disk error.'});

  const left = files.read('/a').getReader();
  void left.read();
  await settle();
  await left.cancel();
  await settle();
  assert.equal(core.count('sftpCancel'), 1);

  const stop = new AbortController();
  const stopped = files.read('/a', {signal: stop.signal}).getReader();
  const read = assert.rejects(stopped.read(), /enough/);
  await settle();
  stop.abort(new Error('enough'));
  await read;
  await settle();
  assert.equal(core.count('sftpCancel'), 2);
  await done({status: -7, text: 'Cancelled.'});
});

test('readFile with a length; a length of 0 asks nothing', async () => {
  const {requests, files, says, done} = await openFiles();
  const file = files.readFile('/a', {offset: 2, length: 4});
  await settle();
  assert.deepEqual([requests().at(-1).offset, requests().at(-1).length], ['2', '4']);
  await says({type: 'sftpData', bytes: bytesOf('ab')}, {type: 'sftpData', bytes: bytesOf('cd')});
  await done();
  assert.equal(textOf(await file), 'abcd');
  assert.equal((await files.readFile('/a', {length: 0})).length, 0);
  assert.equal(requests().length, 1);
});

test('readFile takes no more than maxBytes, and does not wait for the rest', async () => {
  const {core, files, says, done} = await openFiles();
  const attempts = [
    [{maxBytes: 5}, 6, undefined],
    [{maxBytes: 5}, 1, 6], // the server says how much there is
    [undefined, 1, (64 << 20) + 1],
  ];
  for (const [options, bytes, size] of attempts) {
    const attempt = files.readFile('/a', options);
    const refused = assert.rejects(attempt, {
      code: 'EFBIG',
      message: /^\/a has more than .*read\(\)/,
    });
    await settle();
    const before = core.count('sftpCancel');
    await says(
      {type: 'sftpAttrs', attrs: {size}},
      {type: 'sftpData', bytes: new Uint8Array(bytes)},
    );
    await refused;
    await settle();
    assert.equal(core.count('sftpCancel'), before + 1);
  }
  const kept = files.readFile('/a', {maxBytes: 5});
  await settle();
  await says({type: 'sftpData', bytes: new Uint8Array(5)});
  await done();
  assert.equal((await kept).length, 5);
  await assert.rejects(files.readFile('/a', {maxBytes: -1}), TypeError);
});

test('write: flags, bytes in order, pushed back, closed when acknowledged', async () => {
  const progress = [];
  const {core, id, last, requests, files, says, done} = await openFiles();
  const writer = files
    .write('/a', {mode: 0o600, onProgress: (p) => progress.push(p.bytes)})
    .getWriter();
  await settle();
  const fields = withoutNumber(requests().at(-1));
  assert.deepEqual(fields, {op: '13', path: '/a', offset: '0', flags: '24', mode: '384'});
  core.room = 3;
  const written = writer.write(bytesOf('hello'));
  await settle();
  assert.equal(textOf(Uint8Array.from(core.written)), 'hel');
  core.room = Infinity;
  await says({type: 'sftpWritable', acknowledged: 3});
  await written;
  assert.equal(textOf(Uint8Array.from(core.written)), 'hello');
  let isClosed = false;
  const closed = writer.close().then(() => (isClosed = true));
  await settle();
  assert.deepEqual(calls(core, 'sftpEnd'), [[id, last()]]);
  assert.equal(isClosed, false);
  await done({attrs: {size: 5}});
  await closed;
  assert.deepEqual(progress, [3, 5]);
});

test('write: an offset keeps the file, other flags as asked', async () => {
  const {requests, files} = await openFiles();
  for (const [options, offset, flags] of [
    [{offset: 9}, '9', '0'],
    [{flags: 'a'}, '0', '12'],
    [{flags: 'wx'}, '0', '40'],
    [{offset: 9, flags: 'w'}, '9', '24'],
  ]) {
    files.write('/a', options);
    await settle();
    assert.deepEqual([requests().at(-1).offset, requests().at(-1).flags], [offset, flags]);
  }
});

test('write: an error ends the writer, abort cancels even while it is pushed back', async () => {
  const {core, files, done} = await openFiles();
  const full = files.write('/a').getWriter();
  await settle();
  await done({status: 4, text: 'No space left.'});
  await assert.rejects(full.write(bytesOf('x')), {code: 'EFAILURE', message: 'No space left.'});
  await assert.rejects(full.close(), TypeError);

  core.room = 0;
  const stuck = files.write('/b').getWriter();
  const writes = [1, 2, 3].map(() => stuck.write(new Uint8Array(600_000)));
  const ended = Promise.allSettled(writes);
  await settle();
  await stuck.abort(new Error('enough'));
  assert.deepEqual(
    (await ended).map(({status}) => status),
    ['rejected', 'rejected', 'rejected'],
  );
  assert.equal(core.count('sftpCancel'), 1);

  const stop = new AbortController();
  const stopped = files.writeFile('/c', new Uint8Array(1 << 20), {signal: stop.signal});
  await settle();
  stop.abort(new Error('enough'));
  await assert.rejects(stopped, /enough/);
  await settle();
  assert.equal(core.count('sftpCancel'), 2);
});

test('writeFile: the server’s reason, whenever it comes', async () => {
  const {core, files, done} = await openFiles();
  async function* slowly() {
    yield bytesOf('a');
    await settle();
    await done({status: 4, text: 'No space left.'});
    await settle();
  }
  for (const source of [slowly(), ReadableStream.from(slowly())])
    await assert.rejects(files.writeFile('/a', source), {message: 'No space left.'});
  async function* failing() {
    yield bytesOf('a');
    throw new Error('the source is gone');
  }
  for (const source of [failing(), ReadableStream.from(failing())])
    await assert.rejects(files.writeFile('/b', source), /the source is gone/);
  await settle();
  assert.equal(core.count('sftpCancel'), 2);
});

test('the end of the connection ends every request with a sentence, and nothing is loose', async () => {
  const loose = [];
  const listener = (error) => loose.push(error);
  process.on('unhandledRejection', listener);
  const {world, id, files} = await openFiles();
  const reader = files.read('/a').getReader();
  const ends = [
    assert.rejects(files.stat('/a'), {code: 'ECONNRESET', message: /ended/}),
    assert.rejects(files.readdir('/a'), {code: 'ECONNRESET'}),
    assert.rejects(reader.read(), {code: 'ECONNRESET'}),
    assert.rejects(files.writeFile('/a', 'x'), {code: 'ECONNRESET'}),
  ];
  files.write('/left');
  await settle();
  await coreSays(world, {type: 'sshDone', id});
  await Promise.all(ends);
  await assert.rejects(files.stat('/a'), {code: 'ECONNRESET', message: /ended/});
  await settle();
  process.off('unhandledRejection', listener);
  assert.deepEqual(loose, []);
});

test('opening: an error rejects, abort and close() close', async () => {
  const world = await startedWorld();
  const refused = assert.rejects(world.ipn.sftp('n', 'u'), {
    name: 'IPNSSHError',
    code: 'ssh-channel',
  });
  await settle();
  const id = world.core.lastId;
  await coreSays(
    world,
    {type: 'sshError', id, code: 'ssh-channel', message: 'No SFTP.', isEarly: false},
    {type: 'sshDone', id},
  );
  await refused;
  const stop = new AbortController();
  const aborted = assert.rejects(
    world.ipn.sftp('n', 'u', {signal: stop.signal}),
    /AbortError|abort/,
  );
  await settle();
  stop.abort();
  await aborted;
  await settle();
  assert.equal(world.core.count('sshClose'), 1);
  const {core, files} = await openFiles();
  assert.equal(files.info.serverVersion, 'SSH-2.0-x');
  files.close();
  await settle();
  assert.equal(core.count('sshClose'), 1);
});

test('a request whose signal is aborted is cancelled there and rejects here at once', async () => {
  const {core, files} = await openFiles();
  const stop = new AbortController();
  const answer = assert.rejects(files.stat('/a', {signal: stop.signal}), /enough/);
  await settle();
  stop.abort(new Error('enough'));
  await answer;
  await settle();
  assert.equal(core.count('sftpCancel'), 1);
  await assert.rejects(files.stat('/a', {signal: stop.signal}), /enough/);
  assert.equal(core.count('sftpRequest'), 1);
});

test('wrong arguments are TypeErrors', async () => {
  const {core, files} = await openFiles();
  for (const call of [
    () => files.stat(5),
    () => files.stat(''),
    () => files.stat('a\0b'),
    () => files.stat('a', 5),
    () => files.stat('a', {signal: 5}),
    () => files.rename('a'),
    () => files.rename('a', 'b', {overwrite: 1}),
    () => files.chmod('a', 0o10000),
    () => files.chmod('a', '600'),
    () => files.truncate('a', -1),
    () => files.symlink('', 'a'),
    () => files.mkdir('a', null),
    () => files.writeFile('a', 5),
    () => files.readFile('a', {offset: -1}),
    async () => files.read('a', {onProgress: 5}),
    async () => files.read(5),
    async () => files.write('a', {flags: 'rw'}),
    async () => files.write('a', {mode: -1}),
  ])
    await assert.rejects(call, TypeError, String(call));
  assert.equal(core.count('sftpRequest'), 0);
});
