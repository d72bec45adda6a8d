// The built ipn.wasm exports and imports exactly what wasm/exports.txt and wasm/imports.txt list.
import assert from 'node:assert/strict';
import {readFileSync} from 'node:fs';
import path from 'node:path';
import test from 'node:test';
import {ROOT} from './support/setup.mjs';

const module = new WebAssembly.Module(readFileSync(path.join(ROOT, 'js', 'dist', 'ipn.wasm')));

function listed(name) {
  const lines = readFileSync(path.join(ROOT, 'wasm', name), 'utf8').split('\n');
  return lines.filter((line) => line && !line.startsWith('#'));
}

test('exports are those of wasm/exports.txt, which is sorted', () => {
  const list = listed('exports.txt');
  assert.deepEqual(list, [...new Set(list)].sort());
  assert.deepEqual(
    WebAssembly.Module.exports(module)
      .map((e) => e.name)
      .sort(),
    list,
  );
});

test('imports are those of wasm/imports.txt, each a function', () => {
  const list = listed('imports.txt');
  assert.deepEqual(list, [...new Set(list)].sort());
  const imports = WebAssembly.Module.imports(module);
  assert.deepEqual(imports.map((i) => `${i.module}.${i.name}`).sort(), list);
  assert.deepEqual(
    imports.filter((i) => i.kind !== 'function'),
    [],
  );
});

test('the module carries no names, no debug information and no producers', () => {
  for (const section of ['name', '.debug_info', 'producers', 'sourceMappingURL'])
    assert.equal(WebAssembly.Module.customSections(module, section).length, 0, section);
});
