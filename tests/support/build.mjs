// npm run build: from nothing to js/dist. Each step does only what is not done yet.
//
//   setup > third-party sources > build/wasm/ipn.wasm > js/build.mjs > js/dist
import {existsSync} from 'node:fs';
import path from 'node:path';
import {fileURLToPath} from 'node:url';
import {ROOT, main, ninja, say, setup, sh, withLock} from './setup.mjs';

/** build/wasm/ipn.wasm, in an environment that setup() gave. */
export async function buildWasm(env) {
  const dir = path.join(ROOT, 'build', 'wasm');
  const isFirst = !existsSync(path.join(dir, 'build.ninja'));
  say(
    `ipn.wasm: compiling ${isFirst ? 'the core and its libraries' : 'what changed, if anything'}`,
  );
  if (isFirst)
    await sh('emcmake', ['cmake', '-G', 'Ninja', '-B', dir, '-S', ROOT], {
      env,
      stdio: ['ignore', 'ignore', 'inherit'],
    });
  await ninja('ipn.wasm', dir, ['ipn.wasm'], env);
  return path.join(dir, 'ipn.wasm');
}

/** js/dist with everything in it, in an environment that setup() gave. */
export async function buildPackage(env) {
  await withLock('build', async () => {
    await buildWasm(env);
    say('js/dist: bundling');
    await sh(process.execPath, [path.join(ROOT, 'js', 'build.mjs')], {env});
  });
}

export async function build() {
  await buildPackage(await setup('build'));
  say('js/dist is built');
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main(build);
