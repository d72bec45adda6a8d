// What a visitor downloads before the first prompt, compressed as servers do it.
import {existsSync, readFileSync, readdirSync, writeFileSync} from 'node:fs';
import path from 'node:path';
import {constants, brotliCompress, gzip} from 'node:zlib';
import {promisify} from 'node:util';
import {say} from '../support/setup.mjs';

const BROTLI = {params: {[constants.BROTLI_PARAM_QUALITY]: 11}};

async function sizesOf(file) {
  const bytes = readFileSync(file);
  if (bytes.length > 4e6) say(`size: compressing ${path.basename(file)} (a minute)`);
  const [zipped, brotli] = await Promise.all([
    promisify(gzip)(bytes, {level: 9}),
    promisify(brotliCompress)(bytes, {
      params: {...BROTLI.params, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length},
    }),
  ]);
  return {raw: bytes.length, gzip: zipped.length, brotli: brotli.length};
}

async function sumOf(files) {
  const sum = {raw: 0, gzip: 0, brotli: 0, files: files.map((file) => path.basename(file))};
  for (const file of files) {
    const sizes = await sizesOf(file);
    for (const kind of Object.keys(sizes)) sum[kind] += sizes[kind];
  }
  return sum;
}

function scripts(dir) {
  return readdirSync(dir, {recursive: true})
    .filter((name) => name.endsWith('.js'))
    .map((name) => path.join(dir, name));
}

/**
 * {ours: {wasm, js, terminal}, hub?, tsconnect?: {wasm, js}}, each {raw, gzip, brotli, files}.
 * terminal is xterm.js, which only runSSHSession loads; tsconnect's package has it inside its
 * script, which is not counted here.
 */
export async function sizes({dist, web, tsconnect}) {
  const result = {
    ours: {
      wasm: await sumOf([path.join(dist, 'ipn.wasm')]),
      js: await sumOf(scripts(dist).filter((file) => !file.endsWith('terminal.js'))),
      terminal: await sumOf([path.join(dist, 'terminal.js')]),
    },
  };
  if (existsSync(web)) result.hub = await hubSizes(web);
  if (tsconnect) result.tsconnect = await tsconnectSizes(tsconnect);
  return result;
}

/** Kept beside what they are of: brotli takes a minute for 26 MB. */
async function tsconnectSizes(dir) {
  const kept = path.join(dir, 'sizes.json');
  if (existsSync(kept)) return JSON.parse(readFileSync(kept, 'utf8'));
  const result = {
    wasm: await sumOf([path.join(dir, 'main.wasm')]),
    js: await sumOf([path.join(dir, 'wasm_exec.js')]),
  };
  writeFileSync(kept, JSON.stringify(result));
  return result;
}

/** The page's own with xterm.js, not the package's copies; xterm.js's add-ons that come later apart. */
async function hubSizes(web) {
  const all = scripts(web).filter((file) => !/^meshterm[./]/.test(path.relative(web, file)));
  const isLater = (file) => path.basename(file).startsWith('addon-');
  return {
    script: await sumOf(all.filter((file) => !isLater(file))),
    later: await sumOf(all.filter(isLater)),
  };
}
