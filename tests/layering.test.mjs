// The arrows between the layers, in the tree as it is and in copies with one bad arrow planted.
import assert from 'node:assert/strict';
import {
  appendFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import {tmpdir} from 'node:os';
import path from 'node:path';
import test from 'node:test';
import {findProblems} from './support/layering.mjs';
import {ROOT} from './support/setup.mjs';

test('no file of the tree includes or imports against the layers', () => {
  assert.deepEqual(findProblems(ROOT), []);
});

const PLANTS = [
  // file, line appended to it, what the problem must say
  ['wasm/base/planted.c', '#include "crypto/aead.h"', 'may not include "crypto/aead.h'],
  ['wasm/crypto/planted.c', '#include "noise/noise_symmetric.h"', 'may not include "noise/'],
  ['wasm/wg/planted.c', '#include "magicsock/magicsock.h"', 'may not include "magicsock/'],
  ['wasm/wg/planted.c', '  #  include "control/netmap.h"', 'may not include "control/'],
  ['wasm/derp/planted.c', '#include "disco/disco.h"', 'may not include "disco/'],
  ['wasm/ssh/planted.c', '#include "netstack/tcp_conn.h"', 'may not include "netstack/'],
  ['wasm/control/planted.c', '#include <nghttp2/nghttp2.h>', 'may not include <nghttp2/'],
  ['wasm/control/planted.c', '#include <yyjson.h>', 'may not include <yyjson.h'],
  ['wasm/wg/planted.c', '#include <sodium.h>', 'may not include <sodium.h'],
  ['wasm/ipn/planted.c', '#include <lwip/tcp.h>', 'may not include <lwip/tcp.h'],
  ['wasm/ipn/planted.c', '#include "lwip/tcp.h"', 'may not include "lwip/tcp.h'],
  ['wasm/ipn/planted.c', '#include <libssh2.h>', 'may not include <libssh2.h'],
  ['wasm/ipn/planted.c', '#include "transport.h"', 'may not include "transport.h'],
  ['wasm/ssh/ssh_planted.c', '#include <mbedtls/aes.h>', 'may not include <mbedtls/'],
  ['wasm/wg/planted.c', '#include <time.h>', 'may not include <time.h'],
  ['wasm/wg/planted.h', '#include <sys/socket.h>', 'may not include <sys/socket.h'],
  ['wasm/exports.c', '#include "ipn/ipn_internal.h"', 'may not include "ipn/'],
  ['wasm/ipn/planted.c', '#include <emscripten.h>', 'may not include <emscripten.h'],
  ['wasm/wg/planted.c', '#include "device.h"', 'may not include "device.h'],
  ['wasm/tls/planted.c', '', 'lies in no layer'],
  ['js/src/core/planted.ts', "import {x} from '../host/clock.js';", 'may not import ../host/'],
  [
    'js/src/core/planted.ts',
    "import type {\n  X,\n} from '../ipn.js';",
    'may not import ../ipn.js',
  ],
  ['js/src/host/planted.ts', "import '../worker/worker.js';", 'may not import ../worker/'],
  ['js/src/worker/planted.ts', "export {x} from '../ipn.js';", 'may not import ../ipn.js'],
  ['js/src/planted.ts', "const x = await import('../../web/hub.js');", 'may not import ../../web/'],
  ['js/src/planted.ts', "import ws from 'ws';", 'may not import ws'],
  ['js/src/planted.ts', 'x(memory.buffer);', 'touches the memory'],
  ['web/planted.ts', "import {x} from '../js/src/index.js';", 'may not import ../js/src/'],
  [
    'web/planted.mjs',
    "fetch(new URL('../wasm/ipn.wasm', import.meta.url));",
    'may not import ../wasm/',
  ],
];

const root = mkdtempSync(path.join(tmpdir(), 'layering-'));
test.before(() => {
  for (const dir of ['wasm', 'js/src'])
    cpSync(path.join(ROOT, dir), path.join(root, dir), {recursive: true});
});
test.after(() => rmSync(root, {recursive: true}));

for (const [file, line, expected] of PLANTS) {
  test(`planted in ${file}: ${line.replaceAll('\n', ' ')}`, (t) => {
    const before = findProblems(root).length;
    const planted = path.join(root, file);
    const original = existsSync(planted) ? readFileSync(planted) : null;
    t.after(() => (original ? writeFileSync(planted, original) : rmSync(planted)));
    mkdirSync(path.dirname(planted), {recursive: true});
    appendFileSync(planted, `${line}\n`);
    const problems = findProblems(root);
    assert.equal(problems.length, before + 1);
    assert.ok(problems.some((p) => p.startsWith(`${file}: `) && p.includes(expected)));
  });
}
