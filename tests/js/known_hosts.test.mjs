/* ipn.knownHosts and ipn.generateSSHKey on a scripted core. */
import assert from 'node:assert/strict';
import {test} from 'node:test';
import {bytesOf, coreSays, makeWorld, settle, startedWorld} from './support/world.mjs';

const KEY = 'AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl'; // GitHub's
const LINE = `github.com,192.0.2.1 ssh-ed25519 ${KEY}`;

test('what the core remembers can be exported and listed', async () => {
  const world = await startedWorld();
  assert.equal(await world.ipn.knownHosts.export(), '');
  const text = `# mine\n${LINE} a comment\n\n@revoked [b]:2222 ssh-ed25519 ${KEY}\n`;
  await coreSays(world, {type: 'knownHosts', text});
  assert.equal(await world.ipn.knownHosts.export(), text);
  const fingerprint = 'SHA256:+DiY3wvvV6TuJJhbpZisF/zLDA0zPMSvHdkr4UvCOqU';
  assert.deepEqual(await world.ipn.knownHosts.list(), [
    {
      hosts: ['github.com', '192.0.2.1'],
      type: 'ssh-ed25519',
      key: KEY,
      comment: 'a comment',
      fingerprint,
    },
    {
      marker: '@revoked',
      hosts: ['[b]:2222'],
      type: 'ssh-ed25519',
      key: KEY,
      comment: '',
      fingerprint,
    },
  ]);
});

test('a line of long ago is listed without a fingerprint', async () => {
  const world = await startedWorld();
  await coreSays(world, {type: 'knownHosts', text: 'old 1024 65537 1234567890 rsa1\n'});
  const [entry] = await world.ipn.knownHosts.list();
  assert.deepEqual(entry.hosts, ['old']);
  assert.equal(entry.fingerprint, undefined);
});

test('import adds what is not there, or replaces everything', async () => {
  const world = await startedWorld();
  const {knownHosts} = world.ipn;
  world.core.on.knownHostsSet = (text) => void world.core.push({type: 'knownHosts', text});
  await knownHosts.import(`${LINE}\r\n`);
  await knownHosts.import(`other ssh-ed25519 ${KEY}\n\n${LINE}`);
  assert.equal(await knownHosts.export(), `${LINE}\nother ssh-ed25519 ${KEY}\n`);
  await knownHosts.import('# none\n', {replace: true});
  assert.equal(await knownHosts.export(), '# none\n');
});

test('import: a line that is none, and more than fits, are told', async () => {
  const {ipn, core} = await startedWorld();
  await assert.rejects(ipn.knownHosts.import(`${LINE}\nnonsense`), {
    name: 'TypeError',
    message: /line 2/,
  });
  for (const line of [
    'this is no such file',
    'h ssh-ed25519 AAAA',
    `h ssh-rsa ${KEY}`,
    'h ssh-rsa',
  ])
    await assert.rejects(ipn.knownHosts.import(line), {name: 'TypeError', message: /line 1/}, line);
  for (const args of [[5], ['a\0b'], ['', null], ['', {replace: 1}]])
    await assert.rejects(ipn.knownHosts.import(...args), TypeError);
  assert.equal(core.count('knownHostsSet'), 0);
  core.on.knownHostsSet = () => -2;
  await assert.rejects(ipn.knownHosts.import(LINE), /256 kB/);
});

test('remove says whether there was one', async () => {
  const {ipn, core} = await startedWorld();
  core.on.knownHostsRemove = (host, port) => Number(host === 'a' && port === 22);
  assert.equal(await ipn.knownHosts.remove('a'), true);
  assert.equal(await ipn.knownHosts.remove('a', 2222), false);
  await assert.rejects(ipn.knownHosts.remove(5), TypeError);
  await assert.rejects(ipn.knownHosts.remove('a', 0), TypeError);
});

test('what was stored is there before run(), and is kept in the state storage', async () => {
  const kept = new Map([['known-hosts', Buffer.from(btoa(`${LINE}\n`)).toString('hex')]]);
  const stateStorage = {
    getState: (id) => kept.get(id) ?? '',
    setState: (id, value) => void kept.set(id, value),
  };
  const world = makeWorld({stateStorage});
  assert.equal(await world.ipn.knownHosts.export(), `${LINE}\n`);
  await coreSays(world, {type: 'store', name: 'known-hosts', value: btoa('x')});
  assert.equal(Buffer.from(kept.get('known-hosts'), 'hex').toString(), btoa('x'));
});

test('a key is looked at by the core, and its text wiped', async () => {
  const world = await startedWorld();
  const key = world.ipn.checkSSHKey('-----BEGIN…');
  await settle();
  const [name, text] = world.core.calls.at(-1);
  assert.deepEqual([name, Buffer.from(text).toString()], ['sshKeyCheck', '\0'.repeat(13)]);
  const said = {
    type: 'keyChecked',
    id: world.core.lastId,
    text: 'SHA256:x',
    publicKey: 'ssh-rsa A',
  };
  await coreSays(world, {...said, code: 1});
  assert.deepEqual(await key, {encrypted: true, fingerprint: 'SHA256:x', publicKey: 'ssh-rsa A'});
  const refused = assert.rejects(world.ipn.checkSSHKey('rubbish'), /^Error: This is no key\.$/);
  await settle();
  await coreSays(world, {...said, id: world.core.lastId, code: -1, text: 'This is no key.'});
  await refused;
  await assert.rejects(world.ipn.checkSSHKey(), TypeError);
});

test('keys: made by the core, told once, the worker’s copy wiped', async () => {
  const world = await startedWorld();
  const key = world.ipn.generateSSHKey({comment: 'me@tab'});
  await settle();
  assert.deepEqual(world.core.calls.at(-1), ['sshKeygen', 'me@tab']);
  const event = {type: 'key', id: world.core.lastId, publicKey: 'ssh-ed25519 AAAA me@tab'};
  await coreSays(world, {...event, privateKey: bytesOf('-----BEGIN…')});
  assert.deepEqual(await key, {privateKey: '-----BEGIN…', publicKey: event.publicKey});
  world.core.on.sshKeygen = () => -6;
  await assert.rejects(world.ipn.generateSSHKey({comment: 'a\nb'}), /one line/);
  world.core.on.sshKeygen = () => -1;
  await assert.rejects(world.ipn.generateSSHKey(), /could not be made/);
  await assert.rejects(world.ipn.generateSSHKey(null), TypeError);
  await assert.rejects(world.ipn.generateSSHKey({comment: 5}), TypeError);
});
