// What surrounds a log-in: odd banners, servers that hang or flood, retries, timeouts.
import {assert, runSSH, until} from '../kit.mjs';

const accept = () => true;

function go({ipn, env}, user, options = {}) {
  return runSSH(ipn, 'alpha', user, {
    port: env.ports.go,
    command: 'echo in',
    verifyHostKey: accept,
    ...options,
  });
}

export const cases = [
  {
    name: 'banners that are empty, odd, long or no UTF-8 arrive, and do no harm',
    async run(t) {
      const said = await go(t, 'banners');
      assert.same(said.errors, []);
      assert.equal(said.text, 'in\n');
      const all = said.banners.join('');
      assert.ok(all.includes('no line end'), all);
      assert.ok(all.split('long ').length === 6001, 'the long one is whole');
    },
  },
  {
    name: 'a zero byte in a banner does no harm',
    async run(t) {
      const said = await go(t, 'nul');
      assert.same(said.errors, []);
      assert.equal(said.text, 'in\n');
    },
  },
  {
    name: 'banners without end end in a sentence, or at our close',
    async run(t) {
      const said = await go(t, 'flood', {
        timeoutSeconds: 10,
        onStart: async (session, s) => {
          await until('banners', () => s.banners.length > 100 || s.isOver);
          session.close();
        },
      });
      assert.equal(said.connected, false);
    },
  },
  {
    name: 'a server that waits for ever after a banner is left by close()',
    async run(t) {
      const said = await go(t, 'forever', {
        onStart: async (session, s) => {
          await until('the banner', () => s.banners.length);
          assert.equal(session.close(), true);
        },
      });
      assert.equal(said.connected, false);
      assert.same(said.errors, []);
    },
  },
  {
    name: 'a server that says nothing: the timeout, in words',
    async run({ipn, env}) {
      const said = await runSSH(ipn, 'alpha', 'anybody', {
        port: env.ports.silent,
        timeoutSeconds: 2,
      });
      assert.equal(said.errors.length, 1);
      assert.match(said.errors[0], /within 2 s/);
    },
  },
  {
    name: 'a refusal is not tried again',
    async run(t) {
      const said = await go(t, 'denied', {retries: 3, retryDelaySeconds: 0});
      assert.equal(said.errors.length, 1);
      assert.ok(!said.progress.some((line) => /again/i.test(line)), said.progress.join());
    },
  },
  {
    name: 'a failure before authentication is tried again, as often as asked',
    async run({ipn, deed}) {
      const port = await deed('lateServer', 3000);
      const options = {port, command: 'echo in', verifyHostKey: accept, retryDelaySeconds: 1};
      const once = await runSSH(ipn, 'alpha', 'anybody', {...options, retries: 0});
      assert.equal(once.connected, false);
      const said = await runSSH(ipn, 'alpha', 'anybody', {...options, retries: 20});
      assert.same(said.errors, []);
      assert.equal(said.text, 'in\n');
    },
  },
  {
    name: 'what was negotiated can be read',
    async run(t) {
      const {info} = await go(t, 'anybody');
      assert.match(info.serverVersion, /^SSH-2\.0-Go/);
      assert.match(info.kex, /^curve25519-sha256/);
      for (const name of ['cipherIn', 'cipherOut']) assert.match(info[name], /\S/);
      assert.match(info.hostKeyFingerprint, /^SHA256:/);
      assert.equal(info.authMethod, 'none');
    },
  },
];
