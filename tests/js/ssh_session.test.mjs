import assert from 'node:assert/strict';
import {test} from 'node:test';
import {bytesOf, coreSays, settle, startedWorld} from './support/world.mjs';

/** A session on a started world, with everything it calls recorded. */
async function openSession(extra = {}, config = {}) {
  const world = await startedWorld(config);
  const seen = [];
  const note = (name) => (value) => void seen.push(value === undefined ? [name] : [name, value]);
  const options = {
    writeFn: note('write'),
    writeErrorFn: note('error'),
    setReadFn: (fn) => ((world.read = fn), seen.push(['setReadFn'])),
    rows: 30,
    cols: 100,
    onConnectionProgress: note('progress'),
    onConnected: note('connected'),
    onDone: note('done'),
    ...extra,
  };
  const session = world.ipn.ssh('node1', 'alice', options);
  await settle();
  const id = world.core.lastId;
  return {
    world,
    core: world.core,
    session,
    seen,
    id,
    says: (...events) => coreSays(world, ...events),
  };
}

const OPEN = {
  type: 'sshOpen',
  serverVersion: 'SSH-2.0-Tailscale',
  hostKeyType: 'ssh-ed25519',
  hostKeyFingerprint: 'SHA256:abc',
  hostKeyTrust: 'pinned',
  kex: 'curve25519-sha256',
  cipherIn: 'c',
  cipherOut: 'd',
  macIn: '',
  macOut: 'm',
  authMethod: 'none',
};

test('tsconnect: options reach the core, callbacks come in its order', async () => {
  const {core, session, seen, id, says} = await openSession();
  const [, options] = core.calls.find(([name]) => name === 'sshOpen');
  assert.deepEqual(options, {
    host: 'node1',
    user: 'alice',
    term: 'xterm-256color',
    command: '',
    'env.LANG': 'C.UTF-8',
    'env.COLORTERM': 'truecolor',
    port: '22',
    rows: '30',
    cols: '100',
    pty: '1',
    timeout: '5000',
    keepAlive: '30000',
    askHostKey: '2',
  });
  await says({type: 'sshProgress', id, message: 'Connecting to node1…'});
  await says({...OPEN, id}, {type: 'sshData', id, bytes: bytesOf('$ ')});
  await says({type: 'sshExit', id, code: 0, signal: ''}, {type: 'sshDone', id});
  assert.deepEqual(seen, [
    ['progress', 'Connecting to node1…'],
    ['setReadFn'],
    ['connected'],
    ['write', '$ '],
    ['done'],
  ]);
  const {info} = session;
  assert.deepEqual({type: 'sshOpen', ...info}, {...OPEN, cipher: 'c'});
});

test('an error is told once, then done once', async () => {
  const {seen, id, says} = await openSession();
  await says(
    {type: 'sshError', id, code: 'ssh-refused', message: 'The node refused alice.'},
    {type: 'sshError', id, code: 'connection-lost', message: 'Lost.'},
    {type: 'sshDone', id},
  );
  await says({type: 'sshDone', id}, {type: 'sshError', id, code: 'x', message: 'late'});
  assert.deepEqual(seen, [['error', 'The node refused alice.\r\n'], ['done']]);
});

test('UTF-8 cut anywhere, one byte at a time, stays whole; \\n stays \\n', async () => {
  const text = 'ä€𝄞\n\u{1f469}\u200d\u{1f680}\ufeffend';
  const {seen, id, says} = await openSession();
  await says({...OPEN, id});
  for (const byte of bytesOf(text)) await says({type: 'sshData', id, bytes: Uint8Array.of(byte)});
  await says({type: 'sshDone', id});
  const writes = seen.filter(([name]) => name === 'write').map(([, data]) => data);
  assert.equal(writes.join(''), text);
  assert.ok(writes.every((data) => !data.includes('\ufffd') && data !== ''));
});

