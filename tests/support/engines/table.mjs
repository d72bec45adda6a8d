// The table of engines in README.md: what each was found to do. Cells begin with yes or no.
//
//   | engine | Chromium 156 | Firefox ESR 153 | WebKitGTK 2.50 |
//   | Web Locks | yes | yes | yes |
import assert from 'node:assert/strict';
import {readFileSync} from 'node:fs';
import path from 'node:path';
import {ROOT} from '../setup.mjs';

const HEADER = /^\| *engine *\|/;

export function readEngines(readme) {
  const lines = readme.split('\n');
  const at = lines.findIndex((line) => HEADER.test(line));
  const rows = [];
  for (let i = at; at >= 0 && lines[i]?.startsWith('|'); i++)
    rows.push(lines[i].split('|').map((cell) => cell.trim()));
  return {
    /** undefined where the table has no such line or column. */
    cell(ability, engine) {
      const column = rows[0]?.findIndex((head) => head.startsWith(engine));
      return rows.find(([, name]) => name === ability)?.[column];
    },
  };
}

const ours = () => readEngines(readFileSync(path.join(ROOT, 'README.md'), 'utf8'));

export function saysYes(engine, ability) {
  return ours().cell(ability, engine)?.startsWith('yes') === true;
}

/** README.md says no more of an engine than what was found: true, or why not. t: the test. */
export function checkAbility(engine, ability, found, t) {
  const cell = ours().cell(ability, engine);
  assert.ok(cell, `README.md's table of engines tells "${ability}" of ${engine}`);
  if (saysYes(engine, ability)) assert.equal(found, true, `${ability} in ${engine}`);
  else if (found === true) t.diagnostic(`${engine} has learnt "${ability}"; README.md: "${cell}"`);
}
