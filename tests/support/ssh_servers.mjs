// SSH servers for the tests, each on a free loopback port in a folder that goes away. A node in
// user space passes every port on to loopback, so they are reachable at NODE:port as well:
//
//   client ── tailnet ── tailscaled NODE ── 127.0.0.1:port ── OpenSSH | Dropbear | sshd-go
//
//   const servers = await startServers();
//   page.ssh('node', servers.account, {port: servers.openssh.port, password: servers.password});
//   await servers.stop();
//
// startOpenSSH, startDropbear and startGoServer start one, configured as a test wants it.
import {execFileSync, spawn} from 'node:child_process';
import {existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync} from 'node:fs';
import {readFile} from 'node:fs/promises';
import {createConnection} from 'node:net';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {fileURLToPath} from 'node:url';

import {Daemon, freePort, until} from './process.mjs';
import {authorizeKey, makeAccount, makeKey, removeAccount} from './ssh_accounts.mjs';

export * from './ssh_accounts.mjs';

const SSHD = '/usr/sbin/sshd';
const DROPBEAR = '/usr/sbin/dropbear';
const NEED_BOTH = ['AuthenticationMethods publickey,password'];
/** PAM asks, prompt by prompt: what /etc/pam.d/sshd says. */
const ASK_BY_PAM = [
  'UsePAM yes',
  'KbdInteractiveAuthentication yes',
  'AuthenticationMethods keyboard-interactive',
];

/** Why OpenSSH cannot be tested here, or null. */
export function opensshMissing() {
  if (!existsSync(SSHD)) return 'OpenSSH is not installed';
  if (process.getuid() !== 0) return 'only root can make an account without a password';
  return null;
}

function answers(port) {
  return new Promise((resolve) => {
    const socket = createConnection(port, '127.0.0.1');
    socket.once('data', () => (socket.destroy(), resolve(true)));
    socket.once('error', () => resolve(false));
  });
}

/** A daemon that is up; `pins` are its host keys as lines "type base64 …". */
async function startDaemon(file, {dir, port, args, pins}) {
  const daemon = new Daemon(file, file, args, {logFile: join(dir, 'log')});
  await until(`${file} answers`, () => {
    if (!daemon.running) throw new Error('it ended');
    return answers(port);
  });
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

/**
 * OpenSSH with these configuration lines added; one host key of each type in `keys`. Passwords,
 * public keys, SFTP, forwarding and "none" for accounts without a password are allowed.
 */
export async function startOpenSSH({lines = [], keys = ['ed25519'], port} = {}) {
  const dir = mkdtempSync(join(tmpdir(), 'meshterm-sshd-'));
  port ??= await freePort();
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
    'MaxSessions 200',
    // said twice, the one would be an error and the second of the other count
    ...['Subsystem sftp internal-sftp', 'MaxStartups 200:30:400'].filter(
      (line) => !lines.some((other) => other.startsWith(line.split(' ')[0])),
    ),
  ];
  writeFileSync(join(dir, 'config'), config.join('\n') + '\n');
  if (!existsSync('/run/sshd')) mkdirSync('/run/sshd', {mode: 0o755});
  const args = ['-D', '-e', '-f', join(dir, 'config'), '-p', String(port)];
  const pins = await Promise.all(keys.map((type) => readFile(join(dir, `${type}.pub`), 'utf8')));
  return startDaemon(SSHD, {dir, port, args, pins});
}

/** Dropbear with these flags (-t: a key and a password; -s: no passwords; …). */
export async function startDropbear({flags = [], keys = ['ed25519']} = {}) {
  const dir = mkdtempSync(join(tmpdir(), 'meshterm-dropbear-'));
  const port = await freePort();
  const pins = keys.map((type) => {
    const made = execFileSync('dropbearkey', ['-t', type, '-f', join(dir, type)], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    return /^(ssh|ecdsa)-\S+ \S+/m.exec(made)[0];
  });
  const args = ['-F', '-E', '-P', join(dir, 'pid'), '-p', `127.0.0.1:${port}`];
  for (const type of keys) args.push('-r', join(dir, type));
  return startDaemon(DROPBEAR, {dir, port, args: [...args, ...flags], pins});
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

/** sshd-go (tests/support/sshd-go) with these flags. */
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

/** sshd-go that offers all methods: the users password, key, questions and steps want them. */
async function startGoServerWithAuth(password, publicKey) {
  const dir = mkdtempSync(join(tmpdir(), 'meshterm-sshd-go-'));
  const authorized = join(dir, 'authorized_keys');
  writeFileSync(authorized, `${publicKey}\n`);
  const methods = ['-auth', 'publickey,keyboard-interactive,password'];
  const server = await startGoServer([
    ...methods,
    '-password',
    password,
    '-authorized',
    authorized,
  ]);
  rmSync(dir, {recursive: true, force: true}); // it is read once
  return server;
}

/**
 * One of each, and an account on them with a password and an authorized key:
 *
 *   openssh   a password or the key       both   the key, then the password (OpenSSH)
 *   pam       keyboard-interactive, PAM   dropbear   a password or the key
 *   go        by user name, see tests/support/sshd-go/main.go
 *
 * @returns {Promise<{account: string, password: string, key: object, openssh: object, both: object,
 *   pam: object, dropbear: object, go: object, stop: () => Promise<void>}>}
 */
export async function startServers() {
  const password = 'correct horse ✓';
  const account = makeAccount({password});
  const key = makeKey();
  authorizeKey(account, key.publicKey);
  const servers = {
    openssh: await startOpenSSH(),
    both: await startOpenSSH({lines: NEED_BOTH}),
    pam: await startOpenSSH({lines: ASK_BY_PAM}),
    dropbear: await startDropbear(),
    go: await startGoServerWithAuth(password, key.publicKey),
  };
  return {
    account,
    password,
    key,
    ...servers,
    async stop() {
      for (const server of Object.values(servers)) await server.stop();
      removeAccount(account);
    },
  };
}
