// The stages of npm test. Each rejects if anything in it fails.
import {existsSync} from 'node:fs';
import {cpus} from 'node:os';
import path from 'node:path';
import {buildPackage} from './build.mjs';
import {coverageTable, forgetCoverage} from './coverage.mjs';
import {C_FILES, treeFiles} from './files.mjs';
import {fuzzAll} from './fuzz.mjs';
import {peers} from './peers.mjs';
import {findPlanted} from './planted.mjs';
import {ctestRecord, recordNative, reporters} from './ran.mjs';
import {ROOT, SetupError, ninja, say, sh} from './setup.mjs';

const JOBS = String(cpus().length);
const MINUTE_MS = 60_000;
/** Stages that test real peers start daemons and browsers: one file at a time. */
const ALONE = ['--test-concurrency=1'];

function npmBin(name) {
  return path.join(ROOT, 'node_modules', '.bin', name);
}

async function lint({env}) {
  await sh(npmBin('eslint'), ['.', '--max-warnings=0'], {env});
  await sh(npmBin('prettier'), ['--check', '--log-level=warn', '.'], {env});
  await sh('clang-format-19', ['--dry-run', '-Werror', ...treeFiles(...C_FILES)], {env});
  for (const project of treeFiles('js/**tsconfig.json', 'web/**tsconfig.json'))
    await sh(npmBin('tsc'), ['-p', project], {env});
  say('eslint, prettier, clang-format and tsc found nothing');
}

/** node --test over the test files of a folder; a folder without any is told, not hidden. */
async function nodeTests(folder, {env, args = [], minutes = 5}) {
  const files = treeFiles(`tests/${folder}/*.test.mjs`);
  if (files.length === 0) {
    say(`tests/${folder}: NO TESTS THERE`);
    return 'NO TESTS';
  }
  await sh(process.execPath, ['--test', ...reporters(folder), ...args, ...files], {
    env,
    timeout: minutes * MINUTE_MS,
  });
}

async function layering({env}) {
  const files = ['tests/layering.test.mjs', 'tests/ceilings.test.mjs'];
  await sh(process.execPath, ['--test', '--test-reporter=dot', ...files], {env});
}

/** Configures once, then compiles what changed: the targets, or all. */
async function cmakeBuild(name, env, options, targets = []) {
  const dir = path.join(ROOT, 'build', name);
  if (!existsSync(path.join(dir, 'build.ninja')))
    await sh('cmake', ['-G', 'Ninja', '-B', dir, '-S', ROOT, ...options], {
      env,
      stdio: ['ignore', 'ignore', 'inherit'],
    });
  await ninja(name, dir, ['-k', '0', ...targets], env);
  return dir;
}

async function native({env}) {
  const dir = await cmakeBuild('native', {...env, CC: 'gcc'}, ['-DSANITIZE=ON']);
  const args = ['--test-dir', dir, '-j', JOBS, '--output-on-failure', '--no-tests=error'];
  await sh('ctest', [...args, ...ctestRecord()], {
    env: {...env, ASAN_OPTIONS: 'detect_leaks=1', UBSAN_OPTIONS: 'print_stacktrace=1'},
  });
  recordNative();
}

/** The simulations that fail allocations one by one run for a minute and reach little else. */
const NO_COVERAGE = '^fuzz_|nomem|failmalloc';

async function coverage({env}) {
  const dir = await cmakeBuild('coverage', {...env, CC: 'gcc'}, ['-DCOVERAGE=ON']);
  forgetCoverage(dir);
  const args = ['--test-dir', dir, '-j', JOBS, '--output-on-failure', '--no-tests=error'];
  await sh('ctest', [...args, '-E', NO_COVERAGE, '--quiet'], {env});
  coverageTable(dir);
}

/** Our crypto under valgrind, which must also find a leak where there is one. */
async function constantTime({env}) {
  const options = ['-DCONSTANT_TIME=ON'];
  const dir = await cmakeBuild('ct', {...env, CC: 'clang-19'}, options, ['ct']);
  const ct = path.join(dir, 'ct');
  await sh('valgrind', ['-q', ct], {env});
  const quiet = {env, stdio: 'ignore'};
  const missed = await sh('valgrind', ['-q', ct, 'leak'], quiet).then(
    () => true,
    () => false,
  );
  if (missed) throw new SetupError('tests/ct: a comparison that leaks was not found');
}

async function wasm({env}) {
  await buildPackage(env);
  await sh(
    process.execPath,
    ['--test', '--test-reporter=spec', 'tests/wasm_symbols.test.mjs', 'tests/size.test.mjs'],
    {
      env,
    },
  );
}

async function fuzz({env, long}) {
  const dir = await cmakeBuild('fuzz', {...env, CC: 'clang-19'}, ['-DFUZZ=ON']);
  if (long) {
    await ninja('fuzz', dir, ['-k', '0', 'planted'], env);
    await findPlanted(dir);
  }
  await fuzzAll(dir, long ? 600 : 25);
}

async function interop({env, long}) {
  await peers();
  return nodeTests('interop', {env, args: ALONE, minutes: long ? 60 : 20});
}

async function e2e({env, long}) {
  await peers();
  return nodeTests('e2e', {env, args: ALONE, minutes: long ? 90 : 25});
}

async function features({env}) {
  const file = 'tests/features.test.mjs';
  await sh(process.execPath, ['--test', '--test-reporter=spec', file], {env});
}

export const STAGES = {
  lint,
  layering,
  native,
  coverage,
  'constant-time': constantTime,
  wasm,
  js: ({env}) => nodeTests('js', {env}),
  fuzz,
  interop,
  e2e,
  features,
};
