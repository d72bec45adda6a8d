// Which test files ran, by stage, kept in build/ran: stages write it, tests/features.test.mjs
// reads it. {"tests/js/tcp.test.mjs": {"tests/js/tcp.test.mjs": {passed: 9, failed: 0}}, …}: a file
// of cases is run by others, see ran_reporter.mjs.
import {mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync} from 'node:fs';
import path from 'node:path';
import {ROOT} from './setup.mjs';

const FOLDER = path.join(ROOT, 'build', 'ran');
const REPORTER = path.join(ROOT, 'tests', 'support', 'ran_reporter.mjs');

export function forgetAll() {
  rmSync(FOLDER, {recursive: true, force: true});
}

function fileOf(stage) {
  mkdirSync(FOLDER, {recursive: true});
  const file = path.join(FOLDER, `${stage}.json`);
  rmSync(file, {force: true});
  return file;
}

/** Arguments of node --test: what a person reads, and the record. */
export function reporters(stage) {
  return [
    ...['--test-reporter=spec', '--test-reporter-destination=stdout'],
    ...[`--test-reporter=${REPORTER}`, `--test-reporter-destination=${fileOf(stage)}`],
  ];
}

/** The source of a native test, from its name as tests/tests.cmake makes it. */
function sourceOf(name) {
  const unit = /^unit_([a-z0-9]+)_(.+)$/.exec(name);
  if (unit) return `tests/unit/${unit[1]}/test_${unit[2]}.c`;
  const sim = /^sim_(.+)$/.exec(name);
  if (sim) return `tests/sim/test_${sim[1]}.c`;
  const fuzz = /^(fuzz_.+)_corpus$/.exec(name);
  return fuzz ? `tests/fuzz/${fuzz[1]}.c` : undefined;
}

/** Arguments of ctest for its own record; recordNative() takes that over. */
export function ctestRecord() {
  return ['--output-junit', `${fileOf('native')}.xml`];
}

export function recordNative() {
  const file = fileOf('native');
  const files = {};
  for (const [, name, status] of readFileSync(`${file}.xml`, 'utf8').matchAll(
    /<testcase name="([^"]+)"[^>]* status="(\w+)"/g,
  )) {
    const source = sourceOf(name);
    const count = {passed: Number(status === 'run'), failed: Number(status === 'fail')};
    if (source) files[source] = {[source]: count};
  }
  writeFileSync(file, JSON.stringify(files));
  rmSync(`${file}.xml`);
}

/** What all stages have left. */
export function readRan() {
  mkdirSync(FOLDER, {recursive: true});
  const names = readdirSync(FOLDER).filter((name) => name.endsWith('.json'));
  const read = (name) => JSON.parse(readFileSync(path.join(FOLDER, name), 'utf8') || '{}');
  return Object.assign({}, ...names.map(read));
}
