/* ipn.exec, session.forward and ipn.testSSH on a scripted core. */
import assert from 'node:assert/strict';
import {test} from 'node:test';
import {bytesOf, coreSays, settle, startedWorld} from './support/world.mjs';

const textOf = (bytes) => new TextDecoder().decode(bytes);
const details = Object.fromEntries(
  ['serverVersion', 'hostKeyType', 'hostKeyFingerprint', 'hostKeyTrust', 'kex', 'cipherIn']
    .concat(['cipherOut', 'macIn', 'macOut', 'authMethod'])
    .map((name) => [name, name]),
);

async function run(options, command = 'cat') {
  const world = await startedWorld();
  const exec = world.ipn.exec('node1', 'alice', command, options);
  await settle();
  const id = world.core.lastId;
  const says = (...events) => coreSays(world, ...events);
  return {
    world,
    core: world.core,
    exec,
    id,
    says,
    opens: () => says({type: 'sshOpen', id, ...details}),
  };
}

const credits = (core) =>
  core.calls.filter(([name]) => name === 'sshCredit').reduce((sum, [, , n]) => sum + n, 0);

async function readAll(readable) {
  const chunks = [];
  for await (const chunk of readable) chunks.push(...chunk);
  return Uint8Array.from(chunks);
}

test('a command without a terminal: its output, its errors, its exit code', async () => {
  const {core, exec, id, says, opens} = await run();
  const [, fields] = core.calls.find(([name]) => name === 'sshOpen');
  assert.deepEqual([fields.command, fields.pty, fields['env.LANG']], ['cat', '0', undefined]);
  await opens();
  assert.equal(core.count('sshEof'), 1);
  await says(
    {type: 'sshData', id, bytes: Uint8Array.of(0, 255)},
    {type: 'sshStderr', id, bytes: bytesOf('oops')},
    {type: 'sshData', id, bytes: bytesOf('ü')},
    {type: 'sshEof', id},
    {type: 'sshExit', id, code: 3, signal: ''},
  );
  assert.deepEqual(await exec.exit, {code: 3, signal: ''});
  await says({type: 'sshDone', id});
  const {code, signal, stdout, stderr, text} = await exec;
  assert.deepEqual([code, signal, textOf(stderr)], [3, '', 'oops']);
  assert.deepEqual([...stdout], [0, 255, ...bytesOf('ü')]);
  assert.equal(text(), '\0\ufffdü');
  assert.equal(Object.prototype.toString.call(exec), '[object IPNExec]');
  assert.equal(exec.kill(), false);
});

test('an end without an exit code is -1; an error rejects everything, and no rejection is loose', async () => {
  const one = await run();
  await one.opens();
  await one.says({type: 'sshDone', id: one.id});
  assert.equal((await one.exec).code, -1);
  const loose = [];
  const listener = (error) => loose.push(error);
  process.on('unhandledRejection', listener);
  const two = await run();
  const writer = two.exec.stdin.getWriter();
  const three = await run({stdin: bytesOf('x')});
  await three.says({type: 'sshError', id: three.id, code: 'c', message: 'm', isEarly: true});
  await three.says({type: 'sshDone', id: three.id});
  await two.says(
    {type: 'sshError', id: two.id, code: 'ssh-refused', message: 'Refused.', isEarly: false},
    {type: 'sshDone', id: two.id},
  );
  await settle();
  assert.deepEqual(loose, []);
  await assert.rejects(two.exec, {name: 'IPNSSHError', code: 'ssh-refused', message: 'Refused.'});
  await assert.rejects(two.exec.exit, {code: 'ssh-refused'});
  await assert.rejects(readAll(two.exec.stdout), {code: 'ssh-refused'});
  await assert.rejects(writer.write(bytesOf('x')), {code: 'ssh-refused'});
  await assert.rejects(three.exec, {code: 'c'});
  process.off('unhandledRejection', listener);
});

test('a signal that ended it: its name, and no code', async () => {
  const {exec, id, says, opens} = await run();
  await opens();
  await says({type: 'sshExit', id, code: 0, signal: 'TERM'}, {type: 'sshDone', id});
  assert.deepEqual(await exec.exit, {code: -1, signal: 'TERM'});
  assert.equal((await exec).code, -1);
});

