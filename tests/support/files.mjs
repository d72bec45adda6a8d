// The files of the tree that formatters and linters look at: those git knows or would add.
import {execFileSync} from 'node:child_process';
import {existsSync} from 'node:fs';
import path from 'node:path';
import {ROOT} from './setup.mjs';

export function treeFiles(...patterns) {
  const args = ['ls-files', '--cached', '--others', '--exclude-standard', '-z', '--', ...patterns];
  const names = execFileSync('git', args, {cwd: ROOT, encoding: 'utf8', maxBuffer: 1 << 26});
  return [...new Set(names.split('\0'))].filter((n) => n && existsSync(path.join(ROOT, n)));
}

export const C_FILES = ['wasm/*.c', 'wasm/*.h', 'tests/*.c', 'tests/*.h'];
