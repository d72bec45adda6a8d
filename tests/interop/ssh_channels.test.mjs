// Many channels over one connection (tests/support/ssh/ssh_stdio.c, sanitizers on) against real
// servers.
//
//   ssh_stdio --TCP--> OpenSSH | Dropbear | sshd-go      commands, a subsystem, signals
//                         |--> an echo server            forwards
//                         |--> another OpenSSH           the forwarded agent logs in there
import assert from 'node:assert/strict';
import {createHash, randomBytes} from 'node:crypto';
import {once} from 'node:events';
import {existsSync} from 'node:fs';
import {createServer} from 'node:net';
import {describe, test} from 'node:test';

import {
  authorizeKey,
  makeAccount,
  makeKey,
  opensshMissing,
  startDropbear,
  startGoServer,
  startOpenSSH,
} from '../support/ssh_servers.mjs';
import {StdioSession} from '../support/ssh_stdio.mjs';

const MB = 1 << 20;
const missing = opensshMissing();
const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex');

/** Every byte value, line ends and zeros in every order, then noise. */
function everyByte(length) {
  const bytes = randomBytes(length);
  for (let i = 0; i < Math.min(length, 1024); i++) bytes[i] = i;
  Buffer.from('\r\n\0\n\r\0\0\x04\x03\x1a~.\n').copy(bytes, 1024);
  return bytes;
}

async function withSession(server, user, options, body) {
  const session = new StdioSession(server.port, user, options);
  try {
    await body(session, server);
  } finally {
    assert.equal(await session.stop(), 0, session.err);
    await server.stop();
  }
}

