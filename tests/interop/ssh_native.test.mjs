// ssh_session on real sockets (tests/support/ssh/ssh_drive.c, sanitizers on) against real servers.
//
//   ssh_drive --TCP--> OpenSSH, one configuration per case     (an account without a password)
//                 \--> sshd-go: golang.org/x/crypto/ssh, everybody in by "none"
//
// The algorithms are in ssh_algorithms.test.mjs, known hosts in ssh_known_hosts.test.mjs.
import assert from 'node:assert/strict';
import {spawn} from 'node:child_process';
import {randomBytes} from 'node:crypto';
import {mkdtempSync, rmSync, writeFileSync} from 'node:fs';
import {createServer} from 'node:net';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {after, before, describe, test} from 'node:test';

import {assertUsed, drive, has, sha256} from '../support/ssh_drive.mjs';
import {
  makeAccount,
  opensshMissing,
  removeAccount,
  startGoServer,
  startOpenSSH,
} from '../support/ssh_servers.mjs';

const MB = 1 << 20;

describe('OpenSSH', {skip: opensshMissing() ?? false}, () => {
  let user, dir, file, bytes;

  before(() => {
    user = makeAccount();
    dir = mkdtempSync(join(tmpdir(), 'meshterm-ssh-'));
    file = join(dir, 'bytes');
    bytes = randomBytes(30 * MB);
    writeFileSync(file, bytes, {mode: 0o644});
    spawn('chmod', ['755', dir]);
  });
  after(() => {
    removeAccount();
    rmSync(dir, {recursive: true, force: true});
  });

  async function withServer(options, body) {
    const server = await startOpenSSH(options);
    try {
      await body(server);
    } finally {
      await server.stop();
    }
  }

  test('a shell: terminal, size, resize, environment, exit status', () =>
    withServer({}, async ({port}) => {
      const options = ['--pty', '24x80', '--resize', '40x100', '--env', 'LANG=C.UTF-8'];
      const typed = 'sleep 0.3; stty size; stty -a; echo $TERM $LANG; exit 7\n';
      const result = await drive(port, user, options, typed);
      assert.equal(result.code, 7, result.err);
      assert.match(result.out, /\r40 100\r\n/);
      assert.match(result.out, /[^-]iutf8/);
      assert.match(result.out, /xterm-256color C\.UTF-8/);
      assert.ok(has(result, 'exit 7'));
      assert.ok(has(result, 'closed'));
    }));

  test('stdout, stderr and status are kept apart', () =>
    withServer({}, async ({port}) => {
      const result = await drive(port, user, ['--command', 'echo out; echo err >&2; exit 3']);
      assert.equal(result.out, 'out\n');
      assert.match(result.err, /^err$/m);
      assert.equal(result.code, 3);
    }));

  test('a signal ends the command', () =>
    withServer({}, async ({port}) => {
      const result = await drive(port, user, ['--command', 'kill -TERM $$; sleep 9']);
      assert.ok(has(result, 'exit 0  TERM'), result.err);
      assert.equal(result.code, 128);
    }));

  test('30 MB with equal hash, in pieces of 700 bytes too', () =>
    withServer({}, async ({port}) => {
      for (const extra of [[], ['--slow']]) {
        const result = await drive(port, user, [...extra, '--command', `cat ${file}`]);
        assert.equal(sha256(result.bytes), sha256(bytes));
        assert.equal(result.code, 0);
      }
    }));

  test('nothing is lost when the page stalls', () =>
    withServer({}, async ({port}) => {
      const result = await drive(port, user, ['--stall', '1500', '--command', `cat ${file}`]);
      assert.equal(sha256(result.bytes), sha256(bytes));
      assert.equal(result.code, 0);
    }));

  const rekeys = [
    ['RekeyLimit 1M', 'Ciphers chacha20-poly1305@openssh.com'],
    ['RekeyLimit 256K', 'Ciphers aes128-gcm@openssh.com'],
    ['RekeyLimit 256K', 'Ciphers aes256-ctr', 'MACs hmac-sha2-256-etm@openssh.com'],
  ];
  for (const lines of rekeys) {
    test(`new keys both ways: ${lines.join(', ')}`, () =>
      withServer({lines: [...lines, 'LogLevel DEBUG1']}, async ({port, log}) => {
        const up = randomBytes(6 * MB);
        const result = await drive(port, user, ['--command', 'cat'], up);
        assert.equal(sha256(result.bytes), sha256(up), result.err);
        assert.equal(result.code, 0);
        assert.ok((await log()).split('SSH2_MSG_NEWKEYS sent').length > 5);
      }));
  }

  test('keep-alives of the server are answered, in a stall too', () =>
    withServer({lines: ['ClientAliveInterval 1', 'ClientAliveCountMax 1']}, async ({port}) => {
      const quiet = await drive(port, user, ['--command', 'sleep 5; echo still here']);
      assert.equal(quiet.out, 'still here\n', quiet.err);
      const stalled = await drive(port, user, ['--stall', '5000', '--command', `cat ${file}`]);
      assert.equal(sha256(stalled.bytes), sha256(bytes));
    }));

  test('close from our side ends the command', () =>
    withServer({}, async ({port}) => {
      const started = Date.now();
      const result = await drive(port, user, [
        '--close-after',
        '1',
        '--command',
        'echo x; sleep 60',
      ]);
      assert.ok(has(result, 'closed'));
      assert.ok(Date.now() - started < 5000);
    }));

  test('a changed host key is refused with both fingerprints', () =>
    withServer({}, async ({port, pins}) => {
      const other =
        'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl';
      const result = await drive(port, user, ['--pin', other, '--command', 'echo no']);
      const error = result.events.find((event) => event.startsWith('error 2'));
      assert.equal(error?.match(/SHA256:[A-Za-z0-9+/]{43}/g)?.length, 2, result.err);
      assert.equal(result.out, '');
      const right = await drive(port, user, [
        '--pin',
        other,
        '--pin',
        pins[0],
        '--command',
        'echo yes',
      ]);
      assert.equal(right.out, 'yes\n');
    }));

  test('the pinned type is asked for, not the first one', () =>
    withServer({keys: ['ed25519', 'ecdsa', 'rsa']}, async ({port, pins}) => {
      for (const pin of pins) {
        const result = await drive(port, user, ['--pin', pin, '--command', 'echo yes']);
        assert.equal(result.out, 'yes\n', result.err);
        assertUsed(result, pin.split(' ')[0]);
      }
    }));

  test('an unknown user, a server without `none`', () =>
    withServer({lines: ['PermitEmptyPasswords no']}, async ({port}) => {
      const result = await drive(port, user);
      assert.match(
        result.events.join('\n'),
        /error 3 The server wants ".*" to log in by publickey,password/,
      );
      assert.equal(result.code, 255);
    }));

  test('no common algorithm', () =>
    withServer({lines: ['Ciphers aes128-cbc']}, async ({port}) => {
      const result = await drive(port, user);
      assert.match(result.events.join('\n'), /error 1 .*no algorithm in common/);
    }));
});

