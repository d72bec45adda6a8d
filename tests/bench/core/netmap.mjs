// A tailnet of 10,000 peers in the core alone (netmap_bench.c), run by Node's V8, CPU time of one
// thread. `node tests/bench/core/netmap.mjs` prints it; first: by code that V8 has not optimised yet.
import {execFile} from 'node:child_process';
import {mkdtempSync, readdirSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import path from 'node:path';
import {fileURLToPath} from 'node:url';
import {promisify} from 'node:util';
import {ROOT, main, say, setup} from '../../support/setup.mjs';
import {buildWasm} from '../../support/build.mjs';
import {summary} from '../stats.mjs';

const run = promisify(execFile);
const WASM = path.join(ROOT, 'build', 'wasm');
const PROCESSES = 5; // each gives one first map
const PARTS = 'ipn control ssh netstack magicsock wg derp disco noise crypto base'.split(' ');
const THIRD = 'libssh2 mbedtls lwip nghttp2 yyjson zstd libsodium'.split(' ');

/** The encoder is the bench's: the product has only the decoder. */
function zstdEncoder(deps) {
  const dir = path.join(deps, 'zstd/lib/compress');
  const files = readdirSync(dir).filter((name) => name.endsWith('.c'));
  return files.map((name) => path.join(dir, name));
}

async function compile(out, env) {
  const deps = env.MESHTERM_DEPS;
  const includes = ['zstd/lib', 'yyjson/src'].map((dir) => path.join(deps, dir));
  const libraries = [...PARTS.map((part) => `core_${part}`), ...THIRD];
  await run(
    'emcc',
    [
      ...['-O2', '-w', '-DZSTD_DISABLE_ASM=1', '-DXXH_NAMESPACE=ZSTD_', '-sENVIRONMENT=node'],
      ...['-sALLOW_MEMORY_GROWTH=1', '-sSTACK_SIZE=1MB'],
      ...[path.join(ROOT, 'wasm'), ...includes].map((dir) => `-I${dir}`),
      path.join(ROOT, 'tests/bench/core/netmap_bench.c'),
      ...zstdEncoder(deps),
      ...libraries.map((name) => path.join(WASM, `lib${name}.a`)),
      ...['-o', out],
    ],
    {env},
  );
}

/** {'first.all': summary of ms, 'full.parse': …, 'changed.all': …, 'lookup.key': …} */
export async function benchNetmap(env) {
  const scratch = mkdtempSync(path.join(tmpdir(), 'meshterm-bench-netmap-'));
  try {
    say('netmap: compiling');
    const program = path.join(scratch, 'netmap.cjs');
    await compile(program, env);
    say('netmap: measuring');
    const samples = {};
    for (let i = 0; i < PROCESSES; i++) {
      const {stdout} = await run(process.execPath, [program]);
      for (const line of stdout.trim().split('\n')) {
        const [name, value] = line.split(' ');
        (samples[name] ??= []).push(Number(value));
      }
    }
    return Object.fromEntries(Object.entries(samples).map(([name, s]) => [name, summary(s)]));
  } finally {
    rmSync(scratch, {recursive: true, force: true});
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url))
  await main(async () => {
    const env = await setup('build');
    await buildWasm(env);
    console.table(await benchNetmap(env));
  });
