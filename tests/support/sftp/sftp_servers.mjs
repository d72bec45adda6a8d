// SFTP servers on pipes, and sftp_drive (sftp_drive.c) that speaks to them on the orders of a script.
import {execFileSync, spawn} from 'node:child_process';
import {existsSync, mkdtempSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {fileURLToPath} from 'node:url';

import {nativeProgram} from '../native_program.mjs';

export const DRIVE = nativeProgram('sftp_drive', 'MESHTERM_SFTP_DRIVE');

const OPENSSH = [
  '/usr/lib/openssh/sftp-server',
  '/usr/libexec/sftp-server',
  '/usr/lib/ssh/sftp-server',
];

/** The command of OpenSSH's SFTP server, or undefined. */
export const opensshServer = OPENSSH.find((path) => existsSync(path));

let goBinary;

/** The command of sftp-go (pkg/sftp), built on first use. */
export function goServer() {
  if (!goBinary) {
    const dir = mkdtempSync(join(tmpdir(), 'meshterm-sftp-go-'));
    process.once('exit', () => rmSync(dir, {recursive: true, force: true}));
    goBinary = join(dir, 'sftp-go');
    execFileSync('go', ['build', '-o', goBinary, '.'], {
      cwd: fileURLToPath(new URL('../sftp-go', import.meta.url)),
    });
  }
  return goBinary;
}

/** Bytes or text as a word of a script. */
export function word(text) {
  return [...Buffer.from(text)]
    .map((byte) =>
      byte > 32 && byte < 127 && byte !== 37
        ? String.fromCharCode(byte)
        : `%${byte.toString(16).padStart(2, '0')}`,
    )
    .join('');
}

/** The bytes of a word. */
export function unword(text) {
  return Buffer.from(
    text.replace(/%([0-9a-f]{2})/g, (_, hex) => String.fromCharCode(parseInt(hex, 16))),
    'latin1',
  );
}

function attrsOf([flags, mode, size, uid, gid, atime, mtime]) {
  if (flags === undefined) return undefined;
  return {
    flags: Number(flags),
    mode: parseInt(mode, 8),
    size: BigInt(size),
    uid: Number(uid),
    gid: Number(gid),
    atime: Number(atime),
    mtime: Number(mtime),
  };
}

/** What sftp_drive said: done, attrs, got and entries by request, peak in bytes. */
function parse(out) {
  const result = {open: false, error: null, done: {}, attrs: {}, got: {}, entries: {}, refused: {}};
  for (const line of out.split('\n')) {
    const [kind, request, first, ...rest] = line.split(' ');
    if (kind === 'open') result.open = true;
    else if (kind === 'error') result.error = String(unword(request));
    else if (kind === 'entry')
      (result.entries[request] ??= []).push({name: unword(first), ...attrsOf(rest)});
    else if (kind === 'attrs') result.attrs[request] = attrsOf(rest);
    else if (kind === 'got') result.got[request] = Number(first);
    else if (kind === 'refused') result.refused[request] = Number(first);
    else if (kind === 'done') {
      const [text, ...attrs] = rest;
      const bytes = unword(text ?? '');
      result.done[request] = {
        code: Number(first),
        text: String(bytes),
        bytes,
        attrs: attrsOf(attrs),
      };
    } else if (kind === 'peak') result.peak = Number(request);
    else if (kind === 'left') result.left = Number(request);
  }
  return result;
}

/** Runs the script against a server: a command, or {ssh: PORT, user} for a real SSH connection. */
export function drive(command, script) {
  return new Promise((resolve, reject) => {
    const child = spawn(DRIVE, command, {stdio: ['pipe', 'pipe', 'pipe']});
    const out = [];
    let err = '';
    const timer = setTimeout(
      () => child.kill('SIGKILL'),
      process.env.MESHTERM_LONG === '1' ? 1200_000 : 280_000,
    );
    child.stdout.on('data', (data) => out.push(data));
    child.stderr.on('data', (data) => (err += data));
    child.stdin.on('error', () => {});
    child.stdin.end(script.join('\n') + '\n');
    child.once('error', reject);
    child.once('close', (code, signal) => {
      clearTimeout(timer);
      if (code !== 0) reject(new Error(`sftp_drive: ${code ?? signal}\n${err}`));
      else resolve({...parse(String(Buffer.concat(out))), err});
    });
  });
}