test('half a character at the end becomes a replacement character before done', async () => {
  const {seen, id, says} = await openSession();
  await says(
    {...OPEN, id},
    {type: 'sshData', id, bytes: Uint8Array.of(0x61, 0xe2, 0x82)},
    {type: 'sshDone', id},
  );
  assert.deepEqual(seen.slice(2), [['write', 'a'], ['write', '\ufffd'], ['done']]);
});

test('stdout and stderr are decoded apart', async () => {
  const {seen, id, says} = await openSession();
  await says(
    {...OPEN, id},
    {type: 'sshData', id, bytes: Uint8Array.of(0xe2, 0x82)},
    {type: 'sshStderr', id, bytes: bytesOf('oops')},
    {type: 'sshData', id, bytes: Uint8Array.of(0xac)},
    {type: 'sshDone', id},
  );
  assert.deepEqual(seen.slice(2), [['write', 'oops'], ['write', '€'], ['done']]);
});

test('all data of a turn comes to the page in one message and one write', async () => {
  const {world, seen, id, says} = await openSession();
  await says({...OPEN, id});
  const before = world.batches.length;
  await says(...[...'abcdef'].map((c) => ({type: 'sshData', id, bytes: bytesOf(c)})));
  assert.equal(world.batches.length, before + 1);
  assert.deepEqual(seen.slice(2), [['write', 'abcdef']]);
});

test('onData gets bytes; while its Promise is pending nothing more comes and no credit goes back', async () => {
  const got = [];
  let release;
  const onData = (bytes) => {
    got.push(bytes.length);
    return new Promise((resolve) => (release = resolve));
  };
  const {core, seen, id, says} = await openSession({onData, writeFn: undefined});
  await says({...OPEN, id});
  const chunk = new Uint8Array(60_000);
  for (let i = 0; i < 4; i++) await says({type: 'sshData', id, bytes: chunk});
  assert.deepEqual(got, [60_000]);
  assert.equal(core.count('sshCredit'), 0);
  release();
  await settle();
  assert.deepEqual(got, [60_000, 180_000]);
  assert.deepEqual(
    core.calls.filter(([name]) => name === 'sshCredit'),
    [['sshCredit', id, 60_000]],
  );
  release();
  await settle();
  assert.deepEqual(core.calls.filter(([name]) => name === 'sshCredit').at(-1), [
    'sshCredit',
    id,
    180_000,
  ]);
  await says({type: 'sshDone', id});
  assert.deepEqual(seen.at(-1), ['done']);
});

test('credit comes back for what writeFn took, never more than came', async () => {
  const {core, id, says} = await openSession();
  await says({...OPEN, id});
  let sent = 0;
  for (let i = 0; i < 40; i++) {
    await says({type: 'sshData', id, bytes: new Uint8Array(5000)});
    sent += 5000;
  }
  const given = core.calls
    .filter(([name]) => name === 'sshCredit')
    .reduce((sum, [, , n]) => sum + n, 0);
  assert.ok(given <= sent && sent - given < 32 * 1024, `${given} of ${sent}`);
});

test('done waits for data that the page has not taken yet', async () => {
  let release;
  const onData = () => new Promise((resolve) => (release = resolve));
  const exits = [];
  const {seen, id, says} = await openSession({onData, onExit: (exit) => exits.push(exit)});
  await says(
    {...OPEN, id},
    {type: 'sshData', id, bytes: bytesOf('last words')},
    {type: 'sshExit', id, code: 3, signal: ''},
    {type: 'sshDone', id},
  );
  assert.deepEqual(exits, []);
  assert.ok(!seen.some(([name]) => name === 'done'));
  release();
  await settle();
  assert.deepEqual(exits, [{code: 3, signal: ''}]);
  assert.deepEqual(seen.at(-1), ['done']);
});

test('a page callback that throws harms nobody but is not swallowed', async () => {
  const uncaught = [];
  const listener = (error) => uncaught.push(error.message);
  process.removeAllListeners('uncaughtException');
  process.on('uncaughtException', listener);
  const bad = () => {
    throw new Error('page bug');
  };
  const {seen, id, says} = await openSession({writeFn: bad, onConnected: bad});
  await says({...OPEN, id}, {type: 'sshData', id, bytes: bytesOf('x')}, {type: 'sshDone', id});
  await settle();
  process.off('uncaughtException', listener);
  assert.deepEqual(seen.at(-1), ['done']);
  assert.deepEqual(uncaught, ['page bug', 'page bug']);
});

