// Known hosts, with OpenSSH on either side of the file:
//
//   ssh_drive --known-hosts FILE ── sshd, whose keys change      (an account without a password)
//   ssh -o UserKnownHostsFile=FILE ──┘        ssh-keygen -F, -R, -H on the same file
import assert from 'node:assert/strict';
import {execFileSync} from 'node:child_process';
import {mkdtempSync, readFileSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {after, before, describe, test} from 'node:test';

import {assertUsed, drive, has} from '../support/ssh_drive.mjs';
import {makeAccount, opensshMissing, removeAccount, startOpenSSH} from '../support/ssh_servers.mjs';

const HOST = '127.0.0.1';
const TYPES = [
  ['ed25519', 'ssh-ed25519'],
  ['ecdsa', 'ecdsa-sha2-nistp256'],
  ['rsa', 'ssh-rsa'],
];

describe('known hosts', {skip: opensshMissing() ?? false}, () => {
  let user, dir, file;

  before(() => {
    user = makeAccount();
    dir = mkdtempSync(join(tmpdir(), 'meshterm-known-'));
    file = join(dir, 'known_hosts');
  });
  after(() => {
    removeAccount();
    rmSync(dir, {recursive: true, force: true});
  });

  async function withServer(options, body) {
    const server = await startOpenSSH(options);
    try {
      return await body(server);
    } finally {
      await server.stop();
    }
  }

  const us = (port, ...options) =>
    drive(port, user, ['--host', HOST, '--known-hosts', file, '--command', 'echo in', ...options]);

  /** OpenSSH's client; throws unless it gets in. */
  function openssh(port, ...options) {
    const all = [`UserKnownHostsFile=${file}`, 'GlobalKnownHostsFile=/dev/null', 'BatchMode=yes'];
    const args = [...all, ...options].flatMap((option) => ['-o', option]);
    const at = ['-F', '/dev/null', '-p', String(port), `${user}@${HOST}`, 'echo in'];
    return execFileSync('ssh', [...args, ...at], {encoding: 'utf8', stdio: 'pipe'});
  }

  /** The lines that ssh-keygen finds for the host. */
  function found(port) {
    try {
      const out = execFileSync('ssh-keygen', ['-F', `[${HOST}]:${port}`, '-f', file]);
      return String(out)
        .split('\n')
        .filter((line) => line && !line.startsWith('#'));
    } catch {
      return [];
    }
  }

  const fingerprint = (pin) => {
    const out = execFileSync('ssh-keygen', ['-lf', '-'], {input: pin, encoding: 'utf8'});
    return /SHA256:\S+/.exec(out)[0];
  };

  for (const [key, type] of TYPES) {
    test(`${key}: what we remember, OpenSSH knows`, () =>
      withServer({keys: [key]}, async ({port, pins}) => {
        writeFileSync(file, '# mine\nnonsense that stays\n');
        const first = await us(port);
        assert.equal(first.out, 'in\n', first.err);
        assert.ok(has(first, `host-key 0 ${type} ${fingerprint(pins[0])}`), first.err);
        assert.deepEqual(found(port), [`[${HOST}]:${port} ${pins[0].split(' ', 2).join(' ')}`]);
        assert.equal(openssh(port, 'StrictHostKeyChecking=yes'), 'in\n');
        assert.match(readFileSync(file, 'utf8'), /^# mine\nnonsense that stays\n/);
        const second = await us(port, '--no-ask');
        assert.equal(second.out, 'in\n', second.err);
        assert.ok(!has(second, 'host-key') && !has(second, 'known-host'), second.err);
      }));

    test(`${key}: what OpenSSH remembers, hashed, we know`, () =>
      withServer({keys: [key]}, async ({port}) => {
        writeFileSync(file, '');
        openssh(port, 'StrictHostKeyChecking=accept-new', 'HashKnownHosts=yes');
        assert.match(readFileSync(file, 'utf8'), /^\|1\|/);
        const known = await us(port, '--no-ask');
        assert.equal(known.out, 'in\n', known.err);
        assert.ok(!has(known, 'known-host'), known.err);
      }));
  }

  test('a file that ssh-keygen -H has hashed', () =>
    withServer({}, async ({port}) => {
      writeFileSync(file, '');
      await us(port);
      execFileSync('ssh-keygen', ['-H', '-f', file], {stdio: 'pipe'});
      assert.match(readFileSync(file, 'utf8'), /^\|1\|/);
      assert.equal((await us(port, '--no-ask')).out, 'in\n');
    }));

  test('the known type is asked for, whichever the server prefers', () =>
    withServer({keys: ['ed25519', 'ecdsa', 'rsa']}, async ({port, pins}) => {
      for (const pin of pins) {
        writeFileSync(file, `[${HOST}]:${port} ${pin}\n`);
        const result = await us(port, '--no-ask');
        assert.equal(result.out, 'in\n', result.err);
        assertUsed(result, pin.split(' ')[0]);
      }
    }));

  test('a server with another key: refused, then replaced on purpose', async () => {
    writeFileSync(file, '');
    let port, old;
    await withServer({}, async (server) => {
      ({port} = server);
      old = fingerprint(server.pins[0]);
      assert.equal((await us(port)).out, 'in\n');
    });
    execFileSync('ssh-keygen', ['-H', '-f', file], {stdio: 'pipe'});
    await withServer({port}, async ({pins}) => {
      const now = fingerprint(pins[0]);
      const before = readFileSync(file, 'utf8');
      for (const options of [[], ['--no-ask'], ['--replace', old], ['--replace', 'SHA256:']]) {
        const refused = await us(port, ...options);
        assert.equal(refused.out, '', refused.err);
        assert.ok(has(refused, `host-key 1 ssh-ed25519 ${now}`), refused.err);
        const error = refused.events.find((event) => event.startsWith('error 2'));
        assert.deepEqual(error?.match(/SHA256:[A-Za-z0-9+/]{43}/g), [now, old], refused.err);
        assert.equal(readFileSync(file, 'utf8'), before);
      }
      const replaced = await us(port, '--replace', now);
      assert.equal(replaced.out, 'in\n', replaced.err);
      assert.deepEqual(found(port), [`[${HOST}]:${port} ${pins[0].split(' ', 2).join(' ')}`]);
      assert.equal((await us(port, '--no-ask')).out, 'in\n');
      assert.equal(openssh(port, 'StrictHostKeyChecking=yes'), 'in\n');
    });
  });

  test('an unknown host with nobody to ask, and a revoked key', () =>
    withServer({}, async ({port, pins}) => {
      writeFileSync(file, '');
      const unknown = await us(port, '--no-ask');
      const error = `error 7 The host key is not known: ssh-ed25519 ${fingerprint(pins[0])}`;
      assert.ok(has(unknown, error), unknown.err);
      writeFileSync(file, `[${HOST}]:${port} ${pins[0]}\n@revoked * ${pins[0]}\n`);
      const revoked = await us(port);
      assert.ok(has(revoked, 'error 8 The host key'), revoked.err);
      assert.throws(() => openssh(port, 'StrictHostKeyChecking=yes'), /REVOKED/);
    }));

  test('known under its short name is known under the full one', () =>
    withServer({}, async ({port, pins}) => {
      const names = ['--name', '100.64.0.9', '--name', 'node.tail.example', '--name', 'node'];
      writeFileSync(file, `[node]:${port} ${pins[0]}\n`);
      const result = await drive(port, user, [
        ...['--host', 'node.tail.example', ...names, '--known-hosts', file],
        ...['--no-ask', '--command', 'echo in'],
      ]);
      assert.equal(result.out, 'in\n', result.err);
    }));
});
