// The table of ceilings in wasm/ARCHITECTURE.md says of each what the sources say.
import assert from 'node:assert/strict';
import {readFileSync} from 'node:fs';
import path from 'node:path';
import {test} from 'node:test';
import {ROOT} from './support/setup.mjs';

const wasm = (file) => readFileSync(path.join(ROOT, 'wasm', file), 'utf8');

/** What a #define, an enumerator or a CMake variable of that name is; '' if there is none. */
function valueOf(name, source) {
  const found =
    new RegExp(`#define ${name}\\s+(?:\\\\\\n\\s*)?(.+?)(?:\\s*/\\*.*)?$`, 'm').exec(source) ??
    new RegExp(`\\b${name} = ([^,/}]+?)\\s*[,/}]`).exec(source) ??
    new RegExp(`set\\(${name} (\\d+)\\)`).exec(source);
  return found?.[1].replace(/^\((?!.*\).*\()(.*)\)$/, '$1') ?? '';
}

test('each ceiling of the table is in its file, with that value', () => {
  const section = /## Ceilings\n([^]*?)\n## /.exec(wasm('ARCHITECTURE.md'))[1];
  const rows = [...section.matchAll(/^\| `(.+?)` \| `(\w+)` \| (.+?) \| (.+) \|$/gm)];
  assert.ok(rows.length > 50, 'the table is there');
  for (const [, file, name, value, reason] of rows) {
    assert.equal(valueOf(name, wasm(file)), value, `${name} in wasm/${file}: mend the table`);
    assert.ok(reason.length > 5, `${name} has a reason`);
  }
});

test('a name that is not there, or another value, is noticed', () => {
  assert.equal(valueOf('NO_SUCH_CEILING', wasm('wg/peer.h')), '');
  assert.equal(valueOf('X_MAX', '#define X_MAX (1 << 20) /* reason */'), '1 << 20');
  assert.equal(valueOf('X_MAX', 'enum { X_MAX = 7, /* reason */ };'), '7');
});
