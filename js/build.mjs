/*
 * Builds js/dist: index.js, worker.js and terminal.js (ES modules for browsers and Node >= 20),
 * the types (index.d.ts and what it exports), and ipn.wasm from build/wasm.
 *
 *   node js/build.mjs [--types]     --types: check types as well
 */
import {execFileSync} from 'node:child_process';
import {createHash} from 'node:crypto';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import {createRequire} from 'node:module';
import path from 'node:path';
import {fileURLToPath} from 'node:url';
import {brotliCompressSync} from 'node:zlib';
import {build} from 'esbuild';
import {expected} from './gen_events.mjs';

const here = path.dirname(fileURLToPath(import.meta.url));
const dist = path.join(here, 'dist');
const wasm = path.join(here, '../build/wasm/ipn.wasm');
const ENTRIES = {
  index: 'src/index.ts',
  worker: 'src/worker/worker.ts',
  terminal: 'src/terminal.ts',
};
const CHUNKS = new Set(['worker', 'terminal']);

/** import('…/worker.js') stays an import of the file beside it: what is not used is not loaded. */
const lazyChunks = {
  name: 'lazy-chunks',
  setup({onResolve}) {
    onResolve({filter: /\/(worker|terminal)\.js$/}, ({path: name, kind}) => {
      const chunk = path.basename(name, '.js');
      if (kind !== 'dynamic-import' || !CHUNKS.has(chunk)) return undefined;
      return {path: `./${chunk}.js`, external: true};
    });
  },
};

function writeEventNumbers() {
  const file = path.join(here, 'src/core/event_numbers.ts');
  const text = expected();
  if (!existsSync(file) || readFileSync(file, 'utf8') !== text) writeFileSync(file, text);
}

function checkTypes() {
  const root = path.dirname(createRequire(import.meta.url).resolve('typescript/package.json'));
  const {bin} = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8'));
  for (const project of ['.', 'src/core']) {
    execFileSync(process.execPath, [path.join(root, bin.tsc), '-p', path.join(here, project)], {
      stdio: 'inherit',
    });
  }
}

function copyTypes() {
  const types = (dir) => readdirSync(dir).filter((name) => name.endsWith('.d.ts'));
  for (const name of types(dist)) rmSync(path.join(dist, name));
  for (const name of types(here))
    copyFileSync(path.join(here, name), path.join(dist, name === 'ipn.d.ts' ? 'index.d.ts' : name));
}

function printSizes(names) {
  for (const name of names) {
    const bytes = readFileSync(path.join(dist, name));
    const small = brotliCompressSync(bytes).length;
    console.log(
      `js/dist/${name.padEnd(12)} ${(bytes.length / 1000).toFixed(1).padStart(7)} kB, brotli ${(small / 1000).toFixed(1)} kB`,
    );
  }
}

/** Changes with whatever the package is made of. */
function version() {
  const hash = createHash('sha256');
  const sources = readdirSync(path.join(here, 'src'), {recursive: true}).sort();
  const files = sources
    .filter((name) => name.endsWith('.ts'))
    .map((name) => path.join('src', name));
  for (const file of files) hash.update(readFileSync(path.join(here, file)));
  if (existsSync(wasm)) hash.update(readFileSync(wasm));
  return hash.digest('hex').slice(0, 12);
}

writeEventNumbers();
if (process.argv.includes('--types')) checkTypes();
mkdirSync(dist, {recursive: true});
await build({
  absWorkingDir: here,
  entryPoints: ENTRIES,
  outdir: dist,
  bundle: true,
  minify: true,
  format: 'esm',
  platform: 'browser',
  target: 'es2022',
  charset: 'utf8',
  legalComments: 'none',
  loader: {'.css': 'text'},
  plugins: [lazyChunks],
  define: {__MESHTERM_VERSION__: JSON.stringify(version())},
  logLevel: 'warning',
});
copyTypes();
const names = Object.keys(ENTRIES).map((name) => `${name}.js`);
if (existsSync(wasm)) {
  copyFileSync(wasm, path.join(dist, 'ipn.wasm'));
  names.push('ipn.wasm');
} else {
  console.warn('build/wasm/ipn.wasm is not built yet: js/dist has no ipn.wasm');
}
printSizes(names);
