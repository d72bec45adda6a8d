// The table of features in README.md: each line names the test files that prove it.
//
//   | feature | OpenSSH | tsconnect | meshterm | test |
//   | a shell with a terminal | yes | yes | yes | [cases/shell](tests/e2e/cases/shell.mjs) |
import {existsSync} from 'node:fs';
import path from 'node:path';
import {ROOT} from './setup.mjs';

const HEADER = /^\| *feature *\| *OpenSSH *\| *tsconnect *\| *meshterm *\| *test *\|$/;
const NOT_YET = /^(no|–)\b/;
const CASES = 'tests/e2e/cases/';
const CLIENTS = ['tests/e2e/cases_node.test.mjs', 'tests/e2e/cases_chromium.test.mjs'];

/** @returns {{feature: string, ours: string, files: string[]}[]} */
export function readFeatures(readme) {
  const lines = readme.split('\n');
  const at = lines.findIndex((line) => HEADER.test(line));
  const features = [];
  for (let i = at + 2; at >= 0 && lines[i]?.startsWith('|'); i++) {
    const cells = lines[i].split('|').map((cell) => cell.trim());
    const [, feature, , , ours, tests = ''] = cells;
    features.push({feature, ours, files: [...tests.matchAll(/\]\(([^)]+)\)/g)].map(([, f]) => f)});
  }
  return features;
}

function whyNot(file, ran, exists) {
  if (!exists(file)) return 'does not exist';
  const runs = ran[file] ?? {};
  const by = file.startsWith(CASES) ? CLIENTS : [file];
  const missing = by.filter((runner) => !runs[runner]?.passed);
  if (missing.length) return `did not run${missing[0] === file ? '' : ` in ${missing.join(', ')}`}`;
  return Object.values(runs).some(({failed}) => failed) ? 'failed' : undefined;
}

/** Sentences about lines whose tests are not what they should be. */
export function problemsOf(features, ran, exists = (file) => existsSync(path.join(ROOT, file))) {
  const problems = [];
  for (const {feature, ours, files} of features) {
    if (files.length === 0 && !NOT_YET.test(ours)) problems.push(`"${feature}" names no test`);
    for (const file of files) {
      const why = whyNot(file, ran, exists);
      if (why) problems.push(`"${feature}": ${file} ${why}`);
    }
  }
  return problems;
}
