// SSH servers for the tests: OpenSSH with its own keys and configuration, and sshd-go
// (tests/support/sshd-go), each on a free loopback port in a folder that goes away.
import {execFileSync, spawn} from 'node:child_process';
import {existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync} from 'node:fs';
import {readFile} from 'node:fs/promises';
import {createConnection} from 'node:net';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {fileURLToPath} from 'node:url';

import {Daemon, freePort, until} from './process.mjs';

const SSHD = '/usr/sbin/sshd';
const ACCOUNT = 'meshterm-test';

/** Why OpenSSH cannot be tested here, or null. */
export function opensshMissing() {
  if (!existsSync(SSHD)) return 'OpenSSH is not installed';
  if (process.getuid() !== 0) return 'only root can make an account without a password';
  return null;
}

/** An account that may log in by "none": it has an empty password. */
export function makeAccount() {
  removeAccount();
  execFileSync('useradd', ['-m', '-s', '/bin/bash', '-p', '', ACCOUNT]);
  return ACCOUNT;
}

export function removeAccount() {
  try {
    execFileSync('userdel', ['-rf', ACCOUNT], {stdio: 'ignore'});
  } catch {
    // there was none
  }
}

function answers(port) {
  return new Promise((resolve) => {
    const socket = createConnection(port, '127.0.0.1');
    socket.once('data', () => (socket.destroy(), resolve(true)));
    socket.once('error', () => resolve(false));
  });
}

/** OpenSSH with these configuration lines added; one host key of each type in `keys`. */
export async function startOpenSSH({lines = [], keys = ['ed25519']} = {}) {
  const dir = mkdtempSync(join(tmpdir(), 'meshterm-sshd-'));
  const port = await freePort();
  for (const type of keys)
    execFileSync('ssh-keygen', ['-q', '-t', type, '-N', '', '-f', join(dir, type)]);
  const config = [
    ...lines, // sshd keeps the first value it meets
    'ListenAddress 127.0.0.1',
    ...keys.map((type) => `HostKey ${join(dir, type)}`),
    'PermitEmptyPasswords yes',
    'UsePAM no',
    'AcceptEnv LANG COLORTERM',
    'PrintMotd no',
    'PrintLastLog no',
    'LogLevel VERBOSE',
  ];
  writeFileSync(join(dir, 'config'), config.join('\n') + '\n');
  if (!existsSync('/run/sshd')) mkdirSync('/run/sshd', {mode: 0o755});
  const args = ['-D', '-e', '-f', join(dir, 'config'), '-p', String(port)];
  const daemon = new Daemon('sshd', SSHD, args, {logFile: join(dir, 'log')});
  await until('sshd answers', () => answers(port));
  const pins = await Promise.all(keys.map((type) => readFile(join(dir, `${type}.pub`), 'utf8')));
  return {
    port,
    pins: pins.map((pin) => pin.trim()),
    log: () => readFile(join(dir, 'log'), 'utf8'),
    async stop() {
      await daemon.stop();
      rmSync(dir, {recursive: true, force: true});
    },
  };
}

let goBinary;

/** The path of sshd-go, built on first use. */
function buildGoServer() {
  if (!goBinary) {
    const dir = mkdtempSync(join(tmpdir(), 'meshterm-sshd-go-'));
    process.once('exit', () => rmSync(dir, {recursive: true, force: true}));
    goBinary = join(dir, 'sshd-go');
    execFileSync('go', ['build', '-o', goBinary, '.'], {
      cwd: fileURLToPath(new URL('./sshd-go', import.meta.url)),
    });
  }
  return goBinary;
}

/** sshd-go with these flags. */
export async function startGoServer(flags = []) {
  const child = spawn(buildGoServer(), flags, {stdio: ['ignore', 'pipe', 'ignore']});
  const line = await new Promise((resolve, reject) => {
    child.stdout.once('data', (data) => resolve(String(data)));
    child.once('exit', () => reject(new Error(`sshd-go ${flags.join(' ')}: ended`)));
  });
  const [port, ...key] = line.trim().split(' ');
  return {
    port: Number(port),
    pins: [key.join(' ')],
    async stop() {
      child.kill();
    },
  };
}
