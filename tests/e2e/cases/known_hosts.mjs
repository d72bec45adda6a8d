// Known hosts: asked once, kept, exported and imported as OpenSSH's known_hosts; a changed key.
import {assert} from '../kit.mjs';

function login({ipn, env}, options = {}) {
  return ipn.exec('alpha', env.account, 'echo in', {
    port: env.ports.openssh,
    privateKey: env.key.privateKey,
    timeoutSeconds: 20,
    reuse: false,
    ...options,
  });
}

/** The text after one accepted login. */
async function accepted(t) {
  const asked = [];
  await login(t, {verifyHostKey: (key) => (asked.push(key), true)});
  assert.equal(asked.length, 1);
  return {key: asked[0], text: await t.ipn.knownHosts.export()};
}

/** The same line with another key of the same type. */
function forged(text, other) {
  const [type, blob] = other.publicKey.split(' ');
  return text.replace(new RegExp(`${type} \\S+`), `${type} ${blob}`);
}

export const cases = [
  {
    name: 'asked once, then known; a line as OpenSSH has it',
    alone: true,
    async run(t) {
      const {key, text} = await accepted(t);
      const [type, blob] = t.env.pins.openssh.split(' ');
      assert.ok(text.includes(`${type} ${blob}`), text);
      assert.match(text, new RegExp(`^\\[alpha\\S*\\]:${t.env.ports.openssh}[ ,]`));
      const result = await login(t, {verifyHostKey: () => assert.fail('it asked again')});
      assert.equal(result.text(), 'in\n');
      const [entry] = await t.ipn.knownHosts.list();
      assert.same([entry.type, entry.key], [type, blob]);
      assert.equal(entry.fingerprint, key.fingerprint);
    },
  },
  {
    name: 'the picture of a fingerprint, as ssh draws it',
    alone: true,
    async run(t) {
      const {key} = await accepted(t);
      const lines = key.randomart().split('\n').filter(Boolean);
      assert.equal(lines.length, 11);
      assert.match(lines[0], /^\+-+\[ED25519 256\]-+\+$/);
      assert.match(lines[10], /^\+-+\[SHA256\]-+\+$/);
      const drawn = await t.deed('randomart', t.env.pins.openssh);
      assert.equal(lines.join('\n'), drawn.trim());
    },
  },
  {
    name: 'imported, it is not asked about; removed, it is',
    alone: true,
    async run(t) {
      const {text} = await accepted(t);
      const other = await t.join({hostname: 'importer'});
      const there = {...t, ipn: other};
      await other.knownHosts.import(text);
      const result = await login(there);
      assert.equal(result.text(), 'in\n');
      assert.equal(await other.knownHosts.remove('alpha', t.env.ports.openssh), true);
      assert.equal(await other.knownHosts.remove('alpha', t.env.ports.openssh), false);
      await assert.rejects(login(there), /not known/);
    },
  },
  {
    name: 'a line with hashed names, as ssh-keygen -H makes it, does as well',
    alone: true,
    async run(t) {
      const {text} = await accepted(t);
      const [names] = text.trim().split(' ');
      const hashed = await t.deed('hashKnownHosts', text);
      assert.match(hashed, /^\|1\|/);
      assert.ok(!hashed.includes(names), hashed);
      await t.ipn.knownHosts.import(hashed, {replace: true});
      assert.equal((await login(t)).text(), 'in\n');
    },
  },
  {
    name: 'a changed key is refused, with both fingerprints, and nobody is asked',
    alone: true,
    async run(t) {
      const {key, text} = await accepted(t);
      const other = await t.deed('makeKey', {});
      await t.ipn.knownHosts.import(forged(text, other), {replace: true});
      const error = await assert.rejects(
        login(t, {verifyHostKey: () => assert.fail('it asked')}),
        /SHA256:/,
      );
      assert.equal(error.code, 'host-key-changed');
      assert.ok(error.message.includes(key.fingerprint), error.message);
      assert.ok(error.message.includes(other.fingerprint), error.message);
      assert.equal(error.hostKey.fingerprint, key.fingerprint);
      assert.equal(error.hostKey.knownFingerprint, other.fingerprint);
    },
  },
  {
    name: 'a changed key takes the known one’s place where it is meant to',
    alone: true,
    async run(t) {
      const {key, text} = await accepted(t);
      const other = await t.deed('makeKey', {});
      await t.ipn.knownHosts.import(forged(text, other), {replace: true});
      await assert.rejects(login(t, {replaceHostKey: other.fingerprint}), /SHA256:/);
      const result = await login(t, {replaceHostKey: key.fingerprint});
      assert.equal(result.text(), 'in\n');
      const after = await t.ipn.knownHosts.export();
      assert.ok(!after.includes(other.publicKey.split(' ')[1]), after);
      assert.equal((await login(t)).text(), 'in\n');
    },
  },
  {
    name: 'a revoked key is refused',
    alone: true,
    async run(t) {
      const {text} = await accepted(t);
      await t.ipn.knownHosts.import(`@revoked ${text}`, {replace: true});
      await assert.rejects(login(t, {verifyHostKey: () => true}), /revoked/i);
    },
  },
  {
    name: 'what is no known_hosts is refused whole',
    alone: true,
    async run(t) {
      const {text} = await accepted(t);
      await assert.rejects(
        (async () => t.ipn.knownHosts.import('rubbish\n', {replace: true}))(),
        /\S/,
      );
      assert.equal(await t.ipn.knownHosts.export(), text);
    },
  },
];
