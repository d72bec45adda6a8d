// Host certificates: sshd shows one, known_hosts names its authority (@cert-authority).
//
//   ssh-keygen -s CA -h … KEY.pub ── sshd -o HostCertificate ── ssh_drive, and OpenSSH's own client
import assert from 'node:assert/strict';
import {execFileSync} from 'node:child_process';
import {randomBytes} from 'node:crypto';
import {mkdtempSync, readFileSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {after, before, describe, test} from 'node:test';

import {drive, has, sha256} from '../support/ssh_drive.mjs';
import {makeAccount, opensshMissing, removeAccount, startOpenSSH} from '../support/ssh_servers.mjs';

const HOST = '127.0.0.1';

describe('host certificates', {skip: opensshMissing() ?? false}, () => {
  let user, dir, file, count;

  before(() => {
    user = makeAccount();
    dir = mkdtempSync(join(tmpdir(), 'meshterm-certs-'));
    file = join(dir, 'known_hosts');
    count = 0;
  });
  after(() => {
    removeAccount();
    rmSync(dir, {recursive: true, force: true});
  });

  /** A new key of that type; its path. */
  function makeKey(type) {
    const path = join(dir, `key-${++count}`);
    execFileSync('ssh-keygen', ['-q', '-t', type, '-N', '', '-C', '', '-f', path]);
    return path;
  }

  const publicLine = (path) => readFileSync(`${path}.pub`, 'utf8').trim();

  /** Runs body against an sshd whose key has a certificate made with these flags of ssh-keygen. */
  async function certified({key = 'ed25519', ca = 'ed25519', flags, lines = []}, body) {
    const hostKey = makeKey(key);
    const authority = makeKey(ca);
    const usual = ['-h', '-n', `${HOST},other.example`];
    const sign = ['-q', '-s', authority, '-I', 'test', '-V', '-1m:+1h', ...(flags ?? usual)];
    execFileSync('ssh-keygen', [...sign, `${hostKey}.pub`]);
    const config = [`HostKey ${hostKey}`, `HostCertificate ${hostKey}-cert.pub`];
    const server = await startOpenSSH({
      lines: ['LogLevel DEBUG1', ...config, ...lines],
      keys: [],
    });
    try {
      const {port, log} = server;
      await body({port, log, key: publicLine(hostKey), ca: publicLine(authority)});
    } finally {
      await server.stop();
    }
  }

  const us = (port, options = [], input = '') =>
    drive(
      port,
      user,
      ['--host', HOST, '--known-hosts', file, '--no-ask', '--command', 'cat', ...options],
      input,
    );

  /** OpenSSH's own client, as a second opinion: whether it gets in. */
  function opensshEnters(port) {
    const options = [`UserKnownHostsFile=${file}`, 'GlobalKnownHostsFile=/dev/null'];
    options.push('BatchMode=yes', 'StrictHostKeyChecking=yes');
    const args = options.flatMap((option) => ['-o', option]);
    const at = ['-F', '/dev/null', '-p', String(port), `${user}@${HOST}`, 'true'];
    try {
      execFileSync('ssh', [...args, ...at], {stdio: 'pipe'});
      return true;
    } catch {
      return false;
    }
  }

  const KEYS = [
    ['ed25519', 'ssh-ed25519-cert-v01@openssh.com'],
    ['ecdsa-sha2-nistp256', 'ecdsa-sha2-nistp256-cert-v01@openssh.com'],
    ['ecdsa-sha2-nistp384', 'ecdsa-sha2-nistp384-cert-v01@openssh.com'],
    ['ecdsa-sha2-nistp521', 'ecdsa-sha2-nistp521-cert-v01@openssh.com'],
    ['rsa', 'rsa-sha2-512-cert-v01@openssh.com'],
  ];
  for (const [key, algorithm] of KEYS)
    test(`${key}, signed by the same type`, () =>
      certified({key, ca: key}, async ({port, log, ca}) => {
        writeFileSync(file, `@cert-authority [127.0.0.*]:* ${ca}\n`);
        const bytes = randomBytes(300_000);
        const result = await us(port, [], bytes);
        assert.equal(result.code, 0, result.err);
        assert.equal(sha256(result.bytes), sha256(bytes));
        assert.ok(!has(result, 'host-key') && !has(result, 'known-host'), result.err);
        assert.ok((await log()).includes(`kex: host key algorithm: ${algorithm} `));
        assert.ok(opensshEnters(port));
      }));

  test('rsa-sha2-256, signed by ed25519', () =>
    certified(
      {key: 'rsa', lines: ['HostKeyAlgorithms rsa-sha2-256-cert-v01@openssh.com']},
      async ({port, ca}) => {
        writeFileSync(file, `@cert-authority * ${ca}\n`);
        assert.equal((await us(port, [], 'x')).out, 'x');
      },
    ));

  test('new keys in the midst', () =>
    certified({lines: ['RekeyLimit 1M']}, async ({port, log, ca}) => {
      writeFileSync(file, `@cert-authority ${HOST} ${ca}\n`); // of port 22: vouches here, too
      const bytes = randomBytes(5 << 20);
      const result = await us(port, [], bytes);
      assert.equal(sha256(result.bytes), sha256(bytes), result.err);
      assert.ok((await log()).split('SSH2_MSG_NEWKEYS sent').length > 4);
      assert.ok(opensshEnters(port));
    }));

  const FLAWS = [
    ['expired', ['-h', '-n', HOST, '-V', '20200101:20200102'], 'has expired'],
    ['of tomorrow', ['-h', '-n', HOST, '-V', '+1d:+2d'], 'is not valid yet'],
    ['of another name', ['-h', '-n', 'other.example'], "is for another host's name"],
    ['with conditions', ['-h', '-n', HOST, '-O', 'critical:x=y'], 'has conditions'],
  ];
  for (const [name, flags, flaw] of FLAWS)
    test(`a certificate ${name} is refused, unless the key itself is known`, () =>
      certified({flags}, async ({port, key, ca}) => {
        writeFileSync(file, `@cert-authority * ${ca}\n`);
        const refused = await us(port);
        const error = refused.events.find((event) => event.startsWith('error 7'));
        assert.ok(error?.includes(flaw), refused.err);
        assert.ok(!opensshEnters(port));
        writeFileSync(file, `@cert-authority * ${ca}\n[${HOST}]:${port} ${key}\n`);
        assert.equal((await us(port, [], 'x')).out, 'x');
      }));

  test('an authority that is a stranger, or for other hosts: only the key counts', () =>
    certified({}, async ({port, key, ca}) => {
      const stranger = publicLine(makeKey('ed25519'));
      for (const lines of [`@cert-authority * ${stranger}\n`, `@cert-authority *.corp ${ca}\n`]) {
        writeFileSync(file, lines);
        const refused = await us(port);
        assert.ok(has(refused, 'error 7 The host key is not known: ssh-ed25519'), refused.err);
        assert.ok(!opensshEnters(port));
        writeFileSync(file, `${lines}[${HOST}]:${port} ${key}\n`);
        assert.equal((await us(port, [], 'x')).out, 'x');
      }
    }));

  test('an authority that is revoked', () =>
    certified({}, async ({port, key, ca}) => {
      for (const revoked of [ca, key]) {
        writeFileSync(file, `@cert-authority * ${ca}\n@revoked * ${revoked}\n`);
        const refused = await us(port);
        assert.ok(has(refused, 'error 8 '), refused.err);
        assert.ok(!opensshEnters(port));
      }
    }));

  test('nobody named an authority: certificates are not asked for', () =>
    certified({}, async ({port, log, key}) => {
      writeFileSync(file, `[${HOST}]:${port} ${key}\n`);
      assert.equal((await us(port, [], 'x')).out, 'x');
      assert.ok((await log()).includes('kex: host key algorithm: ssh-ed25519 '));
    }));
});
