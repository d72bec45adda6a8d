// The servers that the tests of SSH rely on, as OpenSSH's own client finds them: what fails here is
// the test bed, not the client.
import assert from 'node:assert/strict';
import {spawnSync} from 'node:child_process';
import {createHash} from 'node:crypto';
import {mkdtempSync, readFileSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {after, before, describe, test} from 'node:test';
import {
  expirePassword,
  makeAccount,
  opensshMissing,
  startServers,
} from '../support/ssh_servers.mjs';

describe('the SSH servers of the tests', {skip: opensshMissing() ?? false}, () => {
  let servers, dir, identity, askpass;

  before(async () => {
    servers = await startServers();
    dir = mkdtempSync(join(tmpdir(), 'meshterm-servers-'));
    identity = join(dir, 'key');
    writeFileSync(identity, servers.key.privateKey, {mode: 0o600});
    askpass = join(dir, 'askpass');
    const answer = 'case $1 in *olour*) echo blue;; *) echo "$ANSWER";; esac';
    const lines = ['#!/bin/sh', `echo "$1" >>${dir}/asked`, answer, ''];
    writeFileSync(askpass, lines.join('\n'), {mode: 0o700});
  });
  after(async () => {
    await servers?.stop();
    rmSync(dir, {recursive: true, force: true});
  });

  /** ssh with these methods only; resolves with its exit code and what it wrote. */
  function ssh(server, user, methods, command = 'echo in', input = '') {
    const known = join(dir, `known-${server.port}`);
    writeFileSync(known, `[127.0.0.1]:${server.port} ${server.pins[0]}\n`);
    const options = [
      ...['StrictHostKeyChecking=yes', `UserKnownHostsFile=${known}`, 'IdentitiesOnly=yes'],
      ...[`PreferredAuthentications=${methods}`, `IdentityFile=${identity}`, 'LogLevel=ERROR'],
      'NumberOfPasswordPrompts=1',
    ].flatMap((option) => ['-o', option]);
    const args = ['-F', 'none', ...options, '-p', server.port, `${user}@127.0.0.1`, command];
    const env = {...process.env, SSH_ASKPASS: askpass, SSH_ASKPASS_REQUIRE: 'force'};
    const {status, stdout, stderr} = spawnSync('ssh', args.map(String), {
      env: {...env, ANSWER: servers.password},
      input,
      encoding: 'utf8',
      timeout: 60_000,
    });
    return {status, out: stdout, err: stderr};
  }

  const letIn = [
    ['openssh', 'account', 'password'],
    ['openssh', 'account', 'publickey'],
    ['both', 'account', 'publickey,password'],
    ['pam', 'account', 'keyboard-interactive'],
    ['dropbear', 'account', 'password'],
    ['dropbear', 'account', 'publickey'],
    ['go', 'password', 'password'],
    ['go', 'key', 'publickey'],
    ['go', 'questions', 'keyboard-interactive'],
    ['go', 'steps', 'publickey,keyboard-interactive,password'],
    ['go', 'banners', 'none'],
  ];
  for (const [name, user, methods] of letIn)
    test(`${name} lets "${user}" in by ${methods}`, () => {
      const account = user === 'account' ? servers.account : user;
      const {status, out, err} = ssh(servers[name], account, methods);
      assert.equal(out, 'in\n', err);
      assert.equal(status, 0);
    });

  const refused = [
    ['openssh', 'account', 'none,keyboard-interactive'],
    ['both', 'account', 'publickey'],
    ['both', 'account', 'password'],
    ['pam', 'account', 'publickey,password'],
    ['go', 'key', 'password'],
    ['go', 'steps', 'publickey,password'],
    ['go', 'denied', 'publickey,password,keyboard-interactive'],
  ];
  for (const [name, user, methods] of refused)
    test(`${name} does not let "${user}" in by ${methods}`, () => {
      const account = user === 'account' ? servers.account : user;
      const {status, out} = ssh(servers[name], account, methods);
      assert.equal(out, '');
      assert.equal(status, 255);
    });

  test('an expired password has to be changed, prompt by prompt', () => {
    const account = makeAccount({password: servers.password});
    expirePassword(account);
    rmSync(join(dir, 'asked'), {force: true});
    const {out} = ssh(servers.pam, account, 'keyboard-interactive');
    assert.equal(out, '', 'the new password may not be the old one');
    const asked = readFileSync(join(dir, 'asked'), 'utf8');
    assert.match(asked, /Password:[^]*Current password:[^]*New password:/);
  });

  test('a server that takes its input slowly loses nothing of it', () => {
    const input = 'x'.repeat(300_000);
    const {out, err} = ssh(servers.go, 'slow', 'none', 'sha256sum', input);
    assert.equal(out.trim(), createHash('sha256').update(input).digest('hex'), err);
  });
});