/** Echoes, each direction by itself: what it got until its end, then its own end. */
async function echoServer() {
  const server = createServer({allowHalfOpen: true}, (socket) => {
    socket.on('error', () => {});
    socket.pipe(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {port: server.address().port, stop: () => server.close()};
}

async function twentyAtOnce(session) {
  const runs = Array.from({length: 20}, async (_, i) => {
    const bytes = everyByte(200_000 + i * 30_011);
    // Some send, some receive, some do both.
    const command = ['cat', `head -c ${bytes.length} /dev/zero`, 'sha256sum'][i % 3];
    const channel = await session.exec(command);
    const writing = i % 3 === 1 ? channel.end() : channel.writeAll(bytes);
    await channel.closed;
    await writing;
    assert.deepEqual(await channel.exit, {code: 0, signal: ''});
    if (i % 3 === 0) assert.equal(channel.sha256, sha256(bytes));
    else if (i % 3 === 1) assert.equal(channel.sha256, sha256(Buffer.alloc(bytes.length)));
    else assert.ok(channel.text.startsWith(sha256(bytes)), channel.text);
  });
  await Promise.all(runs);
}

/** 10 MB in while the same 10 MB come out. */
async function bothWays(session) {
  const bytes = everyByte(10 * MB);
  const channel = await session.exec('cat');
  const writing = channel.writeAll(bytes);
  await channel.closed;
  await writing;
  assert.deepEqual(await channel.exit, {code: 0, signal: ''});
  assert.equal(channel.length, bytes.length);
  assert.equal(channel.sha256, sha256(bytes));
  assert.equal(channel.stderr, '');
}

async function signals(session, names) {
  for (const name of names) {
    const channel = await session.exec('echo up; exec sleep 60');
    const beside = await session.exec('exec sleep 60'); // which it does not reach
    // Before the command runs a signal meets whatever the server is at.
    while (channel.text !== 'up\n') await new Promise((resolve) => setTimeout(resolve, 5));
    await channel.signal(name);
    assert.deepEqual(await channel.exit, {code: 0, signal: name});
    await beside.close();
    await beside.closed;
  }
}

async function forwards(session, {refused = /does not connect to 127\.0\.0\.1:1: /} = {}) {
  const echo = await echoServer();
  try {
    const runs = Array.from({length: 5}, async (_, i) => {
      const bytes = everyByte(1 * MB + i);
      const channel = await session.forward('127.0.0.1', echo.port);
      await channel.opened;
      const writing = channel.writeAll(bytes); // its end comes back as theirs
      await channel.eof;
      await writing;
      await channel.closed;
      assert.equal(channel.sha256, sha256(bytes));
    });
    const none = await session.forward('127.0.0.1', 1);
    assert.match(await none.error, refused);
    await none.closed;
    await Promise.all(runs);
  } finally {
    echo.stop();
  }
}

/** Our end, then output; their end, then input: neither end closes the other direction. */
async function halfClosed(session) {
  const ours = await session.exec('cat > /dev/null; sleep 0.2; echo after');
  await ours.writeAll(Buffer.from('before'));
  await ours.closed;
  assert.equal(ours.text, 'after\n');

  const theirs = await session.exec('echo first; exec 1>&- 2>&-; sha256sum > got');
  await theirs.eof;
  assert.equal(theirs.text, 'first\n');
  await theirs.writeAll(Buffer.alloc(3 * MB, 7));
  assert.deepEqual(await theirs.exit, {code: 0, signal: ''});
  await theirs.closed;
  const got = await session.exec('cat got');
  await got.closed;
  assert.ok(got.text.startsWith(sha256(Buffer.alloc(3 * MB, 7))), got.text);
}

/** A channel that nobody reads, beside one that is read. */
async function stalled(session) {
  const still = await session.exec('head -c 8000000 /dev/zero');
  still.hold = true;
  const command = 'head -c 30000000 /dev/zero';
  const running = await session.exec(command);
  running.keep = still.keep = false;
  await running.closed;
  assert.equal(running.length, 30_000_000);
  assert.ok(still.length < 5_000_000, `${still.length} came without credit`);
  await still.resume();
  await still.closed;
  assert.equal(still.sha256, sha256(Buffer.alloc(8_000_000)));
}

/** One after another, then a hundred, on a connection that had no channel in between. */
async function again(session) {
  for (let i = 0; i < 3; i++) {
    const channel = await session.exec(`echo ${i}; exit ${i}`);
    await channel.closed;
    assert.equal(channel.text, `${i}\n`);
    assert.equal((await channel.exit).code, i);
  }
  const hundred = await Promise.all(
    Array.from({length: 100}, (_, i) => session.exec(`echo ${i}; cat`)),
  );
  await Promise.all(hundred.map((channel) => channel.opened));
  for (const channel of hundred) await channel.end();
  await Promise.all(hundred.map((channel) => channel.closed));
  hundred.forEach((channel, i) => assert.equal(channel.text, `${i}\n`));
}

const CASES = [
  ['20 channels at once, each with its own bytes', twentyAtOnce],
  ['10 MB in and out at once, byte for byte', bothWays],
  ['5 forwards at once; one that is refused', forwards],
  ['each direction ends by itself', halfClosed],
  ['a channel that nobody reads stops no other', stalled],
  ['one after another, then a hundred', again],
];

describe('OpenSSH', {skip: missing ?? false, timeout: 120_000}, () => {
  const account = missing ? '' : makeAccount();
  const withOpenSSH = (lines, body, options) => async () =>
    withSession(await startOpenSSH({lines}), account, options, body);

  for (const [name, body] of CASES) test(name, withOpenSSH([], body));
  test(
    'the same while keys are changed every 300 kB',
    withOpenSSH(['RekeyLimit 300K'], async (session) => {
      await twentyAtOnce(session);
      await bothWays(session);
    }),
  );
  test(
    'signals',
    withOpenSSH([], (session) => signals(session, ['INT', 'TERM', 'KILL', 'HUP'])),
  );
  test(
    'a forward that its configuration forbids',
    withOpenSSH(['AllowTcpForwarding no'], async (session) => {
      const channel = await session.forward('127.0.0.1', 22);
      assert.match(await channel.error, /does not allow forwards to 127\.0\.0\.1:22 \(/);
      const after = await session.exec('echo still here');
      await after.closed;
      assert.equal(after.text, 'still here\n');
    }),
  );
  test(
    'a subsystem; one that is not offered',
    withOpenSSH([], async (session) => {
      const sftp = await session.channel({subsystem: 'sftp'});
      await sftp.opened;
      await sftp.write(Buffer.from([0, 0, 0, 5, 1, 0, 0, 0, 3])); // INIT, version 3
      while (sftp.length < 9) await new Promise((resolve) => setImmediate(resolve));
      assert.deepEqual([...sftp.bytes.subarray(4, 9)], [2, 0, 0, 0, 3]);
      await sftp.end();
      await sftp.closed;
      const none = await session.channel({subsystem: 'netconf'});
      assert.match(await none.error, /does not offer "netconf"/);
    }),
  );
  test(
    'a terminal and a command side by side; sizes and environment',
    withOpenSSH([], async (session) => {
      const env = {LANG: 'C.UTF-8', COLORTERM: 'truecolor', PATH_OF_MINE: 'refused'};
      const shell = await session.channel({pty: [24, 80], env});
      const other = await session.exec('echo $LANG $COLORTERM $PATH_OF_MINE; test -t 0', {env});
      await other.closed;
      assert.equal(other.text, 'C.UTF-8 truecolor\n');
      assert.equal((await other.exit).code, 1);
      await shell.opened;
      await shell.resize(33, 111);
      await shell.write('stty size; echo $TERM $LANG; exit 5\n');
      await shell.closed;
      assert.match(shell.text, /33 111\r\n/);
      assert.match(shell.text, /xterm-256color C\.UTF-8\r\n/);
      assert.equal((await shell.exit).code, 5);
    }),
  );
  test(
    'the server is killed: each channel hears it',
    withOpenSSH([], async (session, server) => {
      const channels = await Promise.all([session.exec('sleep 60'), session.exec('sleep 60')]);
      await channels[0].opened;
      const killer = await session.exec('kill -9 $PPID');
      for (const channel of [...channels, killer]) {
        assert.match(await channel.error, /connection to the server broke/);
        await channel.closed;
      }
      assert.match(await session.error, /connection to the server broke/);
      assert.ok(server.port);
    }),
  );

  const types = [
    ['ed25519', {type: 'ed25519'}],
    ['RSA', {type: 'rsa', bits: 2048}],
    ['ECDSA', {type: 'ecdsa', bits: 384}],
  ];
  for (const [name, kind] of types)
    test(`the agent, ${name}: ssh-add lists it, ssh logs in with it, a no is a no`, async () => {
      const key = makeKey({...kind, comment: 'from the page'});
      const there = makeAccount({password: 'not this one'});
      authorizeKey(there, key.publicKey);
      const behind = await startOpenSSH({lines: ['AuthenticationMethods publickey']});
      let allow = true;
      const options = {keys: [key.privateKey], keepKeys: true, onAgentSign: () => allow};
      const hop =
        `ssh -T -p ${behind.port} -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null ` +
        `-o BatchMode=yes -o LogLevel=ERROR ${there}@127.0.0.1 whoami`;
      try {
        await withSession(await startOpenSSH(), account, options, async (session) => {
          const list = await session.exec('ssh-add -l', {agent: true});
          await list.closed;
          assert.ok(
            list.text.includes(`${key.fingerprint} from the page`),
            list.text + list.stderr,
          );

          const jump = await session.exec(hop, {agent: true});
          await jump.closed;
          assert.equal(jump.text, `${there}\n`, jump.stderr);
          assert.equal(session.questions.length, 1);
          assert.ok(session.questions[0].includes(`${key.fingerprint} from the page`));

          allow = false;
          const refused = await session.exec(hop, {agent: true});
          await refused.closed;
          assert.equal((await refused.exit).code, 255);
          assert.match(refused.stderr, /Permission denied|agent refused/);
          assert.equal(session.questions.length, 2);

          // The server offers the agent to every command of the connection; none has asked.
          const without = await session.exec('ssh-add -l');
          await without.closed;
          assert.notDeepEqual(await without.exit, {code: 0, signal: ''}); // 2, or SIGPIPE
          assert.equal(without.text, '');
          assert.equal(session.questions.length, 2);
        });
      } finally {
        await behind.stop();
      }
    });
});

describe('x/crypto/ssh', {timeout: 120_000}, () => {
  const withGo = (flags, body) => async () =>
    withSession(await startGoServer(flags), 'anybody', {}, body);

  for (const [name, body] of CASES.filter(([, body]) => body !== halfClosed))
    test(name, withGo([], body));
  test('new keys every 300 kB', withGo(['-rekey', '300000'], twentyAtOnce));
  test(
    'signals',
    withGo([], (session) => signals(session, ['INT', 'TERM', 'KILL'])),
  );
});

const noDropbear = missing ?? (existsSync('/usr/sbin/dropbear') ? null : 'no Dropbear here');

describe('Dropbear', {skip: noDropbear ?? false, timeout: 120_000}, () => {
  const key = noDropbear ? null : makeKey();
  const account = noDropbear ? '' : makeAccount({password: 'unused'});
  const withDropbear = (body) => async () =>
    withSession(await startDropbear(), account, {keys: [key.privateKey]}, body);

  if (!noDropbear) authorizeKey(account, key.publicKey);
  test('20 channels at once, each with its own bytes', withDropbear(twentyAtOnce));
  test('10 MB in and out at once', withDropbear(bothWays));
  test(
    '5 forwards at once; one that is refused',
    withDropbear((session) => forwards(session, {refused: /does not connect to 127\.0\.0\.1:1/})),
  );
  test('a channel that nobody reads stops no other', withDropbear(stalled));
  test(
    'signals',
    withDropbear((session) => signals(session, ['INT', 'TERM', 'KILL'])),
  );
});
