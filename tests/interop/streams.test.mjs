// TCP and SSH through the tunnel against real peers: bytes both ways, IPv4 and IPv6, names.
import assert from 'node:assert/strict';
import {createHash, randomBytes} from 'node:crypto';
import {createServer as createHttpServer} from 'node:http';
import {userInfo} from 'node:os';
import {after, before, describe, test} from 'node:test';
import {Testnet, tcpServer} from '../support/testnet.mjs';
import {until} from '../support/process.mjs';

const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex');
const user = userInfo().username;

async function readAll(readable) {
  const chunks = [];
  for await (const chunk of readable) chunks.push(chunk);
  return Buffer.concat(chunks);
}

async function writeAll(writable, bytes) {
  const writer = writable.getWriter();
  for (let at = 0; at < bytes.length; at += 50_000)
    await writer.write(bytes.subarray(at, at + 50_000));
  await writer.close();
}

for (const headscale of ['headscale', 'headscale-0.28']) {
  describe(`with ${headscale}`, () => {
    let net, alpha, page;

    before(async () => {
      net = await Testnet.start({headscale});
      alpha = await net.node('alpha');
      page = await net.page();
    });
    after(() => net?.stop());

    for (const family of ['IPv4', 'IPv6']) {
      test(`5 MB go to an echo server and come back, ${family}`, async () => {
        // A node in user space passes both families on to 127.0.0.1.
        const server = await tcpServer((socket) => socket.pipe(socket));
        const host = alpha.addresses[family === 'IPv4' ? 0 : 1];
        const stream = page.ipn.tcp(host, server.port);
        const bytes = randomBytes(5 << 20);
        const [back] = await Promise.all([
          readAll(stream.readable),
          writeAll(stream.writable, bytes),
        ]);
        server.close();
        assert.equal(back.length, bytes.length);
        assert.equal(sha256(back), sha256(bytes));
      });
    }

    test('a reader that stops stops the sender', async () => {
      let sent = 0;
      const server = await tcpServer((socket) => {
        const chunk = Buffer.alloc(65536);
        const more = () => {
          while (sent < 64 << 20) {
            sent += chunk.length;
            if (!socket.write(chunk)) return socket.once('drain', more);
          }
          socket.end();
        };
        more();
      });
      const stream = page.ipn.tcp('alpha', server.port);
      const reader = stream.readable.getReader();
      await reader.read();
      let before;
      await until(
        'the sender stands still',
        () => {
          const still = before === sent;
          before = sent;
          return still;
        },
        {every: 700},
      );
      assert.ok(sent < 40 << 20, `${sent} bytes were taken without a reader`);
      await reader.cancel();
      server.close();
    });

    for (const name of ['alpha', 'ALPHA', 'alpha.', 'alpha.tail.test', 'Alpha.Tail.Test.']) {
      test(`the name ${name} resolves`, async () => {
        const said = await page.ssh(name, user, {command: 'echo here'});
        assert.deepEqual(said.errors, []);
        assert.equal(said.text, 'here\n');
      });
    }

    test('a shell: types, resizes, leaves', async () => {
      const said = await page.ssh('alpha', user, {
        rows: 30,
        cols: 100,
        onStart: async (session, s) => {
          const text = () => Buffer.concat(s.out).toString();
          await until('the shell', () => s.type && text().length > 0);
          s.type('stty size; echo $TERM\n');
          await until('the size', () => /30 100\r\nxterm-256color/.test(text()));
          assert.equal(session.resize(41, 123), true);
          // The server takes a new size beside what is typed, not in its order.
          await until('the new size', () => s.type('stty size\n') ?? text().includes('41 123'));
          s.type('echo zwölf-漢字-👩‍💻\n');
          await until('the text', () => text().split('zwölf-漢字-👩‍💻').length > 2);
          s.type('exit\n');
        },
      });
      assert.deepEqual(said.errors, []);
      assert.equal(said.connected, true);
      assert.deepEqual(said.exit, {code: 0, signal: ''});
    });

    if (headscale === 'headscale')
      test('the environment of a terminal arrives where the policy accepts it', async () => {
        const said = await page.ssh('alpha', user, {
          pty: true,
          command: 'echo $TERM $LANG $COLORTERM $LC_X',
          env: {LC_X: 'x', REFUSED: 'y'},
        });
        assert.match(said.text, /xterm-256color C\.UTF-8 truecolor x\r\n/);
      });

    test('a command: exit code, stdout and stderr apart, bytes clean', async () => {
      const err = [];
      const said = await page.ssh('alpha', user, {
        command: "printf '\\000\\377\\n\\r\\n'; echo oops >&2; exit 7",
        onStderr: (bytes) => void err.push(Buffer.from(bytes)),
      });
      assert.deepEqual([...said.bytes], [0, 255, 10, 13, 10]);
      assert.equal(Buffer.concat(err).toString(), 'oops\n');
      assert.equal(said.exit.code, 7);
    });

    test('30 MB through SSH with equal SHA-256', async () => {
      const command = 'head -c 30000000 /dev/urandom | tee /dev/stderr | sha256sum';
      const hash = createHash('sha256');
      let bytes = 0;
      const said = await page.ssh('alpha', user, {
        command,
        onStderr: (chunk) => {
          bytes += chunk.length;
          hash.update(chunk);
        },
      });
      assert.equal(bytes, 30_000_000);
      assert.equal(said.text.split(' ')[0], hash.digest('hex'));
    });

    test('several sessions at once on one node', async () => {
      const all = await Promise.all(
        Array.from({length: 20}, (_, i) => page.ssh('alpha', user, {command: `echo ${i}`})),
      );
      assert.deepEqual(
        all.map((s) => s.text.trim().split('\n').at(-1)), // after what the account's shell says
        all.map((_, i) => `${i}`),
      );
    });

    test('fetch over the tailnet', async () => {
      const server = createHttpServer((request, response) => {
        response.writeHead(201, {'x-method': request.method});
        request.pipe(response);
      });
      await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
      const url = `http://alpha:${server.address().port}/x?y`;
      const response = await page.ipn.fetch(url, {method: 'POST', body: 'hello'});
      assert.equal(response.status, 201);
      assert.equal(response.headers.get('x-method'), 'POST');
      assert.equal(await response.text(), 'hello');
      server.close();
    });
  });
}
