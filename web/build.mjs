// Builds web/dist: the hub page with names that change with what is in them (so that browsers may
// keep them for ever), the package beside it, lite.html, and a .br of everything.
//
//   node web/build.mjs       after js/build.mjs
//
//   dist/index.html  hub.HASH.js  terminal_view-HASH.js …  meshterm.HASH/ (for the hub)
//   dist/lite.html   meshterm/ (the same, under a name that does not change)
import {createHash} from 'node:crypto';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import {fileURLToPath} from 'node:url';
import {brotliCompressSync, constants} from 'node:zlib';
import {withLock} from '../tests/support/setup.mjs';

const here = path.dirname(fileURLToPath(import.meta.url));
const PACKAGE = path.join(here, '..', 'js', 'dist');
const BUILD = path.join(here, '..', 'build');
const PACKAGE_FILES = ['index.js', 'worker.js', 'terminal.js', 'ipn.wasm'];
const ENTRIES = ['hub.ts', 'theme.ts', 'hub.css'];

function packageHash() {
  const hash = createHash('sha256');
  for (const name of PACKAGE_FILES) {
    const file = path.join(PACKAGE, name);
    if (!existsSync(file)) throw new Error(`js/dist/${name} is missing: npm run build makes it`);
    hash.update(readFileSync(file));
  }
  return hash.digest('hex').slice(0, 8);
}

/** import 'meshterm' stays an import of the package beside the page. */
function packageBeside(name) {
  return {
    name: 'package-beside',
    setup({onResolve}) {
      onResolve({filter: /^meshterm$/}, () => ({path: `./${name}/index.js`, external: true}));
    },
  };
}

async function bundle(outdir, packageName) {
  const {build, stop} = await import('esbuild'); // may have been installed a moment ago
  const common = {
    absWorkingDir: here,
    outdir,
    bundle: true,
    minify: true,
    target: 'es2022',
    charset: 'utf8',
    legalComments: 'none',
    entryNames: '[name].[hash]',
    chunkNames: '[name].[hash]',
    metafile: true,
    logLevel: 'warning',
  };
  const buildAll = async () => [
    await build({
      ...common,
      entryPoints: ['src/hub.ts', 'src/hub.css'],
      format: 'esm',
      splitting: true,
      plugins: [packageBeside(packageName)],
    }),
    await build({...common, entryPoints: ['src/theme.ts'], format: 'iife'}),
  ];
  const results = await buildAll().finally(stop); // its process would stay as long as ours
  const names = {};
  for (const {metafile} of results)
    for (const [file, {entryPoint}] of Object.entries(metafile.outputs)) {
      const entry = entryPoint && path.basename(entryPoint);
      if (ENTRIES.includes(entry)) names[entry.replace(/\.ts$/, '.js')] = path.basename(file);
    }
  return names;
}

function compress(dir) {
  for (const entry of readdirSync(dir, {withFileTypes: true, recursive: true})) {
    const file = path.join(entry.parentPath ?? entry.path, entry.name);
    if (!entry.isFile() || file.endsWith('.br') || existsSync(`${file}.br`)) continue;
    const bytes = readFileSync(file);
    const params = {
      [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY,
      [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length,
    };
    writeFileSync(`${file}.br`, brotliCompressSync(bytes, {params}));
  }
}

/** The package, compressed; what the last build compressed is taken over if it is the same. */
function copyPackage(dist, last, packageName) {
  const dir = path.join(dist, packageName);
  const before = path.join(last, packageName);
  mkdirSync(dir);
  for (const name of PACKAGE_FILES) cpSync(path.join(PACKAGE, name), path.join(dir, name));
  for (const name of PACKAGE_FILES.map((file) => `${file}.br`))
    if (existsSync(path.join(before, name))) cpSync(path.join(before, name), path.join(dir, name));
  compress(dir);
  cpSync(dir, path.join(dist, 'meshterm'), {recursive: true});
}

function printSizes(dist, say) {
  for (const name of readdirSync(dist).sort()) {
    const file = path.join(dist, name);
    if (!statSync(file).isFile() || name.endsWith('.br')) continue;
    const kB = (f) => (statSync(f).size / 1000).toFixed(1);
    say(`web/dist/${name.padEnd(32)} ${kB(file).padStart(7)} kB, brotli ${kB(`${file}.br`)} kB`);
  }
}

async function buildInto(dist, last) {
  const packageName = `meshterm.${packageHash()}`;
  const names = {...(await bundle(dist, packageName)), meshterm: packageName};
  const html = readFileSync(path.join(here, 'src', 'index.html'), 'utf8');
  const filled = html.replace(/\{\{([^}]+)\}\}/g, (_, name) => {
    if (!names[name]) throw new Error(`index.html wants ${name}, which was not built`);
    return names[name];
  });
  writeFileSync(path.join(dist, 'index.html'), filled);
  cpSync(path.join(here, 'lite.html'), path.join(dist, 'lite.html'));
  copyPackage(dist, last, packageName);
  compress(dist);
}

/**
 * Beside the last one, which it then replaces: another hub may be serving that.
 * @returns {Promise<string>} the folder to serve
 */
export async function buildHub({dist = path.join(here, 'dist'), say = console.log} = {}) {
  return withLock('hub', async () => {
    mkdirSync(BUILD, {recursive: true});
    const fresh = mkdtempSync(path.join(BUILD, 'hub-'));
    try {
      chmodSync(fresh, 0o755);
      await buildInto(fresh, dist);
      rmSync(dist, {recursive: true, force: true});
      renameSync(fresh, dist);
    } finally {
      rmSync(fresh, {recursive: true, force: true});
    }
    printSizes(dist, say);
    return dist;
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await buildHub();