test('what is collected is bounded, and gives its credit at once', async () => {
  const {core, exec, id, says, opens} = await run({maxBuffer: 100_000});
  await opens();
  await says({type: 'sshData', id, bytes: new Uint8Array(60_000)});
  assert.equal(credits(core), 60_000);
  await says({type: 'sshStderr', id, bytes: new Uint8Array(40_000)});
  assert.equal(core.count('sshClose'), 0);
  await says({type: 'sshStderr', id, bytes: new Uint8Array(1)});
  assert.equal(core.count('sshClose'), 1);
  await assert.rejects(exec, {code: 'max-buffer', message: /100000 bytes/});
});

test('streams: no limit, credit only for what was read, what came before is not lost', async () => {
  const {core, exec, id, says, opens} = await run({maxBuffer: 40_000});
  await opens();
  await says({type: 'sshData', id, bytes: new Uint8Array(40_000).fill(1)});
  assert.equal(credits(core), 40_000);
  const reader = exec.stdout.getReader();
  for (let i = 0; i < 3; i++) await says({type: 'sshData', id, bytes: new Uint8Array(50_000)});
  assert.equal(credits(core), 40_000);
  assert.deepEqual([...(await reader.read()).value].slice(0, 2), [1, 1]);
  await settle();
  assert.equal(credits(core), 40_000, 'paid for while it was collected');
  for (let i = 1; i <= 3; i++) {
    assert.equal((await reader.read()).value.length, 50_000);
    await settle();
    assert.equal(credits(core), 40_000 + 50_000 * i);
  }
  await says({type: 'sshStderr', id, bytes: bytesOf('e')}, {type: 'sshEof', id});
  assert.equal((await reader.read()).done, true);
  await says({type: 'sshExit', id, code: 0, signal: ''}, {type: 'sshDone', id});
  const result = await exec;
  assert.deepEqual([result.stdout.length, textOf(result.stderr)], [0, 'e']);
});

test('a stream that is taken after the end has everything', async () => {
  const {exec, id, says, opens} = await run();
  await opens();
  await says({type: 'sshData', id, bytes: bytesOf('all')}, {type: 'sshDone', id});
  assert.equal(textOf(await readAll(exec.stdout)), 'all');
});

test('a stdout that is not wanted any more ends the command', async () => {
  const {core, exec, id, says, opens} = await run();
  await opens();
  const reader = exec.stdout.getReader();
  await says({type: 'sshData', id, bytes: bytesOf('y\n')});
  await reader.cancel();
  await settle();
  assert.equal(core.count('sshClose'), 1);
  await assert.rejects(exec, /not wanted/);
});

for (const [name, source] of [
  ['a string', () => 'añb'],
  ['bytes', () => bytesOf('añb')],
  ['an ArrayBuffer', () => bytesOf('añb').buffer],
  ['a Blob', () => new Blob(['añb'])],
  ['a stream', () => new Blob(['añb']).stream()],
  [
    'an iterable',
    async function* () {
      yield bytesOf('a');
      yield bytesOf('ñb');
    },
  ],
]) {
  test(`stdin from ${name}, then end of file`, async () => {
    const {core, opens} = await run({stdin: source()});
    assert.deepEqual(core.written, []);
    await opens();
    await settle();
    await settle();
    assert.equal(textOf(Uint8Array.from(core.written)), 'añb');
    assert.equal(core.names().at(-1), 'sshEof');
  });
}

test('stdin as a stream: open until closed, pushed back by the core', async () => {
  const {world, core, exec, id, says} = await run();
  const writer = exec.stdin.getWriter();
  await says({type: 'sshOpen', id, ...details});
  assert.equal(core.count('sshEof'), 0);
  core.room = 0;
  const chunk = new Uint8Array(64 * 1024).fill(7);
  let done = 0;
  const writes = Array.from({length: 10}, () => writer.write(chunk).then(() => done++));
  await settle();
  assert.ok(done >= 4 && done <= 6, `${done} writes are held by the page`);
  chunk.fill(8); // the writer may not depend on the page's bytes after write() has taken them
  core.room = Infinity;
  await says({type: 'sshWritable', id});
  await Promise.all(writes);
  await writer.close();
  await settle();
  assert.equal(core.written.length, 10 * 64 * 1024);
  assert.deepEqual(core.written.slice(0, 3), [7, 7, 7]);
  assert.equal(core.names().at(-1), 'sshEof');
  assert.ok(world.batches.length > 0);
});

