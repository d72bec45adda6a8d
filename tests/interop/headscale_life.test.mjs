/*
 * Headscale moves to another address behind its name, and becomes a newer release on the same
 * database, under an open shell. Page and node know it by the proxy only, its relay too:
 *
 *   page, alpha ── FaultProxy ── Headscale 0.28 at a port, at another; Headscale 0.29.3
 */
import assert from 'node:assert/strict';
import {userInfo} from 'node:os';
import path from 'node:path';
import {after, before, describe, test} from 'node:test';
import {FaultProxy} from '../support/fault_proxy.mjs';
import {peers} from '../support/peers.mjs';
import {freePort, until} from '../support/process.mjs';
import {Testnet} from '../support/testnet.mjs';
import {Shell} from '../support/traffic.mjs';

const skip = process.env.MESHTERM_LONG === '1' ? false : 'npm run test:long';

describe('Headscale, over time', {skip}, () => {
  let net, proxy, page, shell;

  before(async () => {
    const port = await freePort();
    proxy = await FaultProxy.start(port);
    net = await Testnet.start({headscale: 'headscale-0.28', port, url: proxy.url});
    await net.node('alpha');
    page = await net.page({authKey: await net.headscale.authKey({ephemeral: false})});
    const user = userInfo().username;
    shell = await Shell.start({ipn: page.ipn, host: 'alpha', user, everyMs: 200});
  });
  after(async () => {
    clearInterval(shell?.timer);
    await net?.stop();
    await proxy?.close();
  });

  /** The shell goes on, the control server's map comes, and nobody was asked for anything. */
  async function goesOn() {
    const {typed} = shell;
    await until(
      'the shell answers',
      () => {
        assert.equal(shell.problem, undefined);
        return shell.answered >= typed + 3;
      },
      {timeout: 90_000},
    );
    await until('the control server, too', () => page.ipn.status().control.state === 'connected');
    await until('alpha is online', () => page.peer('alpha')?.online, {timeout: 60_000});
    assert.ok(
      page.problems.every(({retrying}) => retrying),
      JSON.stringify(page.problems),
    );
    assert.deepEqual(page.states, ['NoState', 'Starting', 'Running']);
  }

  test('it moves to another address behind the same name', async () => {
    const {self} = page.netmap;
    proxy.target = await freePort();
    await net.headscale.become({port: proxy.target});
    await goesOn();
    assert.deepEqual(page.netmap.self, self);
  });

  test('it is upgraded from 0.28 to 0.29.3 on the same database', async () => {
    const {headscale} = await peers('headscale');
    await net.headscale.become({binary: path.join(headscale, 'headscale')});
    await goesOn();
    await net.node('beta');
    await until('a node that joins now is seen', () => page.peer('beta')?.online);
  });

  test('every line was answered, once', () => shell.stop());
});
