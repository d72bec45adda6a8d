// Joining a real Headscale, and what a native node sees of us, with both supported releases.
import assert from 'node:assert/strict';
import {after, before, describe, test} from 'node:test';
import {Testnet} from '../support/testnet.mjs';
import {until} from '../support/process.mjs';

for (const headscale of ['headscale', 'headscale-0.28']) {
  describe(`with ${headscale}`, () => {
    let net, alpha, page;

    before(async () => {
      net = await Testnet.start({headscale});
      alpha = await net.node('alpha');
      page = await net.page();
    });
    after(() => net?.stop());

    test('states come in order, NoState first', () => {
      assert.deepEqual(page.states, ['NoState', 'Starting', 'Running']);
      assert.deepEqual(page.problems, []);
    });

    test('the netmap has ourselves and the node', () => {
      const {self} = page.netmap;
      assert.equal(self.hostname, 'page');
      assert.equal(self.name, 'page.tail.test');
      assert.equal(self.machineStatus, 'MachineAuthorized');
      assert.match(self.nodeKey, /^nodekey:[0-9a-f]{64}$/);
      assert.equal(self.addresses.length, 2);
      const peer = page.peer('alpha');
      assert.deepEqual(peer.addresses, alpha.addresses);
      assert.equal(peer.tailscaleSSHEnabled, true);
      assert.equal(peer.os, 'linux');
    });

    test('changes arrive: a node joins, goes away, is deleted', async () => {
      const beta = await net.node('beta', {ssh: false});
      await until('beta is online', () => page.peer('beta')?.online === true);
      assert.equal(page.peer('beta').tailscaleSSHEnabled, false);
      await beta.stop();
      await until('beta is offline', () => page.peer('beta')?.online === false);
      const {id} = (await net.headscale.nodes()).find((n) => n.given_name === 'beta');
      await net.headscale.cli('nodes', 'delete', '-i', String(id), '--force');
      await until('beta is gone', () => page.peer('beta') === undefined);
    });

    test('tailscale ping from the native node is answered through the relay', async () => {
      const said = await alpha.cli('ping', '--c', '1', '--until-direct=false', 'page');
      assert.match(said, /^pong from page .* via DERP\(local\)/);
    });

    test('tailscale ping --tsmp and --icmp are answered', async () => {
      const {addresses} = page.netmap.self;
      assert.match(await alpha.cli('ping', '--tsmp', '--c', '1', addresses[0]), /via TSMP/);
      assert.match(await alpha.cli('ping', '--icmp', '--c', '1', addresses[0]), /via ICMP/);
    });

    test('our ping is answered', async () => {
      const pong = await page.ipn.ping('alpha');
      assert.ok(pong.ms >= 0);
      assert.equal(pong.region, 'local');
      await assert.rejects(page.ipn.ping('nobody'), /nobody/);
    });

    test('logout deletes the ephemeral node at once', async () => {
      const other = await net.page({hostname: 'visitor'});
      const listed = async () => (await net.headscale.nodes()).some((n) => n.name === 'visitor');
      assert.equal(await listed(), true);
      await other.close();
      await until('the node is deleted', async () => !(await listed()), {timeout: 5000});
    });

    test('the control key from the configuration saves the request for it', async () => {
      const {publicKey} = await (await fetch(`${net.headscale.url}/key?v=113`)).json();
      const other = await net.page({hostname: 'keyed', controlKey: publicKey});
      assert.equal(other.netmap.self.hostname, 'keyed');
    });

    test('state is kept: the same node comes back under the same key', async () => {
      const kept = new Map();
      const stateStorage = {
        setState: (id, value) => void kept.set(id, value),
        getState: (id) => kept.get(id) ?? '',
      };
      const authKey = await net.headscale.authKey({ephemeral: false});
      const first = await net.page({hostname: 'keeper', stateStorage, authKey});
      const {nodeKey} = first.netmap.self;
      await first.close();
      const second = await net.page({hostname: 'keeper', stateStorage, authKey: ''});
      assert.equal(second.netmap.self.nodeKey, nodeKey);
      assert.deepEqual(second.problems, []);
    });

    test('interactive login asks for a page to visit', async () => {
      const other = await net.page({hostname: 'human', authKey: ''}, {joined: false});
      await until('NeedsLogin', () => other.states.at(-1) === 'NeedsLogin');
      other.ipn.login();
      const url = await until('a page to visit', () => other.urls[0]);
      assert.ok(url.startsWith(`${net.headscale.url}/register/`), url);
      await net.headscale.register(url.split('/').pop());
      await other.running();
    });
  });
}
