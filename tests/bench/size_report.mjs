// The size of ipn.wasm by library and by function: npm run bench -- size.
import {readFileSync} from 'node:fs';
import path from 'node:path';
import {constants, brotliCompressSync} from 'node:zlib';
import {ROOT, ninja} from '../support/setup.mjs';
import {linkMap, moduleParts, originOf} from './wasm_sizes.mjs';

const BUILD = path.join(ROOT, 'build', 'wasm');
const LARGEST = 40;

function brotli(chunks) {
  const params = {[constants.BROTLI_PARAM_QUALITY]: 11};
  return brotliCompressSync(Buffer.concat(chunks), {params}).length;
}

/**
 * {libraries: [{library, functions, code, brotli, data}], functions: [{name, library, code}]}, the
 * largest first. brotli is that of the library's code alone; data is what its constants take, but
 * for texts, which the linker merges.
 */
export async function sizeReport(env) {
  await ninja('size', BUILD, ['ipn_named.wasm'], env);
  const parts = moduleParts(readFileSync(path.join(BUILD, 'ipn_named.wasm')));
  const map = linkMap(readFileSync(path.join(BUILD, 'ipn_named.map'), 'utf8'));
  const byLibrary = new Map();
  const of = (library) => {
    if (!byLibrary.has(library)) byLibrary.set(library, []);
    return byLibrary.get(library);
  };
  const functions = parts.functions.map((f) => {
    const {library} = originOf(f, map);
    of(library).push(f.bytes);
    return {name: f.name, library, code: f.bytes.length};
  });
  for (const library of map.data.keys()) of(library);
  const libraries = [...byLibrary].map(([library, chunks]) => ({
    library,
    functions: chunks.length,
    code: chunks.reduce((n, {length}) => n + length, 0),
    brotli: chunks.length ? brotli(chunks) : 0,
    data: map.data.get(library) ?? 0,
  }));
  const size = ({code, data = 0}) => code + data;
  const sorted = (list) => list.sort((a, b) => size(b) - size(a));
  return {libraries: sorted(libraries), functions: sorted(functions)};
}

/** The report as text: every library, and the largest functions. */
export function sizeReportText({libraries, functions}) {
  const kB = (n) => (n / 1000).toFixed(1).padStart(8);
  return [
    'library                 functions     code   brotli     data   kB; brotli of the code alone',
    ...libraries.map(
      (l) =>
        l.library.padEnd(24) +
        String(l.functions).padStart(9) +
        ` ${kB(l.code)} ${kB(l.brotli)} ${kB(l.data)}`,
    ),
    '',
    `the ${LARGEST} largest functions, of ${functions.length}`,
    ...functions.slice(0, LARGEST).map((f) => `${kB(f.code)} ${f.library.padEnd(16)} ${f.name}`),
  ].join('\n');
}
