// SSH connections against real servers: shared, kept, broken, tried again, one inside the other.
//
//   page ── tailnet ── node ── 127.0.0.1:door (counts) ── OpenSSH | Dropbear | sshd-go
import assert from 'node:assert/strict';
import {createHash, randomBytes} from 'node:crypto';
import {after, before, describe, test} from 'node:test';
import {door} from '../support/door.mjs';
import {opensshMissing, startOpenSSH, startServers} from '../support/ssh_servers.mjs';
import {until} from '../support/process.mjs';
import {Testnet, tcpServer} from '../support/testnet.mjs';

const SESSIONS = 100;
const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex');

async function readAll(readable) {
  const chunks = [];
  for await (const chunk of readable) chunks.push(chunk);
  return Buffer.concat(chunks);
}

describe('connections', {skip: opensshMissing() ?? false}, () => {
  let net, page, servers, user, way;

  before(async () => {
    net = await Testnet.start();
    await net.node('alpha');
    page = await net.page();
    servers = await startServers();
    user = servers.account;
  });
  after(async () => {
    way?.close();
    await servers?.stop();
    await net?.stop();
  });

  /** A door of its own for each test, so nothing is shared with the others. */
  async function access(more = {}, server = servers.openssh) {
    way?.close();
    way = await door(server.port);
    return options(way.port, more);
  }

  function options(port, more = {}) {
    return {port, password: servers.password, verifyHostKey: () => true, ...more};
  }

  /** A shell that is open; said.done settles when it is over. */
  async function shell(host, opts) {
    const said = {out: '', error: undefined};
    const decoder = new TextDecoder();
    said.done = new Promise((resolve) => {
      said.session = page.ipn.ssh(host, user, {
        setReadFn: (type) => (said.type = type),
        writeErrorFn: () => {},
        ...opts,
        onData: (bytes) => void (said.out += decoder.decode(bytes, {stream: true})),
        onError: (error) => (said.error = error),
        onConnected: () => (said.connected = true),
        onDone: resolve,
      });
    });
    await Promise.race([until('the shell', () => said.connected), said.done]);
    return said;
  }

  async function echoes(said, word) {
    said.type(`echo ${word}$((40+2))\n`);
    await until(`${word}42 among ${said.out}`, () => said.out.includes(`${word}42`));
  }

  test('two shells use one connection, which outlives both', async () => {
    const opts = await access();
    const one = await shell('alpha', opts);
    const two = await shell('alpha', opts);
    await echoes(one, 'one');
    await echoes(two, 'two');
    one.session.close();
    await one.done;
    await echoes(two, 'still');
    two.session.close();
    await two.done;
    assert.equal(way.open, 1);
    const three = await shell('alpha', opts);
    await echoes(three, 'three');
    three.session.close();
    await three.done;
    assert.equal(way.count, 1);
    const own = await shell('alpha', {...opts, reuse: false});
    own.session.close();
    await until('its own connection is gone', () => way.open === 1);
    assert.equal(way.count, 2);
  });

  test('a wrong password is not let in by a connection that is there', async () => {
    const opts = await access();
    const one = await shell('alpha', opts);
    const two = await shell('alpha', {...opts, password: 'wrong'});
    assert.equal(two.connected, undefined);
    assert.equal(two.error.beforeAuthentication, false);
    one.session.close();
    await one.done;
  });

  test(`${SESSIONS} sessions at once on one node`, async () => {
    const opts = await access();
    const results = await Promise.all(
      Array.from({length: SESSIONS}, (_, i) =>
        page.ipn.exec('alpha', user, `echo ${i}`, {...opts, timeoutSeconds: 60}),
      ),
    );
    assert.deepEqual(
      results.map((result) => result.text().trim()),
      results.map((_, i) => String(i)),
    );
    assert.ok(way.count <= SESSIONS / 10, `${way.count} connections`);
  });

  test('40 connections at once to a server that takes ten logins at a time', async () => {
    const strict = await startOpenSSH({lines: ['MaxStartups 10:100:10']});
    const opts = await access({reuse: false, timeoutSeconds: 30}, strict);
    await page.ipn.exec('alpha', user, 'true', opts); // its host key is known from here on
    const results = await Promise.all(
      Array.from({length: 40}, (_, i) => page.ipn.exec('alpha', user, `echo ${i}`, opts)),
    ).finally(() => strict.stop());
    assert.deepEqual(
      results.map((result) => result.text().trim()),
      results.map((_, i) => String(i)),
    );
    assert.equal(way.count, 41);
  });

  test('a connection that breaks ends each of its shells with the reason; the next is new', async () => {
    const opts = await access();
    const [one, two] = await Promise.all([shell('alpha', opts), shell('alpha', opts)]);
    way.cut();
    await Promise.all([one.done, two.done]);
    for (const said of [one, two]) {
      assert.equal(said.error.code, 'connection-lost');
      assert.equal(said.error.beforeAuthentication, false);
    }
    const three = await shell('alpha', opts);
    await echoes(three, 'new');
    three.session.close();
    await three.done;
    assert.equal(way.count, 2);
  });

  test('a kept connection that died unnoticed costs no new shell', async () => {
    const opts = await access({timeoutSeconds: 20});
    const one = await shell('alpha', opts);
    one.session.close();
    await one.done;
    for (const [how, fail] of [
      ['cut', () => way.cut()],
      ['dead', () => way.deaden()],
    ]) {
      fail();
      const next = await shell('alpha', opts);
      assert.equal(next.error, undefined);
      await echoes(next, how);
      next.session.close();
      await next.done;
    }
    assert.equal(way.count, 3);
  });

  test('failures before the login are tried again, as often as asked', async () => {
    const opts = await access({retries: 3, retryDelaySeconds: 0.2});
    way.refuse = 2;
    const one = await shell('alpha', opts);
    assert.equal(one.error, undefined);
    assert.equal(way.count, 3);
    one.session.close();
    await one.done;
    way.refuse = 100;
    const two = await shell('alpha', {...opts, reuse: false});
    assert.equal(two.connected, undefined);
    assert.equal(two.error.beforeAuthentication, true);
    assert.equal(way.count, 3 + 4);
    way.refuse = 0;
    const three = await shell('alpha', {...opts, reuse: false, password: 'wrong'});
    assert.equal(three.error.code, 'ssh-refused');
    assert.equal(way.count, 8, 'a refusal is final');
  });

  test('a forward: 5 MB there and back, several at once, and one that is refused', async () => {
    const echo = await tcpServer((socket) => socket.pipe(socket));
    const opts = await access();
    const one = await shell('alpha', opts);
    const bytes = randomBytes(5 << 20);
    const loops = [1, 2].map(async () => {
      const forward = one.session.forward('127.0.0.1', echo.port);
      await forward.opened;
      const writer = forward.writable.getWriter();
      const writing = (async () => {
        for (let at = 0; at < bytes.length; at += 50_000)
          await writer.write(bytes.subarray(at, at + 50_000));
        await writer.close();
      })();
      const back = await readAll(forward.readable);
      await writing;
      assert.equal(sha256(back), sha256(bytes));
    });
    await Promise.all(loops);
    const closed = one.session.forward('127.0.0.1', 1);
    await assert.rejects(closed.opened);
    echo.close();
    await echoes(one, 'unharmed');
    assert.equal(way.count, 1);
    one.session.close();
    await one.done;
  });

  test('two hops: OpenSSH, then Dropbear, then x/crypto/ssh, and down again', async () => {
    const opts = await access();
    const one = await shell('alpha', opts);
    const toDropbear = one.session.forward('127.0.0.1', servers.dropbear.port);
    const two = await shell('dropbear', options(servers.dropbear.port, {via: toDropbear}));
    assert.equal(two.error, undefined);
    await echoes(two, 'dropbear');
    const toGo = two.session.forward('127.0.0.1', servers.go.port);
    const three = await page.ipn.exec('go', 'password', 'echo', {
      ...options(servers.go.port, {via: toGo}),
    });
    assert.ok(three);
    assert.equal(way.count, 1);
    const again = await shell('dropbear', options(servers.dropbear.port, {via: toDropbear}));
    await echoes(again, 'shared');
    two.session.close(); // its forward goes with it, the connection under it stays
    await two.done;
    await echoes(again, 'alive');
    one.session.close();
    await Promise.all([one.done, again.done]);
    assert.equal(again.error.code, 'connection-lost');
  });

  test('close() says goodbye on connections that are kept', async () => {
    const opts = await access();
    const other = await net.page({hostname: 'leaver'});
    await other.ipn.exec('alpha', user, 'true', opts);
    assert.equal(way.open, 1);
    await other.ipn.close();
    await until('the connection is gone', () => way.open === 0);
  });
});
