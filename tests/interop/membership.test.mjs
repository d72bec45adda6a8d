// What an admin does to our node while a shell is open on it, and to other nodes.
import assert from 'node:assert/strict';
import {userInfo} from 'node:os';
import {after, before, describe, test} from 'node:test';
import {until} from '../support/process.mjs';
import {Testnet} from '../support/testnet.mjs';
import {Shell} from '../support/traffic.mjs';

const user = userInfo().username;
const isLong = process.env.MESHTERM_LONG === '1';

for (const headscale of isLong ? ['headscale', 'headscale-0.28'] : ['headscale']) {
  describe(`with ${headscale}`, () => {
    let net;
    before(async () => {
      net = await Testnet.start({headscale});
      await net.node('alpha');
    });
    after(() => net?.stop());

    /** A page with a shell that is typed into all the time. */
    async function visit(hostname) {
      const page = await net.page({hostname});
      const shell = await Shell.start({ipn: page.ipn, host: 'alpha', user, everyMs: 200});
      net.stopping.unshift(async () => clearInterval(shell.timer));
      return {page, shell};
    }

    async function admin(what, hostname, ...more) {
      const {id} = (await net.headscale.nodes()).find((n) => n.given_name === hostname);
      await net.headscale.cli('nodes', what, '-i', String(id), ...more);
    }

    const needsLogin = (page) =>
      until('NeedsLogin', () => page.states.at(-1) === 'NeedsLogin', {timeout: 60_000});

    async function logIn(page) {
      page.ipn.login();
      const url = await until('a page to visit', () => page.urls.at(-1));
      await net.headscale.register(url.split('/').pop());
      await page.running();
    }

    test('expired: told in words; a login brings it back, nothing is lost', async () => {
      const {page, shell} = await visit('expired');
      const {nodeKey, addresses} = page.netmap.self;
      await admin('expire', 'expired');
      await needsLogin(page);
      const problem = page.problems.at(-1);
      assert.equal(problem.retrying, false);
      assert.match(problem.message, /^This node's key has expired/);
      await logIn(page);
      assert.deepEqual(page.netmap.self.addresses, addresses);
      assert.notEqual(page.netmap.self.nodeKey, nodeKey);
      await shell.goesOn();
      await shell.stop();
    });

    test('others renamed, tagged, hidden by the policy, expired, deleted: told at once', async () => {
      const known = new Map();
      const onPeersChanged = ({whole, changed, removed}) => {
        if (whole) known.clear();
        for (const peer of changed) known.set(peer.id, peer);
        for (const id of removed) known.delete(id);
      };
      const page = await net.page({hostname: 'watcher', callbacks: {onPeersChanged}});
      const beta = await net.node('beta');
      const find = (name) => [...known.values()].find((peer) => peer.name === `${name}.tail.test`);
      await until('beta is online', () => find('beta')?.online);
      await admin('rename', 'beta', 'gamma');
      const {id} = await until('gamma', () => find('gamma'));
      assert.equal(find('beta'), undefined);
      assert.match((await page.ssh('gamma', user, {command: 'echo renamed'})).text, /^renamed/);
      const {policy} = net.headscale;
      const hidden = {...policy, acls: [{action: 'accept', src: ['tag:x'], dst: ['tag:x:*']}]};
      await net.headscale.setPolicy({...hidden, tagOwners: {'tag:x': ['demo@']}});
      await until('nobody is seen', () => known.size === 0);
      await net.headscale.setPolicy({...policy, tagOwners: {'tag:x': ['demo@']}});
      await until('gamma is seen again', () => known.get(id), {timeout: 60_000});
      await admin('tag', 'gamma', '-t', 'tag:x');
      await until('it is tagged', () => known.get(id)?.tags.includes('tag:x'));
      assert.equal(known.get(id).expired, false);
      await admin('expire', 'gamma');
      await until('it has expired', () => known.get(id)?.expired);
      const said = await page.ssh('gamma', user);
      assert.match(said.errors.join(''), /key of gamma has expired/);
      await admin('delete', 'gamma', '--force');
      await until('it is gone', () => !known.has(id));
      await beta.stop();
      assert.deepEqual(page.states, ['NoState', 'Starting', 'Running']);
    });

    if (!isLong) return; // tests/e2e/hub_membership.test.mjs does the same in half the time
    test('deleted: told in words; a login brings it back', async () => {
      const {page, shell} = await visit('deleted');
      await admin('delete', 'deleted', '--force');
      await needsLogin(page);
      assert.deepEqual(
        page.problems.map(({code}) => code),
        ['node-deleted', 'node-deleted'],
      );
      assert.match(page.problems[0].message, /^The control server has removed this node/);
      await logIn(page);
      assert.match((await page.ssh('alpha', user, {command: 'echo back'})).text, /^back/);
      clearInterval(shell.timer);
    });
  });
}