test('a source that fails rejects the command and ends it', async () => {
  const {core, exec, opens} = await run({
    // eslint-disable-next-line require-yield
    stdin: (async function* () {
      throw new Error('the disk is gone');
    })(),
  });
  await opens();
  await assert.rejects(exec, /the disk is gone/);
  await settle();
  assert.equal(core.count('sshClose'), 1);
});

test('a command that ends before its input does cancels the source', async () => {
  let cancelled;
  const stdin = new ReadableStream({
    pull: (controller) => controller.enqueue(new Uint8Array(70_000)),
    cancel: () => (cancelled = true),
  });
  const {core, exec, id, says, opens} = await run({stdin});
  core.room = 0;
  await opens();
  await says({type: 'sshExit', id, code: 0, signal: ''}, {type: 'sshDone', id});
  assert.equal((await exec).code, 0);
  await settle();
  assert.equal(cancelled, true);
});

test('kill() and abort', async () => {
  const stop = new AbortController();
  const {core, exec, id, opens} = await run({signal: stop.signal});
  await opens();
  assert.equal(exec.kill(), true);
  assert.equal(exec.kill('INT'), true);
  stop.abort(new Error('enough'));
  await assert.rejects(exec, /enough/);
  await assert.rejects(exec.exit, /enough/);
  await settle();
  assert.deepEqual(
    core.calls.filter(([name]) => name === 'sshSignal').map(([, , name]) => name),
    ['TERM', 'INT'],
  );
  assert.deepEqual(core.calls.at(-1), ['sshClose', id]);
  const late = await run({signal: AbortSignal.abort()});
  await assert.rejects(late.exec, {name: 'AbortError'});
  assert.equal(late.core.count('sshOpen'), 0);
});

test('wrong arguments are a TypeError', async () => {
  const {ipn} = await startedWorld();
  for (const args of [
    ['h', 'u'],
    ['h', 'u', ''],
    ['h', 'u', 'x', null],
    ['h', 'u', 'x', {stdin: 5}],
    ['h', 'u', 'x', {stdin: {}}],
    ['h', 'u', 'x', {maxBuffer: -1}],
    ['h', 'u', 'x', {env: []}],
    [1, 'u', 'x'],
  ])
    assert.throws(() => ipn.exec(...args), TypeError, JSON.stringify(args));
  await assert.rejects(ipn.exec('', 'u', 'x'), /host name/);
});

test('after close() a command rejects with a sentence', async () => {
  const {world, exec, opens} = await run();
  await opens();
  const ended = assert.rejects(exec, /closed/);
  const closed = world.ipn.close();
  await settle();
  world.clock.advance(3000);
  await closed;
  await ended;
  await assert.rejects(world.ipn.exec('h', 'u', 'x'), /closed/);
});

async function withSession() {
  const world = await startedWorld();
  const session = world.ipn.ssh('jump', 'alice', {writeFn() {}});
  await settle();
  return {world, core: world.core, session, id: world.core.lastId};
}

const lastOpen = (core) => core.calls.filter(([name]) => name === 'sshOpen').at(-1)[1];

test('forward: on the connection of its session, bytes both ways, ends apart', async () => {
  const {world, core, session, id} = await withSession();
  const forward = session.forward('db.internal', 5432);
  await settle();
  const on = core.lastId;
  assert.deepEqual(lastOpen(core), {
    kind: 'forward',
    destHost: 'db.internal',
    destPort: '5432',
    on: String(id),
  });
  await coreSays(world, {type: 'sshOpen', id: on, ...details});
  await forward.opened;
  const writer = forward.writable.getWriter();
  await writer.write(bytesOf('hello'));
  await writer.close();
  await coreSays(
    world,
    {type: 'sshData', id: on, bytes: bytesOf('world')},
    {type: 'sshEof', id: on},
  );
  assert.equal(core.count('sshCredit'), 0, 'nobody reads it yet');
  const reading = readAll(forward.readable);
  await settle();
  assert.deepEqual(core.calls.find(([name]) => name === 'sshCredit').slice(1), [on, 0]);
  assert.equal(textOf(await reading), 'world');
  assert.equal(textOf(Uint8Array.from(core.written)), 'hello');
  assert.equal(core.count('sshEof'), 1);
  for (const args of [['h'], ['h', 0], [5, 5]])
    assert.throws(() => session.forward(...args), TypeError);
});

