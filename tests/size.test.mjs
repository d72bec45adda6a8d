// What a visitor downloads stays below its ceilings. `npm run bench -- size` says what it is made of.
import assert from 'node:assert/strict';
import {mkdtempSync, rmSync} from 'node:fs';
import path from 'node:path';
import test from 'node:test';
import {buildHub} from '../web/build.mjs';
import {sizes} from './bench/size.mjs';
import {linkMap, moduleParts, originOf} from './bench/wasm_sizes.mjs';
import {ROOT} from './support/setup.mjs';

/** Bytes, by brotli: the package without its terminal; the hub page's own script with xterm.js. */
const PACKAGE_MOST = 320_000;
const HUB_MOST = 100_000;

test('the package and the hub page are small enough', async (t) => {
  const scratch = mkdtempSync(path.join(ROOT, 'build', 'size-'));
  t.after(() => rmSync(scratch, {recursive: true, force: true}));
  const web = await buildHub({dist: path.join(scratch, 'hub'), say: () => {}});
  const {ours, hub} = await sizes({dist: path.join(ROOT, 'js', 'dist'), web});
  const all = ours.wasm.brotli + ours.js.brotli;
  t.diagnostic(`ipn.wasm ${ours.wasm.brotli} + js ${ours.js.brotli} = ${all}`);
  t.diagnostic(`the hub page's script ${hub.script.brotli}: ${hub.script.files.join(' ')}`);
  assert.ok(all > 100_000, 'something is missing');
  assert.ok(all <= PACKAGE_MOST, `ipn.wasm and its scripts: ${all} of ${PACKAGE_MOST} bytes`);
  assert.ok(hub.script.brotli > 50_000, 'something is missing');
  assert.ok(
    hub.script.brotli <= HUB_MOST,
    `the hub page's script: ${hub.script.brotli} of ${HUB_MOST} bytes`,
  );
});

/** (func $a (result i32) i32.const 7) (func $b) with their names, by hand. */
const SMALL_MODULE = Uint8Array.from([
  ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
  ...[1, 8, 2, 0x60, 0, 1, 0x7f, 0x60, 0, 0], // types
  ...[3, 3, 2, 0, 1], // functions
  ...[5, 3, 1, 0, 1], // memory
  ...[10, 9, 2, 4, 0, 0x41, 7, 0x0b, 2, 0, 0x0b], // code
  ...[11, 8, 1, 0, 0x41, 0, 0x0b, 2, 1, 2], // data
  ...[0, 14, 4, 0x6e, 0x61, 0x6d, 0x65, 1, 7, 2, 0, 1, 0x61, 1, 1, 0x62], // names
]);

test('the size report finds functions, names, and where they came from', () => {
  const {functions, data} = moduleParts(SMALL_MODULE);
  assert.deepEqual(
    functions.map(({name, bytes}) => [name, bytes.length]),
    [
      ['a', 5],
      ['b', 3],
    ],
  );
  assert.equal(data, 8);
  const map = linkMap(
    [
      '       -     1038       13         CMakeFiles/ipn_named.wasm.dir/wasm/exports.c.o:(a)',
      '       -     1038       13                 a',
      '       -     2038        5         libcore_wg.a(send.c.o):(b)',
      '       -     3038       55         liblibssh2.a(kex.c.o):(b)',
      '    7020    aa7f9       1e         liblwip.a(nd6.c.o):(.rodata.x)',
    ].join('\n'),
  );
  assert.deepEqual([...map.data], [['lwip', 0x1e]]);
  assert.equal(originOf(functions[0], map).library, 'wasm/exports.c');
  assert.equal(originOf(functions[1], map).library, 'wasm/wg');
  assert.equal(originOf({name: 'b_17', bytes: {length: 80}}, map).library, 'libssh2');
  assert.equal(originOf({name: 'c', bytes: {length: 1}}, map).library, 'linker');
});
