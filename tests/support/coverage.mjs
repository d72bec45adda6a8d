// Line coverage of the core by its unit tests and simulations, from gcov's counters in a build of
// its own (-DCOVERAGE=ON, without optimization). Prints a table by directory of wasm/; a directory
// of LEAST below its figure fails, and its files are listed with the lines no test ran.
//
//   node tests/support/coverage.mjs BUILD-FOLDER [FILE]    the table once more; the lines of FILE
import {spawnSync} from 'node:child_process';
import path from 'node:path';
import {fileURLToPath} from 'node:url';
import {readdirSync, rmSync} from 'node:fs';
import {ROOT, SetupError, say} from './setup.mjs';

/** Percent of lines below which the run fails; the aim is AIM. */
const LEAST = {wg: 85, derp: 85, control: 85, noise: 85, disco: 85};
const AIM = 90;
const GCOV_MAX_BYTES = 1 << 28; // its JSON for the whole core is a few megabytes

function counters(dir, extension) {
  return readdirSync(dir, {recursive: true})
    .filter((file) => /core_\w+\.dir/.test(file) && file.endsWith(extension))
    .map((file) => path.join(dir, file));
}

/** Forgets what earlier runs of the build's tests counted. */
export function forgetCoverage(dir) {
  for (const file of counters(dir, '.gcda')) rmSync(file);
}

/** Map of file (as wasm/ has it) > Map of line > how often it ran. */
function readCoverage(dir) {
  const notes = counters(dir, '.gcno');
  const gcov = spawnSync('gcov', ['--json-format', '--stdout', ...notes], {
    cwd: dir,
    encoding: 'utf8',
    maxBuffer: GCOV_MAX_BYTES,
  });
  if (gcov.status !== 0) throw new SetupError(`gcov: ${gcov.error ?? gcov.stderr}`);
  const files = new Map();
  const parts = gcov.stdout.split('\n').filter(Boolean);
  for (const {file, lines} of parts.flatMap((part) => JSON.parse(part).files)) {
    const name = path.relative(path.join(ROOT, 'wasm'), path.resolve(dir, file));
    if (name.startsWith('..')) continue;
    const seen = files.get(name) ?? new Map();
    for (const {line_number: n, count} of lines) seen.set(n, (seen.get(n) ?? 0) + count);
    files.set(name, seen);
  }
  return files;
}

function percent([ran, all]) {
  return (100 * ran) / all;
}

function byDirectory(files) {
  const sums = new Map();
  for (const [name, lines] of files) {
    const dir = path.dirname(name);
    const [ran, all] = sums.get(dir) ?? [0, 0];
    sums.set(dir, [ran + [...lines.values()].filter(Boolean).length, all + lines.size]);
  }
  return [...sums].sort(([a], [b]) => (a < b ? -1 : 1));
}

/** '12 14-20 31': the lines that nothing ran, of those that have code. */
function missed(lines) {
  const out = [];
  let from = 0;
  let last = 0;
  const end = () => from && out.push(from === last ? `${from}` : `${from}-${last}`);
  for (const n of [...lines.keys()].sort((a, b) => a - b)) {
    if (lines.get(n) > 0) {
      end();
      from = 0;
    } else {
      from ||= n;
      last = n;
    }
  }
  end();
  return out.join(' ');
}

/** Prints the table; throws if a directory is below its least. */
export function coverageTable(dir) {
  const files = readCoverage(dir);
  const low = [];
  say('lines run by unit tests and simulations');
  for (const [name, [ran, all]] of byDirectory(files)) {
    const share = percent([ran, all]);
    const least = LEAST[name];
    const note = least && share < AIM ? `  below the aim of ${AIM}` : '';
    console.log(`  ${name.padEnd(12)} ${share.toFixed(1).padStart(6)} % of ${all}${note}`);
    if (least && share < least) low.push(`${name} ${share.toFixed(1)} % (${least} wanted)`);
  }
  for (const name of Object.keys(LEAST))
    if (![...files.keys()].some((file) => file.startsWith(`${name}/`)))
      low.push(`${name}: nothing counted`);
  if (low.length === 0) return;
  for (const [name, lines] of files)
    if (low.some((text) => text.startsWith(`${path.dirname(name)} `)) && missed(lines))
      console.log(`  ${name}: ${missed(lines)}`);
  throw new SetupError(`coverage: ${low.join(', ')}`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [, , dir, file] = process.argv;
  if (file) console.log(missed(readCoverage(path.resolve(dir)).get(file)));
  else coverageTable(path.resolve(dir));
}
