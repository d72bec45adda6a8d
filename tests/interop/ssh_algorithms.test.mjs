// Every algorithm that we offer, one at a time, 5 MB in both directions at once:
//
//   ssh_drive ── OpenSSH, which takes only that one; its log says what was negotiated
//             ── Dropbear, which takes all it has: there ssh_drive offers only that one
//
// What is not in these lists is not offered: the last case of OpenSSH.
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
  startOpenSSH,
} from '../support/ssh_servers.mjs';

const BYTES = 5 << 20;
const KEX = [
  ...['curve25519-sha256', 'curve25519-sha256@libssh.org'],
  ...['ecdh-sha2-nistp256', 'ecdh-sha2-nistp384', 'ecdh-sha2-nistp521'],
  'diffie-hellman-group14-sha256',
  ...['diffie-hellman-group16-sha512', 'diffie-hellman-group18-sha512'],
];
/** Signature algorithm, and the type for ssh-keygen. */
const HOST_KEYS = [
  ['ssh-ed25519', 'ed25519'],
  ['ecdsa-sha2-nistp256', 'ecdsa-sha2-nistp256'],
  ['ecdsa-sha2-nistp384', 'ecdsa-sha2-nistp384'],
  ['ecdsa-sha2-nistp521', 'ecdsa-sha2-nistp521'],
  ['rsa-sha2-512', 'rsa'],
  ['rsa-sha2-256', 'rsa'],
];
const AEAD = ['chacha20-poly1305@openssh.com', 'aes128-gcm@openssh.com', 'aes256-gcm@openssh.com'];
const CTR = ['aes128-ctr', 'aes192-ctr', 'aes256-ctr'];
const MACS = [
  ...['hmac-sha2-256-etm@openssh.com', 'hmac-sha2-512-etm@openssh.com'],
  ...['hmac-sha2-256', 'hmac-sha2-512'],
];

const bytes = randomBytes(BYTES);
const digest = sha256(bytes);
let user;
before(() => {
  if (!opensshMissing()) user = makeAccount();
});
after(() => removeAccount());

/** Through `cat` and back; the pin must fit. */
async function thereAndBack(port, pin, options = []) {
  const result = await drive(port, user, ['--pin', pin, ...options, '--command', 'cat'], bytes);
  assert.equal(result.code, 0, result.err);
  assert.equal(sha256(result.bytes), digest);
}

describe('OpenSSH', {skip: opensshMissing() ?? false, concurrency: 2}, () => {
  /** Runs against a server with these lines; its log must have each of `expected`. */
  async function check(lines, keys, expected) {
    const server = await startOpenSSH({lines: ['LogLevel DEBUG3', ...lines], keys});
    try {
      await thereAndBack(server.port, server.pins[0]);
      const log = await server.log();
      for (const text of expected) assert.ok(log.includes(text), `${text} in:\n${log}`);
      assert.ok(log.includes('will use strict KEX ordering'), log);
    } finally {
      await server.stop();
    }
  }

  for (const kex of KEX)
    test(kex, () => check([`KexAlgorithms ${kex}`], ['ed25519'], [`kex: algorithm: ${kex} `]));

  for (const [algorithm, key] of HOST_KEYS)
    test(algorithm, () =>
      check([`HostKeyAlgorithms ${algorithm}`], [key], [`kex: host key algorithm: ${algorithm} `]),
    );

  for (const cipher of AEAD)
    test(cipher, () =>
      check(
        [`Ciphers ${cipher}`],
        ['ed25519'],
        [
          `kex: client->server cipher: ${cipher} MAC: <implicit>`,
          `kex: server->client cipher: ${cipher} MAC: <implicit>`,
        ],
      ),
    );

  for (const cipher of CTR)
    for (const mac of MACS)
      test(`${cipher}, ${mac}`, () =>
        check(
          [`Ciphers ${cipher}`, `MACs ${mac}`],
          ['ed25519'],
          [
            `kex: client->server cipher: ${cipher} MAC: ${mac} `,
            `kex: server->client cipher: ${cipher} MAC: ${mac} `,
          ],
        ));

  test('what we offer is this and no more', async () => {
    const server = await startOpenSSH({lines: ['LogLevel DEBUG3']});
    try {
      await drive(server.port, user, ['--pin', server.pins[0], '--command', 'true']);
      const log = await server.log();
      const offered = log.slice(log.indexOf('peer client KEXINIT proposal'));
      const list = (name) => new RegExp(`${name}: (\\S*)`).exec(offered)[1].split(',');
      const extras = ['ext-info-c', 'kex-strict-c-v00@openssh.com'];
      assert.deepEqual(new Set(list('KEX algorithms')), new Set([...KEX, ...extras]));
      const types = HOST_KEYS.map(([algorithm]) => algorithm);
      assert.deepEqual(new Set(list('host key algorithms')), new Set(types));
      for (const direction of ['ctos', 'stoc']) {
        assert.deepEqual(new Set(list(`ciphers ${direction}`)), new Set([...AEAD, ...CTR]));
        assert.deepEqual(new Set(list(`MACs ${direction}`)), new Set(MACS));
        assert.deepEqual(list(`compression ${direction}`), ['none']);
      }
    } finally {
      await server.stop();
    }
  });
});

const dropbearMissing = () =>
  opensshMissing() ?? (existsSync('/usr/sbin/dropbear') ? null : 'Dropbear is not installed');

describe('Dropbear', {skip: dropbearMissing() ?? false, concurrency: 2}, () => {
  const cases = [
    ...KEX.slice(0, 6).map((kex) => ['--kex', kex]),
    ...['chacha20-poly1305@openssh.com', 'aes128-ctr', 'aes256-ctr'].map((c) => ['--cipher', c]),
    ['--mac', 'hmac-sha2-256', '--cipher', 'aes128-ctr'],
    ['--hostkey', 'ssh-ed25519'],
    ['--hostkey', 'ecdsa-sha2-nistp256'],
    ['--hostkey', 'rsa-sha2-256'],
  ];
  const keys = {'ecdsa-sha2-nistp256': 'ecdsa', 'rsa-sha2-256': 'rsa'};
  for (const options of cases)
    test(options.filter((word) => !word.startsWith('--')).join(', '), async () => {
      const key = (options[0] === '--hostkey' && keys[options[1]]) || 'ed25519';
      const server = await startDropbear({flags: ['-B'], keys: [key]});
      try {
        await thereAndBack(server.port, server.pins[0], options);
      } finally {
        await server.stop();
      }
    });
});
