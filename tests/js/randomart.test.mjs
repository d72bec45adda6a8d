// The drawing of a fingerprint, against ssh-keygen -lv, over keys of every type and size.
import assert from 'node:assert/strict';
import {execFileSync} from 'node:child_process';
import {mkdtempSync, readFileSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {after, test} from 'node:test';
import {load} from './support/load.mjs';

const {randomart} = await load(['js/src/randomart.ts']);
const dir = mkdtempSync(join(tmpdir(), 'randomart-'));
after(() => rmSync(dir, {recursive: true, force: true}));

const KINDS = [
  ...Array(20).fill(['-t', 'ed25519']),
  ...['256', '384', '521'].map((bits) => ['-t', 'ecdsa', '-b', bits]),
  ...['1024', '1025', '2048', '3071', '4096'].map((bits) => ['-t', 'rsa', '-b', bits]),
];

test('as ssh-keygen draws it', () => {
  for (const [i, flags] of KINDS.entries()) {
    const path = join(dir, `key-${i}`);
    execFileSync('ssh-keygen', ['-q', ...flags, '-N', '', '-C', '', '-f', path]);
    const shown = execFileSync('ssh-keygen', ['-lvf', `${path}.pub`], {encoding: 'utf8'});
    const [line, ...art] = shown.trimEnd().split('\n');
    const [type, base64] = readFileSync(`${path}.pub`, 'utf8').split(' ');
    const fingerprint = /SHA256:\S+/.exec(line)[0];
    assert.equal(randomart(type, fingerprint, Buffer.from(base64, 'base64')), art.join('\n'), line);
  }
});

test('a blob that is cut short draws all the same', () => {
  const fingerprint = 'SHA256:H2fiFGsBdojyo07mDnOgNJzPO0yO/y9FKaMl+X/oqdU';
  const art = (blob) => randomart('ssh-rsa', fingerprint, Uint8Array.from(blob)).split('\n');
  for (const blob of [[], [0, 0, 0], [0, 0, 0, 9, 1], [0, 0, 0, 0, 255, 255, 255, 255]]) {
    assert.equal(art(blob).length, 11);
    assert.ok(art(blob).every((line) => line.length === 19));
  }
});