test('forward: a refusal and the end of the session are told', async () => {
  const {world, core, session, id} = await withSession();
  const refused = session.forward('h', 1);
  await settle();
  await coreSays(
    world,
    {type: 'sshError', id: core.lastId, code: 'refused', message: 'Not allowed.', isEarly: false},
    {type: 'sshDone', id: core.lastId},
  );
  await assert.rejects(refused.opened, /Not allowed/);
  await coreSays(world, {type: 'sshDone', id});
  await assert.rejects(session.forward('h', 1).opened, /closed/);
});

test('forward: ends with its session, however that ends; what ended is not ended again', async () => {
  for (const end of ['close', 'done']) {
    const {world, core, session, id} = await withSession();
    const ended = session.forward('a', 1);
    const open = session.forward('b', 2);
    await settle();
    await coreSays(world, {type: 'sshOpen', id: core.lastId, ...details});
    const reading = assert.rejects(readAll(open.readable), /closed/);
    ended.close();
    if (end === 'close') session.close();
    else await coreSays(world, {type: 'sshDone', id});
    await reading;
    await settle();
    assert.equal(core.count('sshClose'), end === 'close' ? 3 : 2);
    await assert.rejects(session.forward('c', 3).opened, /closed|over/);
  }
});

test('via: a session through the forward of another', async () => {
  const {world, core, session} = await withSession();
  const via = session.forward('inner', 22);
  await settle();
  const forwardId = core.lastId;
  void world.ipn.exec('inner', 'bob', 'id', {via}).catch(() => {});
  await settle();
  assert.equal(lastOpen(core).via, String(forwardId));
  const other = await startedWorld();
  assert.throws(() => other.ipn.ssh('x', 'y', {writeFn() {}, via}), {name: 'TypeError'});
  assert.throws(
    () => world.ipn.ssh('x', 'y', {writeFn() {}, via: world.ipn.tcp('a', 1)}),
    TypeError,
  );
});

test('testSSH: each step with its time, on a connection of its own', async () => {
  const world = await startedWorld();
  const result = world.ipn.testSSH('node1', 'alice', {reuse: true});
  await settle();
  const {core, clock} = world;
  const id = core.lastId;
  const {kind, reuse} = lastOpen(core);
  assert.deepEqual([kind, reuse], ['test', '0']);
  for (const [step, detail] of ['node1', 'fra', '', 'SSH-2.0-x', 'kex', 'key', 'none'].entries()) {
    clock.time += 10;
    await coreSays(world, {type: 'sshStep', id, step: step + 1, detail});
  }
  await coreSays(world, {type: 'sshDone', id});
  const {ok, steps} = await result;
  assert.equal(ok, true);
  assert.deepEqual(
    steps.map(({step}) => step),
    ['name', 'route', 'tcp', 'version', 'kex', 'hostKey', 'auth'],
  );
  assert.deepEqual(steps[3], {step: 'version', ok: true, ms: 10, detail: 'SSH-2.0-x'});
});

test('testSSH: the step that failed says why; nothing rejects but an abort', async () => {
  const world = await startedWorld();
  const result = world.ipn.testSSH('node1', 'alice');
  await settle();
  const id = world.core.lastId;
  for (const step of [1, 2, 1, 2]) await coreSays(world, {type: 'sshStep', id, step, detail: ''}); // tried twice
  world.clock.time += 5000;
  await coreSays(
    world,
    {type: 'sshError', id, code: 'tcp-timeout', message: 'No answer.', isEarly: true},
    {type: 'sshDone', id},
  );
  const {ok, steps} = await result;
  assert.deepEqual([ok, steps.length], [false, 3]);
  assert.deepEqual(steps[2], {step: 'tcp', ok: false, ms: 5000, detail: '', error: 'No answer.'});
  assert.deepEqual((await world.ipn.testSSH('', 'u')).steps[0].step, 'name');
  const stop = new AbortController();
  const aborted = world.ipn.testSSH('n', 'u', {signal: stop.signal});
  await settle();
  stop.abort();
  await assert.rejects(aborted, {name: 'AbortError'});
  await settle();
  assert.equal(world.core.calls.at(-1)[0], 'sshClose');
});