describe('x/crypto/ssh', () => {
  async function withServer(flags, body) {
    const server = await startGoServer(flags);
    try {
      await body(server);
    } finally {
      await server.stop();
    }
  }

  const configurations = [
    ['ed25519', ['-hostkey', 'ed25519'], 'ssh-ed25519'],
    ['ecdsa256', ['-hostkey', 'ecdsa256'], 'ecdsa-sha2-nistp256'],
    ['ecdsa384', ['-hostkey', 'ecdsa384'], 'ecdsa-sha2-nistp384'],
    ['ecdsa521', ['-hostkey', 'ecdsa521'], 'ecdsa-sha2-nistp521'],
    ['rsa', ['-hostkey', 'rsa'], 'ssh-rsa'],
    ['aes128-gcm', ['-ciphers', 'aes128-gcm@openssh.com'], 'aes128-gcm'],
    ['aes256-gcm', ['-ciphers', 'aes256-gcm@openssh.com'], 'aes256-gcm'],
    [
      'aes256-ctr etm',
      ['-ciphers', 'aes256-ctr', '-macs', 'hmac-sha2-512-etm@openssh.com'],
      'aes256-ctr',
    ],
    ['aes128-ctr', ['-ciphers', 'aes128-ctr', '-macs', 'hmac-sha2-256'], 'aes128-ctr'],
    ['nistp521', ['-kex', 'ecdh-sha2-nistp521'], ''],
    ['group16', ['-kex', 'diffie-hellman-group16-sha512'], ''],
    ['new keys every 100 kB', ['-rekey', '100000'], ''],
  ];
  for (const [name, flags, used] of configurations) {
    test(`${name}: 2 MB through cat`, () =>
      withServer(flags, async ({port, pins}) => {
        const bytes = randomBytes(2 * MB);
        const result = await drive(port, 'anybody', ['--pin', pins[0], '--command', 'cat'], bytes);
        assert.equal(result.code, 0, result.err);
        assert.equal(sha256(result.bytes), sha256(bytes));
        assertUsed(result, used);
      }));
  }

  test('a shell on a terminal', () =>
    withServer([], async ({port}) => {
      const options = ['--pty', '24x80', '--resize', '50x132', '--env', 'COLORTERM=truecolor'];
      const result = await drive(
        port,
        'anybody',
        options,
        'sleep 0.3; stty size; echo $COLORTERM; exit 4\n',
      );
      assert.match(result.out, /50 132/);
      assert.match(result.out, /truecolor/);
      assert.equal(result.code, 4);
    }));

  test('what the user names do', () =>
    withServer([], async ({port}) => {
      const check = await drive(port, 'check', ['--command', 'echo in']);
      assert.equal(check.out, 'in\n', check.err);
      const banners = check.events.filter((event) => event.startsWith('banner'));
      assert.deepEqual(banners, [
        'banner 0 # visit https://login.example/a/1',
        'banner 0 # thank you',
      ]);

      const refused = await drive(port, 'refused');
      assert.ok(has(refused, 'banner 0 tailnet policy does not permit'), refused.err);
      assert.ok(has(refused, 'error 3 The node refused "refused"'), refused.err);

      const denied = await drive(port, 'denied');
      assert.ok(has(denied, 'error 3 The server wants "denied" to log in by password'), denied.err);

      const noshell = await drive(port, 'noshell', ['--command', 'x']);
      assert.ok(has(noshell, 'error 4 The server does not start the command'), noshell.err);
      const nopty = await drive(port, 'noshell', ['--pty', '24x80']);
      assert.ok(has(nopty, 'error 4 The server gives no terminal'), nopty.err);
      const nochannel = await drive(port, 'nochannel');
      assert.ok(
        has(nochannel, 'error 4 The server opens no session: no sessions today'),
        nochannel.err,
      );

      const keepalive = await drive(port, 'keepalive', ['--command', 'x']);
      assert.equal(keepalive.out, 'ten answers\n', keepalive.err);
      const signal = await drive(port, 'signal', ['--command', 'x']);
      assert.ok(has(signal, 'exit 0  TERM'), signal.err);
      const vanish = await drive(port, 'vanish', ['--command', 'x']);
      assert.equal(vanish.out, 'last words\n', vanish.err);
      assert.ok(has(vanish, 'error 5 The connection to the server broke'), vanish.err);

      const rejected = await drive(port, 'anybody', ['--reject']);
      assert.ok(has(rejected, 'error 2 The host key was not accepted'), rejected.err);
    }));
});

describe('no SSH server', () => {
  async function against(answer, body) {
    const sockets = new Set();
    const server = createServer((socket) => {
      sockets.add(socket);
      socket.on('error', () => {});
      answer(socket);
    });
    await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
    try {
      await body(await drive(server.address().port, 'x'));
    } finally {
      for (const socket of sockets) socket.destroy();
      server.close();
    }
  }

  test('says so, with its first line', async () => {
    await against(
      (socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'),
      (result) =>
        assert.ok(
          has(result, 'error 1 This is not an SSH server: it says "HTTP/1.1 400 Bad Request"'),
          result.err,
        ),
    );
    await against(
      (socket) => socket.end(),
      (result) =>
        assert.ok(
          has(result, 'error 1 The connection was closed before an SSH server answered'),
          result.err,
        ),
    );
    await against(
      (socket) => socket.end('SSH-1.5-old\r\n'),
      (result) => assert.ok(has(result, 'error 1 The server speaks no SSH version 2'), result.err),
    );
  });
});
