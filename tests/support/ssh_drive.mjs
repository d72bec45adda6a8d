// Runs ssh_drive (tests/support/ssh/ssh_drive.c): one ssh_session on a real socket, sanitizers on.
// MESHTERM_SSH_DRIVE names the program; without it, the one of build/native.
import assert from 'node:assert/strict';
import {spawn} from 'node:child_process';
import {createHash} from 'node:crypto';

import {nativeProgram} from './native_program.mjs';

export const DRIVE = nativeProgram('ssh_drive', 'MESHTERM_SSH_DRIVE');

/** Runs it to its end: {code, bytes, out, err, events}. */
export function drive(port, user, options = [], input = '') {
  return new Promise((resolve, reject) => {
    const child = spawn(DRIVE, [...options, String(port), user]);
    const out = [];
    let err = '';
    const timer = setTimeout(() => child.kill('SIGKILL'), 120_000);
    child.stdout.on('data', (data) => out.push(data));
    child.stderr.on('data', (data) => (err += data));
    child.stdin.on('error', () => {});
    child.stdin.end(input);
    child.once('error', reject);
    child.once('close', (code) => {
      clearTimeout(timer);
      const bytes = Buffer.concat(out);
      const events = [...err.matchAll(/^event: (.*)$/gm)].map((match) => match[1].trim());
      resolve({code, bytes, out: String(bytes), err, events});
    });
  });
}

export const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex');

/** Whether an event of this kind came, by how its line starts. */
export const has = (result, start) => result.events.some((event) => event.startsWith(start));

export function assertUsed(result, text) {
  const used = result.events.find((event) => event.startsWith('used '));
  assert.ok(used?.includes(text), `${used} has ${text}\n${result.err}`);
}