test('what is typed before the shell is open is sent when it opens', async () => {
  const {core, session, id, says} = await openSession();
  assert.equal(session.write('ls\r'), true);
  await settle();
  assert.deepEqual(core.written, []);
  await says({...OPEN, id});
  assert.equal(String.fromCharCode(...core.written), 'ls\r');
});

test('input that the core does not take waits, in order, and goes on when it is writable', async () => {
  const {world, core, session, id, says} = await openSession();
  await says({...OPEN, id});
  core.room = 3;
  world.read('abcd');
  session.write(bytesOf('efg'));
  await settle();
  assert.equal(String.fromCharCode(...core.written), 'abc');
  core.room = 2;
  await says({type: 'sshWritable', id});
  core.room = Infinity;
  await says({type: 'sshWritable', id});
  assert.equal(String.fromCharCode(...core.written), 'abcdefg');
});

test('the queue of input is bounded: write says false, a paste says why, drained() resolves later', async () => {
  const {world, core, session, seen, id, says} = await openSession();
  await says({...OPEN, id});
  core.room = 0;
  let taken = 0;
  while (session.write(new Uint8Array(100_000))) taken += 100_000;
  assert.ok(taken >= 1 << 20 && taken < (1 << 20) + 100_000, String(taken));
  world.read('pasted');
  assert.match(seen.at(-1)[1], /not sent: more than 1 MB/);
  assert.throws(() => session.write(new Uint8Array((1 << 20) + 1)), RangeError);
  let drained = false;
  void session.drained().then(() => (drained = true));
  await settle();
  assert.equal(drained, false);
  core.room = Infinity;
  await says({type: 'sshWritable', id});
  assert.equal(drained, true);
  assert.equal(core.written.length, taken);
  assert.equal(session.write('more'), true);
});

test('the caller keeps its bytes', async () => {
  const {core, session, id, says} = await openSession();
  await says({...OPEN, id});
  const mine = bytesOf('mine');
  session.write(mine);
  mine.fill(0);
  await settle();
  assert.equal(mine.byteLength, 4);
  assert.equal(String.fromCharCode(...core.written), 'mine');
});

test('end() sends EOF after what waits', async () => {
  const {core, session, id, says} = await openSession();
  await says({...OPEN, id});
  core.room = 1;
  session.write('ab');
  assert.equal(session.end(), true);
  await settle();
  assert.equal(core.count('sshEof'), 0);
  core.room = Infinity;
  await says({type: 'sshWritable', id});
  assert.equal(core.count('sshEof'), 1);
});

test('resize: true is done, and it goes to the core even while connecting', async () => {
  const {core, session, id, says} = await openSession();
  assert.equal(session.resize(40, 120), true);
  await settle();
  assert.deepEqual(core.calls.at(-1), ['sshResize', id, 40, 120]);
  await says({type: 'sshDone', id});
  assert.equal(session.resize(1, 1), false);
});

test('close() while connecting cancels; it is no error', async () => {
  const {core, session, seen, id, says} = await openSession();
  assert.equal(session.close(), true);
  assert.equal(session.close(), false);
  await settle();
  assert.deepEqual(core.calls.at(-1), ['sshClose', id]);
  await says({type: 'sshError', id, code: 'closed', message: 'Closed.'}, {type: 'sshDone', id});
  assert.deepEqual(seen, [['done']]);
  assert.equal(session.write('x'), false);
});

test('close() while the page holds data back ends at once and gives the credit back', async () => {
  const onData = () => new Promise(() => {});
  const {core, session, seen, id, says} = await openSession({onData});
  await says({...OPEN, id}, {type: 'sshData', id, bytes: new Uint8Array(50_000)});
  await says({type: 'sshData', id, bytes: new Uint8Array(50_000)});
  session.close();
  await says({type: 'sshData', id, bytes: new Uint8Array(50_000)}, {type: 'sshDone', id});
  assert.deepEqual(seen.at(-1), ['done']);
  assert.ok(core.count('sshCredit') > 0);
});

