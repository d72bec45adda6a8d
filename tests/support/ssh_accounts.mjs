// Accounts of this machine, and keys, for tests that log in to real SSH servers. Accounts are made
// by root, have names of their own per process, and go away with it.
import {execFileSync} from 'node:child_process';
import {mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';

const PREFIX = 'meshterm-';
const made = new Set();

function quietly(file, args) {
  try {
    execFileSync(file, args, {stdio: 'ignore'});
  } catch {
    // it was not there
  }
}

/** Removes what a process that was killed has left. */
function removeStale() {
  for (const line of readFileSync('/etc/passwd', 'utf8').split('\n')) {
    const [, name, pid] = new RegExp(`^(${PREFIX}(\\d+)-\\d+):`).exec(line) ?? [];
    if (!name) continue;
    try {
      process.kill(Number(pid), 0);
    } catch (error) {
      if (error.code === 'ESRCH') quietly('userdel', ['-rf', name]);
    }
  }
}

/** The name of a new account with that password; an empty one lets "none" in where it may. */
export function makeAccount({password = ''} = {}) {
  if (made.size === 0) {
    removeStale();
    process.once('exit', () => removeAccount());
  }
  const name = `${PREFIX}${process.pid}-${made.size + 1}`;
  made.add(name);
  quietly('userdel', ['-rf', name]);
  execFileSync('useradd', ['-m', '-s', '/bin/bash', '-p', '', name]);
  if (password) execFileSync('chpasswd', {input: `${name}:${password}\n`});
  return name;
}

/** One account, or all that this process has made. */
export function removeAccount(account) {
  for (const name of account ? [account] : [...made]) {
    quietly('userdel', ['-rf', name]);
    made.delete(name);
  }
}

export function homeOf(account) {
  return join('/home', account);
}

/** Lets an account in with a key, as a line of authorized_keys; for OpenSSH and Dropbear. */
export function authorizeKey(account, line) {
  const dir = join(homeOf(account), '.ssh');
  mkdirSync(dir, {recursive: true, mode: 0o700});
  writeFileSync(join(dir, 'authorized_keys'), `${line}\n`, {flag: 'a', mode: 0o600});
  execFileSync('chown', ['-R', `${account}:`, dir]);
}

/** The next login has to choose a new password (PAM asks for the old one, and twice for the new). */
export function expirePassword(account) {
  execFileSync('chage', ['-d', '0', account]);
}

/**
 * A key pair made by ssh-keygen. format: OpenSSH's own unless 'PEM' (PKCS#1, SEC1) or 'PKCS8'.
 * @param {{type?: string, bits?: number, format?: string, passphrase?: string, comment?: string}} o
 * @returns {{privateKey: string, publicKey: string, fingerprint: string}} publicKey is a line of
 *   authorized_keys, fingerprint "SHA256:…"
 */
export function makeKey({type = 'ed25519', bits, format, passphrase = '', comment = 'test'} = {}) {
  const dir = mkdtempSync(join(tmpdir(), 'meshterm-key-'));
  try {
    const file = join(dir, 'key');
    const args = ['-q', '-t', type, '-N', passphrase, '-C', comment, '-f', file];
    if (bits) args.push('-b', String(bits));
    if (format) args.push('-m', format);
    execFileSync('ssh-keygen', args);
    const said = execFileSync('ssh-keygen', ['-lf', `${file}.pub`], {encoding: 'utf8'});
    return {
      privateKey: readFileSync(file, 'utf8'),
      publicKey: readFileSync(`${file}.pub`, 'utf8').trim(),
      fingerprint: said.split(' ')[1],
    };
  } finally {
    rmSync(dir, {recursive: true, force: true});
  }
}
