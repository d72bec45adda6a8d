// The unit tests of base, crypto, noise and disco once more, as WebAssembly: linked against the very
// libraries that ipn.wasm is made of, with its 32-bit sizes and its SIMD kernel, and run by Node.
import assert from 'node:assert/strict';
import {execFile} from 'node:child_process';
import {mkdtempSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import path from 'node:path';
import test from 'node:test';
import {promisify} from 'node:util';
import {buildWasm} from '../support/build.mjs';
import {treeFiles} from '../support/files.mjs';
import {ROOT, setup, withLock} from '../support/setup.mjs';

const run = promisify(execFile);
const MODULES = ['base', 'crypto', 'noise', 'disco'];
const LIBRARIES = ['core_disco', 'core_noise', 'core_crypto', 'core_base', 'libsodium'];

/** Compiles one test program; NODERAWFS lets it read tests/vectors. */
async function compile(source, out, build, env) {
  const flags = ['-std=c11', '-O1', '-D_DEFAULT_SOURCE', '-sNODERAWFS=1', '-sSTACK_SIZE=262144'];
  const includes = ['tests', 'tests/unit', 'wasm'].map((dir) => `-I${path.join(ROOT, dir)}`);
  const vectors = `-DTEST_VECTORS="${path.join(ROOT, 'tests', 'vectors')}"`;
  const libraries = LIBRARIES.map((name) => path.join(build, `lib${name}.a`));
  await run('emcc', [...flags, ...includes, vectors, source, ...libraries, '-o', out], {env});
}

test('unit tests as WebAssembly', async (t) => {
  const env = await setup('build');
  const build = path.dirname(await withLock('build', () => buildWasm(env)));
  const scratch = mkdtempSync(path.join(tmpdir(), 'wasm-units-'));
  t.after(() => rmSync(scratch, {recursive: true, force: true}));
  const sources = treeFiles(...MODULES.map((module) => `tests/unit/${module}/test_*.c`));
  assert.ok(sources.length >= 15, `only ${sources.length} tests found`);
  for (const source of sources) {
    await t.test(source, async () => {
      const program = path.join(scratch, `${path.basename(source, '.c')}.cjs`);
      await compile(path.join(ROOT, source), program, build, env);
      const {stdout} = await run(process.execPath, [program], {cwd: path.join(ROOT, 'tests')});
      assert.match(stdout, /^[1-9]\d* checks, 0 failed$/m);
    });
  }
});
