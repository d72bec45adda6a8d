// New keys again and again while 6 MB go up and come down at once, asked for by us, by the server
// and by both:
//
//   ssh_drive --rekey 300000 ── OpenSSH, Dropbear, sshd-go (x/crypto/ssh)
import assert from 'node:assert/strict';
import {randomBytes} from 'node:crypto';
import {existsSync} from 'node:fs';
import {after, before, describe, test} from 'node:test';

import {drive, sha256} from '../support/ssh_drive.mjs';
import {
  makeAccount,
  opensshMissing,
  removeAccount,
  startDropbear,
  startGoServer,
  startOpenSSH,
} from '../support/ssh_servers.mjs';

const BYTES = 6 << 20;
const OURS = ['--rekey', '300000'];
const CIPHERS = [
  ['chacha20-poly1305@openssh.com'],
  ['aes128-gcm@openssh.com'],
  ['aes256-ctr', 'hmac-sha2-256-etm@openssh.com'],
  ['aes128-ctr', 'hmac-sha2-512'],
];

const bytes = randomBytes(BYTES);
const digest = sha256(bytes);
let user;
before(() => {
  if (!opensshMissing()) user = makeAccount();
});
after(() => removeAccount());

/** Through `cat` and back, with more exchanges of keys than `least`. */
async function thereAndBack(server, name, options, least = 15) {
  try {
    const args = ['--pin', server.pins[0], ...options, '--command', 'cat'];
    const result = await drive(server.port, name, args, bytes);
    assert.equal(result.code, 0, result.err);
    assert.equal(sha256(result.bytes), digest);
    const keys = result.events.find((event) => event.startsWith('exchanges '));
    assert.ok(Number(keys?.split(' ')[1]) > least, keys);
  } finally {
    await server.stop();
  }
}

describe('OpenSSH', {skip: opensshMissing() ?? false}, () => {
  for (const [cipher, mac] of CIPHERS) {
    const lines = [`Ciphers ${cipher}`, ...(mac ? [`MACs ${mac}`] : [])];
    test(`${cipher}: we ask`, async () => thereAndBack(await startOpenSSH({lines}), user, OURS));
    test(`${cipher}: both ask`, async () =>
      thereAndBack(await startOpenSSH({lines: [...lines, 'RekeyLimit 256K']}), user, OURS));
  }
  for (const kex of ['ecdh-sha2-nistp384', 'diffie-hellman-group14-sha256'])
    test(`${kex}: we ask`, async () =>
      thereAndBack(await startOpenSSH({lines: [`KexAlgorithms ${kex}`]}), user, OURS));
});

const dropbearMissing = () =>
  opensshMissing() ?? (existsSync('/usr/sbin/dropbear') ? null : 'Dropbear is not installed');

describe('Dropbear', {skip: dropbearMissing() ?? false}, () => {
  for (const cipher of ['chacha20-poly1305@openssh.com', 'aes128-ctr'])
    test(`${cipher}: we ask`, async () =>
      thereAndBack(await startDropbear({flags: ['-B']}), user, [...OURS, '--cipher', cipher]));
});

describe('x/crypto/ssh', () => {
  for (const [cipher, mac] of CIPHERS) {
    const flags = ['-ciphers', cipher, ...(mac ? ['-macs', mac] : [])];
    test(`${cipher}: we ask`, async () =>
      thereAndBack(await startGoServer(flags), 'anybody', OURS));
    test(`${cipher}: both ask`, async () =>
      thereAndBack(await startGoServer([...flags, '-rekey', '200000']), 'anybody', OURS));
  }
});
