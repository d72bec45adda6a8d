// The client to compare with: Tailscale's own, Go compiled to WebAssembly, as its package has it
// (cmd/tsconnect, the tags of wasmbuild), from the Go module that the tests pin. Built once into
// the cache.
import {createHash} from 'node:crypto';
import {existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync} from 'node:fs';
import {copyFileSync, rmSync, writeFileSync} from 'node:fs';
import path from 'node:path';
import {run} from '../support/process.mjs';
import {CACHE, EMSCRIPTEN_VERSION, ROOT, needGo, say, withLock} from '../support/setup.mjs';

const MODULE = path.join(ROOT, 'tests', 'peers', 'tailscale');
const BUILD_TIMEOUT_MS = 30 * 60_000;
const RECIPE = 'tags of wasmbuild less tailscale_go; -trimpath; -s -w; wasm-opt -Oz; 1';
/** What Go's compiler emits; wasm-opt must be told. */
const FEATURES = [
  '--enable-bulk-memory',
  '--enable-nontrapping-float-to-int',
  '--enable-sign-ext',
  '--enable-mutable-globals',
  '--enable-simd',
];

const PRINT_TAGS = `package main

import (
	"fmt"

	"tailscale.com/cmd/tsconnect/wasmbuild"
)

func main() { fmt.Print(wasmbuild.Tags()) }
`;

function go(args, env = {}) {
  return run('go', args, {
    cwd: MODULE,
    timeout: BUILD_TIMEOUT_MS,
    env: {...process.env, GOFLAGS: '-mod=readonly', GOWORK: 'off', ...env},
  });
}

function stamp(goVersion) {
  const hash = createHash('sha256').update(RECIPE).update(goVersion).update(EMSCRIPTEN_VERSION);
  for (const file of ['go.mod', 'go.sum']) hash.update(readFileSync(path.join(MODULE, file)));
  return hash.digest('hex');
}

/** Beside emcc, wherever that is: emsdk puts Binaryen there, our own set-up a folder above. */
async function wasmOpt(env) {
  const emcc = (await run('which', ['emcc'], {env})).trim();
  const names = ['wasm-opt', '../bin/wasm-opt', '../binaryen/bin/wasm-opt'];
  const found = names.map((name) => path.join(path.dirname(emcc), name)).find(existsSync);
  if (!found) throw new Error(`no wasm-opt beside ${emcc}`);
  return found;
}

async function buildInto(dir, env) {
  const scratch = path.join(dir, 'tags.go');
  writeFileSync(scratch, PRINT_TAGS);
  const tags = (await go(['run', scratch]))
    .split(',')
    .filter((tag) => tag !== 'tailscale_go')
    .join(',');
  rmSync(scratch);
  const raw = path.join(dir, 'raw.wasm');
  say('tsconnect: go build (minutes)');
  await go(
    [
      ...['build', '-tags', tags, '-trimpath', '-ldflags', '-s -w', '-o', raw],
      'tailscale.com/cmd/tsconnect/wasm',
    ],
    {GOOS: 'js', GOARCH: 'wasm'},
  );
  say('tsconnect: wasm-opt -Oz (a minute)');
  await run(await wasmOpt(env), ['-Oz', ...FEATURES, '-o', path.join(dir, 'main.wasm'), raw], {
    timeout: BUILD_TIMEOUT_MS,
  });
  rmSync(raw);
  const root = (await go(['env', 'GOROOT'])).trim();
  copyFileSync(path.join(root, 'lib/wasm/wasm_exec.js'), path.join(dir, 'wasm_exec.js'));
}

/** The folder with main.wasm and wasm_exec.js; env is one in which emcc is the pinned one. */
export function tsconnect(env) {
  needGo();
  return withLock('tsconnect', async () => {
    const dir = path.join(CACHE, 'peers', 'tsconnect');
    const wanted = stamp((await go(['env', 'GOVERSION'])).trim());
    const stampFile = path.join(dir, '.stamp');
    if (existsSync(stampFile) && readFileSync(stampFile, 'utf8') === wanted) return dir;
    say('tsconnect: building with Go (minutes the first time)');
    mkdirSync(path.dirname(dir), {recursive: true});
    const fresh = mkdtempSync(`${dir}.new-`);
    try {
      await buildInto(fresh, env);
      writeFileSync(path.join(fresh, '.stamp'), wanted);
      rmSync(dir, {recursive: true, force: true});
      renameSync(fresh, dir);
    } finally {
      rmSync(fresh, {recursive: true, force: true});
    }
    return dir;
  });
}