test('host keys: a callback decides, its absence refuses and says so', async (t) => {
  const blob = new Uint8Array(51);
  const fingerprint = 'SHA256:abc';
  const otherKeys = 'ssh-rsa SHA256:def';
  const key = {type: 'sshHostKey', keyType: 'ssh-ed25519', fingerprint, otherKeys, blob};
  const cases = [
    ['true', () => true, true],
    ['a promise of true', async () => true, true],
    ['false', () => false, false],
    ['truthy is not true', () => 1, false],
    ['rejection', async () => Promise.reject(new Error('no')), false],
    ['none', undefined, false],
  ];
  for (const [name, verifyHostKey, accepted] of cases) {
    await t.test(name, async () => {
      const asked = [];
      const verify = verifyHostKey && ((k) => (asked.push(k), verifyHostKey()));
      const {core, seen, id, says} = await openSession({verifyHostKey: verify, port: 2222});
      await says({...key, id});
      assert.deepEqual(
        core.calls.find(([n]) => n === 'sshAnswerHostKey'),
        ['sshAnswerHostKey', id, accepted],
      );
      if (verify) {
        const [{randomart, ...asks}] = asked;
        assert.equal(typeof randomart, 'function');
        assert.deepEqual(asks, {
          host: 'node1',
          port: 2222,
          type: 'ssh-ed25519',
          fingerprint,
          known: false,
          otherKeys,
        });
      }
      if (accepted) return;
      await says(
        {type: 'sshError', id, code: 'host-key-changed', message: 'core words'},
        {type: 'sshDone', id},
      );
      assert.match(seen[0][1], /host key of node1 \(ssh-ed25519 SHA256:abc\)/);
    });
  }
});

test('banners: to onBanner, or onto the terminal with CR LF', async () => {
  const banners = [];
  const one = await openSession({onBanner: (text) => banners.push(text)});
  await one.says({type: 'sshBanner', id: one.id, message: 'visit\nhttps://x\n'});
  assert.deepEqual(banners, ['visit\nhttps://x\n']);
  assert.deepEqual(one.seen, []);
  const two = await openSession();
  await two.says({type: 'sshBanner', id: two.id, message: 'visit\nhttps://x\r\n'});
  assert.deepEqual(two.seen, [['write', 'visit\r\nhttps://x\r\n']]);
});

test('two sessions do not mix', async () => {
  const {world, seen, id, says} = await openSession();
  const other = [];
  world.ipn.ssh('node2', 'bob', {writeFn: (data) => other.push(data)});
  await settle();
  const otherId = world.core.lastId;
  assert.notEqual(id, otherId);
  await says(
    {type: 'sshData', id: otherId, bytes: bytesOf('2')},
    {type: 'sshData', id, bytes: bytesOf('1')},
  );
  assert.deepEqual(other, ['2']);
  assert.deepEqual(seen, [['write', '1']]);
});

test('a session the core cannot start ends in a sentence', async () => {
  const world = await startedWorld();
  for (const [code, words] of [
    [-2, /Too many/],
    [-6, /cannot be used/],
    [-1, /could not be started/],
  ]) {
    world.core.on.sshOpen = () => code;
    const seen = [];
    world.ipn.ssh('n', 'u', {
      writeFn() {},
      writeErrorFn: (e) => seen.push(e),
      onDone: () => seen.push('done'),
    });
    await settle();
    assert.match(seen[0], words);
    assert.deepEqual(seen.slice(1), ['done']);
  }
});

