// Shows that each harness finds a bug: runs planted_<name> (tests/fuzz/planted) from the harness's
// corpus until it ends as its bug ends it. A harness that has none, or that finds nothing, fails.
//
//   node tests/support/planted.mjs BUILD-FOLDER
import {spawn} from 'node:child_process';
import {existsSync, mkdirSync, rmSync} from 'node:fs';
import path from 'node:path';
import {fileURLToPath} from 'node:url';
import {harnesses} from './fuzz.mjs';
import {ROOT, SetupError, main, say} from './setup.mjs';

const SECONDS = 60; // that a bug may stay unseen, on a machine that does other things too
/** How a planted bug looks: a write past the end, or the harness's own word where it has to see it. */
const SIGNS = {wg: /in note_delivered/};
const SIGN = /heap-buffer-overflow[^]*in planted_bug/;

function run(file, args) {
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, {stdio: ['ignore', 'ignore', 'pipe']});
    let log = '';
    child.stderr.on('data', (d) => (log += d));
    child.once('error', reject);
    child.once('close', () => resolve(log));
  });
}

async function findOne(dir, name) {
  const file = path.join(dir, `planted_${name}`);
  if (!existsSync(file)) throw new SetupError(`fuzz_${name} has no bug in tests/fuzz/planted`);
  const work = path.join(dir, 'planted', name);
  rmSync(work, {recursive: true, force: true});
  mkdirSync(path.join(work, 'corpus'), {recursive: true});
  const started = Date.now();
  const log = await run(file, [
    `-max_total_time=${SECONDS}`,
    '-print_final_stats=1',
    `-artifact_prefix=${work}/`,
    path.join(work, 'corpus'),
    path.join(ROOT, 'tests', 'fuzz', 'corpus', name),
  ]);
  const seconds = ((Date.now() - started) / 1000).toFixed(1);
  if (!(SIGNS[name] ?? SIGN).test(log)) {
    process.stderr.write(`${log.slice(-4000)}\n`);
    throw new SetupError(`fuzz_${name} did not find its planted bug in ${seconds} s`);
  }
  const runs = /number_of_executed_units:\s+(\d+)/.exec(log)?.[1] ?? '?';
  say(`fuzz_${name} found its planted bug after ${runs} runs, ${seconds} s`);
}

export async function findPlanted(dir) {
  const failures = [];
  for (const name of harnesses()) await findOne(dir, name).catch((e) => failures.push(e));
  if (failures.length) throw new SetupError(failures.map((e) => e.message).join('\n'));
}

if (process.argv[1] === fileURLToPath(import.meta.url))
  await main(() => findPlanted(path.resolve(process.argv[2])));
