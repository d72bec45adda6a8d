/*
 * A shell and a transfer each way while the network between the page and its servers fails:
 *
 *   page ─┬─ FaultProxy ── Headscale, control
 *         └─ FaultProxy ── Headscale, DERP ── alpha: shell, TCP server
 *
 * Not a byte may be lost, repeated or changed, and no session may end.
 */
import assert from 'node:assert/strict';
import {userInfo} from 'node:os';
import {after, before, beforeEach, describe, test} from 'node:test';
import {FaultProxy} from '../support/fault_proxy.mjs';
import {until} from '../support/process.mjs';
import {Testnet} from '../support/testnet.mjs';
import {Shell, Transfer} from '../support/traffic.mjs';

const user = userInfo().username;
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

describe('with a shell and a transfer each way', () => {
  let net, alpha, page, control, derp, shell, transfer;

  before(async () => {
    net = await Testnet.start();
    alpha = await net.node('alpha');
    control = await FaultProxy.start(net.headscale.port);
    derp = await FaultProxy.start(net.headscale.port);
    page = await net.page({
      authKey: await net.headscale.authKey({ephemeral: false}),
      controlURL: control.url,
      derpURLs: {'*': `${derp.url}/derp`},
    });
    const {ipn} = page;
    shell = await Shell.start({ipn, host: 'alpha', user, everyMs: 200});
    transfer = await Transfer.start({ipn, host: 'alpha', bytesPerSecond: 200_000});
  });
  after(async () => {
    clearInterval(shell?.timer);
    await net?.stop();
    await control?.close();
    await derp?.close();
  });
  beforeEach(() => moves());

  /** Everything that was typed is answered, and bytes flow in both directions. */
  async function moves() {
    const {typed} = shell;
    const {up, down} = transfer;
    const [upBytes, downBytes] = [transfer.sent.up, transfer.sent.down];
    await until(
      'all of it goes on',
      () => {
        assert.equal(shell.problem, undefined);
        assert.equal(transfer.error, undefined);
        return shell.answered > typed && up.bytes > upBytes && down.bytes > downBytes;
      },
      {timeout: 60_000},
    );
    assert.equal(up.wrongAt, undefined, 'the bytes up');
    assert.equal(down.wrongAt, undefined, 'the bytes down');
  }

  /** A connection that is quiet says something when it is asked whether it lives. */
  const isCorrupted = () =>
    until(
      'a byte was changed',
      () => {
        if (control.corrupting) page.ipn.reconnect();
        return !control.corrupting && !derp.corrupting;
      },
      {every: 500},
    );

  const both = (fault) => () => [control, derp].forEach(fault);
  const lasting =
    (ms, begin, end = (proxy) => proxy.up()) =>
    async () => {
      both(begin)();
      await sleep(ms);
      both(end)();
    };

  for (const [name, fault] of Object.entries({
    'the relay is cut': () => derp.cut(),
    'the control server is cut': () => control.cut(),
    'both are cut': both((proxy) => proxy.cut()),
    'both refuse for 2 s': lasting(2000, (proxy) => proxy.down('refuse')),
    'both stand still for 4 s': lasting(4000, (proxy) => proxy.down('stall')),
    'the network is gone for 5 s, what was open stays half-open': lasting(5000, (proxy) =>
      proxy.down('silent'),
    ),
    'both are half a second late': lasting(
      3000,
      (proxy) => proxy.delay(500),
      (proxy) => proxy.delay(0),
    ),
    'the relay is throttled to 20 kB/s': lasting(
      4000,
      () => derp.throttle(20_000),
      () => derp.throttle(0),
    ),
    'a byte from the relay is another': () => derp.corrupt('down'),
    'a byte to the relay is another': () => derp.corrupt('up'),
    'a byte from the control server is another': () => control.corrupt('down'),
    'Headscale restarts, its relay with it': () => net.headscale.restart(),
  }))
    test(name, async () => {
      await fault();
      if (name.includes('byte')) await isCorrupted();
      await moves();
    });

  test('the page is told of an outage, and of its end', async () => {
    both((proxy) => proxy.down('refuse'))();
    await until('both are said to be lost', () => {
      const {control: link, regions} = page.ipn.status();
      return link.state === 'reconnecting' && regions[0].state === 'reconnecting';
    });
    await until('and tried again', () => page.ipn.status().regions[0].retryAt > Date.now());
    const {control: link, regions} = page.ipn.status();
    assert.ok(link.lostAt <= Date.now() && link.error.length > 10, JSON.stringify(link));
    assert.match(regions[0].error, /cannot be reached|closed the connection/);
    both((proxy) => proxy.up())();
    page.ipn.reconnect();
    await until('both are there again', () => {
      const {control: now, regions: relays} = page.ipn.status();
      return now.state === 'connected' && relays[0].state === 'connected' && !now.error;
    });
  });

  test('all of it arrived, once', async () => {
    await shell.stop();
    await transfer.stop();
    assert.equal(transfer.up.bytes, transfer.sent.up);
    assert.equal(transfer.down.bytes, transfer.sent.down);
    assert.equal(transfer.up.wrongAt ?? transfer.down.wrongAt, undefined);
    assert.ok(alpha.addresses.length > 0);
  });
});
