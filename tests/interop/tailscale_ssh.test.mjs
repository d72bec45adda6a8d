/*
 * Tailscale SSH as releases of Tailscale have it, with Headscale 0.29's rules:
 *
 *   page (this process) ── DERP ── tailscaled 1.102.5 or 1.80.3 --ssh      tag:check, tag:hour, none
 *        a person ── headscale auth approve | reject --auth-id …
 */
import assert from 'node:assert/strict';
import {spawn} from 'node:child_process';
import {createHash, randomBytes} from 'node:crypto';
import {readFile} from 'node:fs/promises';
import {userInfo} from 'node:os';
import {pipeline} from 'node:stream';
import {after, before, describe, test} from 'node:test';
import {authIdIn, checkPolicy} from '../support/headscale.mjs';
import {peers} from '../support/peers.mjs';
import {run, until} from '../support/process.mjs';
import {drive, sha256} from '../support/ssh_drive.mjs';
import {Testnet, tcpServer} from '../support/testnet.mjs';

const user = userInfo().username;
const IMPATIENT = {command: 'echo in', timeoutSeconds: 1}; // a person takes longer
const PERSON_MS = 2500;

for (const release of ['tailscale', 'tailscale-1.80']) {
  describe(`Tailscale SSH of ${release}`, () => {
    let net, open, page;

    before(async () => {
      net = await Testnet.start({policy: checkPolicy([user])});
      open = await net.node('open', {release});
      await net.node('check', {release, tags: ['tag:check']});
      await net.node('hour', {release, tags: ['tag:hour']});
      page = await net.page();
    });
    after(() => net?.stop());

    /** Logs in, on a connection of its own; `person` is called with what the login is called. */
    function checked(host, person, {reuse = false} = {}) {
      return page.ssh(host, user, {
        ...IMPATIENT,
        reuse,
        onStart: async (session, said) => {
          const id = await until('the address to visit', () => authIdIn(said.banners.join('')));
          await person(id, session);
        },
      });
    }

    async function pendingChecks() {
      const log = await readFile(net.headscale.logFile, 'utf8');
      return log.split('SSH check pending').length - 1;
    }

    test('the release is what it should be, and says that it has Tailscale SSH', async () => {
      const versions = {tailscale: /^1\.102\.5/, 'tailscale-1.80': /^1\.80\.3/};
      const {[release]: dir} = await peers(release);
      assert.match(await run(`${dir}/tailscale`, ['version']), versions[release]);
      assert.equal(page.peer('open').tailscaleSSHEnabled, true);
    });

    test('a command: output, errors and exit code; bytes clean', async () => {
      const err = [];
      const said = await page.ssh('open', user, {
        command: "printf '\\000\\377\\n'; echo oops >&2; exit 7",
        onStderr: (bytes) => void err.push(Buffer.from(bytes)),
      });
      assert.deepEqual(said.errors, []);
      assert.deepEqual([...said.bytes], [0, 255, 10]);
      assert.equal(Buffer.concat(err).toString(), 'oops\n');
      assert.equal(said.exit.code, 7);
    });

    test('a shell with a terminal', async () => {
      const said = await page.ssh('open', user, {
        rows: 31,
        cols: 99,
        onStart: async (session, s) => {
          await until('the shell', () => s.type && s.out.length);
          s.type('stty size; exit\n');
        },
      });
      assert.deepEqual(said.errors, []);
      assert.match(said.text, /31 99\r\n/);
    });

    test('10 MB with equal SHA-256', async () => {
      const hash = createHash('sha256');
      const said = await page.ssh('open', user, {
        command: 'head -c 10000000 /dev/urandom | tee /dev/stderr | sha256sum',
        onStderr: (chunk) => void hash.update(chunk),
      });
      assert.equal(said.text.split(' ')[0], hash.digest('hex'));
    });

    test('new keys that we ask for, again and again, 3 MB both ways', async () => {
      const client = await net.node('client', {release}); // ssh_drive knows TCP alone
      const [address] = open.addresses;
      const server = await tcpServer((socket) => {
        const args = [`--socket=${client.socket}`, 'nc', address, '22'];
        const nc = spawn(`${client.binaries}/tailscale`, args, {
          stdio: ['pipe', 'pipe', 'ignore'],
        });
        pipeline(socket, nc.stdin, () => {});
        pipeline(nc.stdout, socket, () => {});
      });
      const bytes = randomBytes(3 << 20);
      const options = ['--rekey', '200000', '--command', 'cat'];
      const result = await drive(server.port, user, options, bytes);
      server.close();
      assert.equal(result.code, 0, result.err);
      assert.equal(sha256(result.bytes), sha256(bytes));
      const keys = result.events.find((event) => event.startsWith('exchanges '));
      assert.ok(Number(keys.split(' ')[1]) > 8, keys);
    });

    test('check: waits for the person, longer than any timeout, in one login', async () => {
      const before = await pendingChecks();
      const said = await checked('check', async (id, session) => {
        await new Promise((resolve) => setTimeout(resolve, PERSON_MS));
        assert.equal(session.info, undefined);
        await net.headscale.approve(id);
      });
      assert.deepEqual(said.errors, []);
      assert.equal(said.text, 'in\n');
      assert.equal((await pendingChecks()) - before, 1, 'one check, no retry into another');
    });

    test('check: refused by the person', async () => {
      const before = await pendingChecks();
      const said = await checked('check', (id) => net.headscale.reject(id));
      assert.equal(said.errors.length, 1);
      assert.match(said.errors[0], new RegExp(`"${user}"`));
      assert.equal(said.connected, false);
      assert.equal((await pendingChecks()) - before, 1);
    });

    test('check: the one who asked leaves while it waits', async () => {
      const said = await checked('check', (id, session) => session.close());
      assert.equal(said.connected, false);
      assert.deepEqual(said.errors, []);
    });

    test('check: a shell more on a connection that was let in asks nobody', async () => {
      const before = await pendingChecks();
      const first = await checked('check', (id) => net.headscale.approve(id), {reuse: true});
      assert.equal(first.text, 'in\n');
      const second = await page.ssh('check', user, {command: 'echo again'});
      assert.equal(second.text, 'again\n');
      assert.equal((await pendingChecks()) - before, 1);
    });

    test('check once in an hour: the second login is let in at once', async () => {
      const first = await checked('hour', (id) => net.headscale.approve(id));
      assert.equal(first.text, 'in\n');
      const second = await page.ssh('hour', user, {command: 'echo again', reuse: false});
      assert.equal(second.text, 'again\n');
      assert.deepEqual(second.banners, []);
    });
  });
}
