/* Imports a TypeScript source of js/src: bundled by esbuild into a file of its own, once a process. */
import {mkdtempSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import path from 'node:path';
import {fileURLToPath, pathToFileURL} from 'node:url';
import {build} from 'esbuild';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const out = mkdtempSync(path.join(tmpdir(), 'meshterm-js-'));
process.on('exit', () => rmSync(out, {recursive: true, force: true}));

let count = 0;

/**
 * load('js/src/core/pump.ts') or load([...]) for several that must share their classes.
 * alias replaces packages, as esbuild's.
 */
export async function load(files, {alias = {}} = {}) {
  const list = [files].flat().map((file) => path.resolve(root, file));
  const outfile = path.join(out, `${count++}.mjs`);
  await build({
    stdin: {
      contents: list.map((file) => `export * from ${JSON.stringify(file)};`).join('\n'),
      resolveDir: root,
    },
    outfile,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    loader: {'.css': 'text'},
    alias,
    logLevel: 'error',
  });
  return import(pathToFileURL(outfile).href);
}
