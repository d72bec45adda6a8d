// Runs every libFuzzer harness of a build folder for a while, two at a time, each from a copy of
// its corpus. A crash, a leak, a hang or a harness without a corpus fails; what made it fail is kept.
import {spawn} from 'node:child_process';
import {cpSync, existsSync, mkdirSync, readdirSync, rmSync} from 'node:fs';
import {cpus} from 'node:os';
import path from 'node:path';
import {unpackGrown} from './corpus.mjs';
import {ROOT, SetupError, say} from './setup.mjs';

/** A whole engine in a world, a run: in a short time their grown corpus would be all that is run. */
const SLOW = new Set(['ipn']);
const PARALLEL = Math.max(2, cpus().length);

function statistic(log, name) {
  return new RegExp(`stat::${name}:\\s+(\\d+)`).exec(log)?.[1] ?? '?';
}

/** Resolves with the exit code and all that was printed. */
function run(file, args) {
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, {stdio: ['ignore', 'pipe', 'pipe']});
    let log = '';
    child.stdout.on('data', (d) => (log += d));
    child.stderr.on('data', (d) => (log += d));
    child.once('error', reject);
    child.once('close', (code, signal) => resolve({code: code ?? signal, log}));
  });
}

async function fuzzOne(dir, name, seconds) {
  const seeds = path.join(ROOT, 'tests', 'fuzz', 'corpus', name);
  const work = path.join(dir, 'runs', name);
  rmSync(work, {recursive: true, force: true});
  mkdirSync(work, {recursive: true});
  if (!existsSync(seeds) || readdirSync(seeds).length === 0)
    throw new SetupError(`fuzz_${name} has no corpus in tests/fuzz/corpus/${name}`);
  const corpus = path.join(work, 'corpus');
  cpSync(seeds, corpus, {recursive: true});
  if (seconds > 60 || !SLOW.has(name)) unpackGrown(name, corpus);
  const before = readdirSync(corpus).length;
  const {code, log} = await run(path.join(dir, `fuzz_${name}`), [
    `-max_total_time=${seconds}`,
    '-timeout=30', // wall time, on a machine that does other things too
    '-rss_limit_mb=2048',
    '-print_final_stats=1',
    '-verbosity=0',
    `-artifact_prefix=${work}/`,
    corpus,
  ]);
  const runs = statistic(log, 'number_of_executed_units');
  if (code !== 0 || !(Number(runs) > 0)) {
    process.stderr.write(`${log.slice(-8000)}\n`);
    throw new SetupError(`fuzz_${name}: ${code}; the input that did it lies in ${work}`);
  }
  const found = readdirSync(corpus).length - before;
  say(`fuzz_${name}: ${runs} runs, ${found} new inputs, ${statistic(log, 'peak_rss_mb')} MB`);
}

/** The names of all harnesses. */
export function harnesses() {
  const names = readdirSync(path.join(ROOT, 'tests', 'fuzz'))
    .filter((file) => /^fuzz_.*\.c$/.test(file))
    .map((file) => file.slice('fuzz_'.length, -'.c'.length));
  if (names.length === 0) throw new SetupError('no harness in tests/fuzz');
  return names;
}

export async function fuzzAll(dir, seconds) {
  const names = harnesses();
  const failures = [];
  const queue = [...names];
  const worker = async () => {
    for (let name; (name = queue.shift());)
      await fuzzOne(dir, name, seconds).catch((e) => failures.push(e));
  };
  await Promise.all(Array.from({length: PARALLEL}, worker));
  if (failures.length) throw new SetupError(failures.map((e) => e.message).join('\n'));
  say(`fuzz: ${names.length} harnesses, ${seconds} s each, nothing found`);
}
