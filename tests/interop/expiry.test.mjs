/*
 * Node keys that run out by the clock, a real Headscale's, while bytes are on their way:
 *
 *   headscale nodes expire -e TIME ... node-key-expiring ... TIME
 *     early      login(key) in between     a new key before
 *     reusable   nothing                   a new key then, by its auth key
 *     once       nothing                   NeedsLogin, until login(key)
 *     pardoned   nothing                   NeedsLogin, until an admin gives it more time
 */
import assert from 'node:assert/strict';
import {userInfo} from 'node:os';
import {after, before, describe, test} from 'node:test';
import {defaultPolicy} from '../support/headscale.mjs';
import {until} from '../support/process.mjs';
import {Testnet} from '../support/testnet.mjs';
import {Shell, Transfer} from '../support/traffic.mjs';

const user = userInfo().username;
const isLong = process.env.MESHTERM_LONG === '1';
const AHEAD_MS = 25_000;
const FAR_TCP_MS = 150_000; // its next attempt may be two minutes away
const SILENT_MS = 100_000; // longer than Headscale here keeps an ephemeral node that is not there
const SHORT = '20s'; // as soon as that keys end where a server's configuration says so
const JOINED = ['NoState', 'Starting', 'Running'];

for (const headscale of isLong ? ['headscale', 'headscale-0.28'] : ['headscale']) {
  describe(`with ${headscale}`, () => {
    const visits = {};
    let net, alpha, expiry;
    before(async () => {
      net = await Testnet.start({headscale});
      alpha = await net.node('alpha');
      for (const hostname of ['early', 'reusable', 'once', 'pardoned'])
        visits[hostname] = await visit(hostname);
      const nodes = await net.headscale.nodes();
      expiry = Math.ceil((Date.now() + AHEAD_MS) / 1000) * 1000; // it is told in whole seconds
      const at = ['-e', new Date(expiry).toISOString()];
      for (const {id} of nodes.filter((n) => n.given_name in visits))
        await net.headscale.cli('nodes', 'expire', '-i', String(id), ...at);
    });
    after(() => net?.stop());

    /** A page with a shell that is typed into all the time, and a transfer each way. */
    async function visit(hostname) {
      const authKey = await net.headscale.authKey({reusable: hostname === 'reusable'});
      const page = await net.page({hostname, authKey});
      const {ipn} = page;
      const shell = await Shell.start({ipn, host: 'alpha', user, everyMs: 200});
      net.stopping.unshift(async () => clearInterval(shell.timer));
      const transfer = await Transfer.start({ipn, host: 'alpha', bytesPerSecond: 50_000});
      net.stopping.unshift(() => transfer.abandon());
      return {page, shell, transfer, nodeKey: page.netmap.self.nodeKey};
    }

    /** What was open goes on, and not a byte was lost or came twice. */
    async function nothingLost({shell, transfer}) {
      await shell.goesOn({timeout: FAR_TCP_MS});
      await shell.stop();
      await transfer.stop();
      assert.equal(transfer.error, undefined);
      assert.equal(transfer.up.wrongAt, undefined);
      assert.equal(transfer.down.wrongAt, undefined);
      assert.equal(transfer.down.bytes, transfer.sent.down);
    }

    const renewed = ({page, nodeKey}) =>
      until('a new key', () => page.netmap.self.nodeKey !== nodeKey, {timeout: AHEAD_MS + 30_000});

    test('told before; the node is joined as it was', async () => {
      for (const {page} of Object.values(visits)) {
        const problem = await page.problem('node-key-expiring');
        assert.match(problem.message, /^This node's key expires in 1 minute/);
        assert.equal(page.netmap.self.keyExpiry, expiry);
        assert.deepEqual(page.states, JOINED);
      }
    });

    test('renewed in time by login(key): nobody is asked, nothing is lost', async () => {
      const {page} = visits.early;
      page.ipn.login(await net.headscale.authKey());
      await renewed(visits.early);
      assert.ok(Date.now() < expiry, 'this machine was too slow for this test');
      await nothingLost(visits.early);
      assert.deepEqual(page.states, JOINED);
    });

    test('its time is over: said in words; login(key) brings it back, nothing is lost', async () => {
      const {page} = visits.once;
      const {addresses} = page.netmap.self;
      const {message, retrying} = await page.problem('node-key-expired', AHEAD_MS + 30_000);
      assert.ok(Date.now() >= expiry, 'not before its time');
      assert.match(message, /^This node's key has expired/);
      assert.equal(retrying, false);
      assert.deepEqual(page.states, [...JOINED, 'NeedsLogin']);
      await until('alpha takes nothing of it', async () => {
        const {Peer} = await alpha.status();
        return Object.values(Peer).find(({HostName}) => HostName === 'once').Expired;
      });
      if (isLong) await new Promise((resolve) => setTimeout(resolve, SILENT_MS));
      page.ipn.login(await net.headscale.authKey());
      await page.running();
      assert.deepEqual(page.netmap.self.addresses, addresses);
      await nothingLost(visits.once);
    });

    test('its time is over, and an admin gives it more: it goes on by itself', async () => {
      const {page} = visits.pardoned;
      await page.problem('node-key-expired');
      const {id} = (await net.headscale.nodes()).find((n) => n.given_name === 'pardoned');
      const later = new Date(Date.now() + 50 * 3600_000).toISOString();
      await net.headscale.cli('nodes', 'expire', '-i', String(id), '-e', later);
      await page.running();
      await nothingLost(visits.pardoned);
      assert.equal(page.ipn.status().keyExpiresAt, undefined);
      assert.deepEqual(page.states, [...JOINED, 'NeedsLogin', 'Running']);
    });

    test('its time is over, and its auth key is good still: renewed without a word', async () => {
      const {page} = visits.reusable;
      await renewed(visits.reusable);
      await nothingLost(visits.reusable);
      assert.ok(!page.states.includes('NeedsLogin'));
      assert.deepEqual(
        page.problems.map(({code}) => code),
        ['node-key-expiring'],
      );
      assert.equal(visits.early.page.states.at(-1), 'Running'); // hers ran out before she had another
    });
  });
}

describe(`a server whose keys last ${SHORT}`, {skip: !isLong}, () => {
  let net;
  before(async () => {
    const policy = {...defaultPolicy([user]), tagOwners: {'tag:stays': ['demo@']}};
    net = await Testnet.start({policy, nodeExpiry: SHORT});
    await net.node('alpha', {tags: ['tag:stays']});
  });
  after(() => net?.stop());

  test('renewed again and again by its auth key, under a transfer', async () => {
    const authKey = await net.headscale.authKey({reusable: true});
    const page = await net.page({authKey});
    const transfer = await Transfer.start({ipn: page.ipn, host: 'alpha', bytesPerSecond: 100_000});
    net.stopping.unshift(() => transfer.abandon());
    const keys = new Set();
    const isDone = () => keys.add(page.netmap.self.nodeKey).size === 4;
    await until('four keys', isDone, {timeout: 120_000});
    await transfer.stop();
    assert.equal(transfer.error, undefined);
    assert.equal(transfer.up.wrongAt, undefined);
    assert.equal(transfer.down.wrongAt, undefined);
    assert.equal(transfer.down.bytes, transfer.sent.down);
    assert.deepEqual(page.states, JOINED);
    assert.deepEqual(
      page.problems.map(({code}) => code),
      ['node-key-expiring'],
    );
  });
});