test('an empty user or host is an error of the session, later', async () => {
  const world = await startedWorld();
  for (const [host, user, words] of [
    ['', 'u', /host name/],
    ['h', '', /user name/],
  ]) {
    const seen = [];
    world.ipn.ssh(host, user, {
      writeFn() {},
      writeErrorFn: (e) => seen.push(e),
      onDone: () => seen.push('done'),
    });
    assert.deepEqual(seen, []);
    await settle();
    assert.match(seen[0], words);
    assert.equal(seen[1], 'done');
  }
});

test('wrong arguments are a TypeError and reach no core', async () => {
  const world = await startedWorld();
  const ok = {writeFn() {}};
  const cases = [
    [undefined, 'u', ok],
    ['h', 3, ok],
    ['h', 'u', undefined],
    ['h', 'u', {}],
    ['h\0x', 'u', ok],
    ['h', 'u', {...ok, onDone: 'no'}],
    ['h', 'u', {...ok, rows: 'x'}],
    ['h', 'u', {...ok, rows: 0}],
    ['h', 'u', {...ok, port: 70_000}],
    ['h', 'u', {...ok, timeoutSeconds: -1}],
    ['h', 'u', {...ok, timeoutSeconds: NaN}],
    ['h', 'u', {...ok, env: {A: 1}}],
    ['h', 'u', {...ok, env: ['A=1']}],
    ['h', 'u', {...ok, env: 7}],
    ['h', 'u', {...ok, env: {'': 'x'}}],
    ['h', 'u', {...ok, pty: 'no'}],
  ];
  for (const args of cases)
    assert.throws(() => world.ipn.ssh(...args), TypeError, JSON.stringify(args));
  assert.throws(() => world.ipn.ssh('h', 'u'), /^TypeError: writeFn \(or onData\) must be/);
  const session = world.ipn.ssh('h', 'u', ok);
  assert.throws(() => session.write(3), TypeError);
  assert.throws(() => session.resize('1', 2), TypeError);
  await settle();
  assert.equal(world.core.count('sshOpen'), 1);
});

test('a thenable of the page that throws or calls twice does not wedge the session', async () => {
  const uncaught = [];
  const listener = (error) => uncaught.push(error.message);
  process.removeAllListeners('uncaughtException');
  process.on('uncaughtException', listener);
  const throws = () => {
    throw new Error('then');
  };
  const thenables = [
    {then: throws},
    {
      get then() {
        return throws();
      },
    },
    {then: (done) => (done(), done())},
  ];
  const got = [];
  const onData = (bytes) => (got.push(bytes[0]), thenables[got.length - 1]);
  const {core, seen, id, says} = await openSession({onData, writeFn: undefined});
  await says({...OPEN, id});
  for (let i = 0; i < 5; i++) {
    await says({type: 'sshData', id, bytes: new Uint8Array(40_000).fill(i)});
  }
  await says({type: 'sshDone', id});
  process.off('uncaughtException', listener);
  assert.deepEqual(got, [0, 1, 2, 3, 4]);
  assert.deepEqual(
    core.calls.filter(([name]) => name === 'sshCredit').map(([, , n]) => n),
    [40_000, 40_000, 40_000, 40_000, 40_000],
  );
  assert.deepEqual(seen.at(-1), ['done']);
  assert.deepEqual(uncaught, ['then', 'then']);
});

test('ipn.close() ends a session whose page never takes its data, the error told', async () => {
  const {world, seen, id, says} = await openSession({onData: () => new Promise(() => {})});
  await says({...OPEN, id}, {type: 'sshData', id, bytes: bytesOf('x')});
  await says({type: 'sshData', id, bytes: bytesOf('y')});
  const closed = world.ipn.close();
  await settle();
  world.clock.advance(3000);
  await closed;
  assert.deepEqual(seen.slice(-2), [['error', 'The connection was closed.\r\n'], ['done']]);
});

test('an environment goes to the core as it is; it says what is too long', async () => {
  const {core} = await openSession({pty: false, env: {A: 'ä', LANG: ''}});
  const [, fields] = core.calls.find(([name]) => name === 'sshOpen');
  assert.deepEqual(
    [fields['env.A'], fields['env.LANG'], fields['env.COLORTERM']],
    ['ä', '', undefined],
  );
});
