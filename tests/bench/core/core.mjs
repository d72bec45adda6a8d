// The parts of the core alone: compiled against the libraries that ipn.wasm is made of, run by
// Node's V8, which is Chromium's.
import {execFile} from 'node:child_process';
import {mkdtempSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import path from 'node:path';
import {promisify} from 'node:util';
import {ROOT, say} from '../../support/setup.mjs';
import {summary} from '../stats.mjs';

const run = promisify(execFile);
const WASM = path.join(ROOT, 'build', 'wasm');

/** libsodium's own C, which the product compiles for size: for the comparison, for speed too. */
const SODIUM_HOT = [
  'crypto_aead/chacha20poly1305/sodium/aead_chacha20poly1305.c',
  'crypto_stream/chacha20/stream_chacha20.c',
  'crypto_stream/chacha20/ref/chacha20_ref.c',
  'crypto_onetimeauth/poly1305/onetimeauth_poly1305.c',
  'crypto_onetimeauth/poly1305/donna/poly1305_donna.c',
  'crypto_verify/sodium/verify.c',
];

async function compile(out, sodium, env) {
  const dir = path.join(env.MESHTERM_DEPS, 'libsodium/src/libsodium');
  const version = path.join(WASM, 'third_party/libsodium');
  const includes = [
    path.join(ROOT, 'wasm'),
    path.join(dir, 'include'),
    path.join(dir, 'include/sodium'),
    version,
    path.join(version, 'sodium'),
  ];
  const libraries = ['core_crypto', 'core_base', 'libsodium'].map((n) => `${WASM}/lib${n}.a`);
  await run(
    'emcc',
    [
      ...['-O3', '-w', '-DCONFIGURED=1', '-sENVIRONMENT=node', ...includes.map((i) => `-I${i}`)],
      path.join(ROOT, 'tests/bench/core/aead_bench.c'),
      ...sodium.map((file) => path.join(dir, file)),
      ...[...libraries, '-o', out],
    ],
    {env},
  );
}

async function runs(program) {
  const {stdout} = await run(process.execPath, [program]);
  const samples = {};
  for (const line of stdout.trim().split('\n')) {
    const [name, what, rate] = line.split(' ');
    ((samples[name] ??= {})[what] ??= []).push(Number(rate));
  }
  return samples;
}

/** {kernel, sodium, sodiumForSize: {seal, open: summary of MB/s}} at 1280 bytes. */
export async function benchAead(env) {
  const scratch = mkdtempSync(path.join(tmpdir(), 'meshterm-bench-core-'));
  try {
    say('AEAD: compiling libsodium for speed and as the product has it, and the kernel');
    const [hot, shipped] = ['hot.cjs', 'shipped.cjs'].map((name) => path.join(scratch, name));
    await compile(hot, SODIUM_HOT, env);
    await compile(shipped, [], env);
    say('AEAD: measuring');
    const [a, b] = [await runs(hot), await runs(shipped)];
    const both = ({seal, open}) => ({seal: summary(seal), open: summary(open)});
    return {kernel: both(a.kernel), sodium: both(a.libsodium), sodiumForSize: both(b.libsodium)};
  } finally {
    rmSync(scratch, {recursive: true, force: true});
  }
}
