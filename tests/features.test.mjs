// README's table of features names tests that exist and that ran: `npm test` runs this last.
import assert from 'node:assert/strict';
import {readFileSync} from 'node:fs';
import path from 'node:path';
import {test} from 'node:test';
import {problemsOf, readFeatures} from './support/features.mjs';
import {readRan} from './support/ran.mjs';
import {ROOT} from './support/setup.mjs';

const TABLE = `# x

| feature | OpenSSH | tsconnect | meshterm | test |
|---|---|---|---|---|
| shells | yes | yes | yes | [shell](tests/js/shell.test.mjs) |
| files | yes | no | yes | [a](tests/e2e/cases/files.mjs), [b](tests/js/files.test.mjs) |
| wings | no | no | no | – |

| feature | other |
`;
const SHELL = 'tests/js/shell.test.mjs';
const FILES = 'tests/js/files.test.mjs';
const CASES = 'tests/e2e/cases/files.mjs';
const passed = {passed: 1, failed: 0};
const both = {'tests/e2e/cases_node.test.mjs': passed, 'tests/e2e/cases_chromium.test.mjs': passed};
const all = {[SHELL]: {[SHELL]: passed}, [FILES]: {[FILES]: passed}, [CASES]: both};

test('a table is read', () => {
  const features = readFeatures(TABLE);
  assert.deepEqual(
    features.map(({feature, files}) => [feature, files]),
    [
      ['shells', [SHELL]],
      ['files', [CASES, FILES]],
      ['wings', []],
    ],
  );
  assert.deepEqual(
    problemsOf(features, all, () => true),
    [],
  );
});

test('what is wrong is told', () => {
  const problems = (ran, exists = () => true) => problemsOf(readFeatures(TABLE), ran, exists);
  assert.deepEqual(
    problems(all, (file) => file !== FILES),
    [`"files": ${FILES} does not exist`],
  );
  const notRun = {...all, [SHELL]: {[SHELL]: {passed: 0, failed: 0}}};
  assert.deepEqual(problems(notRun), [`"shells": ${SHELL} did not run`]);
  const failed = {...all, [SHELL]: {[SHELL]: {passed: 5, failed: 1}}};
  assert.deepEqual(problems(failed), [`"shells": ${SHELL} failed`]);
  const onlyNode = {...all, [CASES]: {'tests/e2e/cases_node.test.mjs': passed}};
  assert.deepEqual(problems(onlyNode), [
    `"files": ${CASES} did not run in tests/e2e/cases_chromium.test.mjs`,
  ]);
  const none = TABLE.replace('[shell](tests/js/shell.test.mjs)', '');
  assert.deepEqual(
    problemsOf(readFeatures(none), all, () => true),
    ['"shells" names no test'],
  );
});

test('the table in README.md is true: its tests ran', () => {
  const features = readFeatures(readFileSync(path.join(ROOT, 'README.md'), 'utf8'));
  assert.ok(features.length > 5, 'README.md has the table');
  assert.deepEqual(problemsOf(features, readRan()), []);
});
