/* The types: our sources, the contract, the core without the DOM, and tsconnect's own sources. */
import assert from 'node:assert/strict';
import {spawnSync} from 'node:child_process';
import {mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync} from 'node:fs';
import {createRequire} from 'node:module';
import path from 'node:path';
import {test} from 'node:test';
import {fileURLToPath} from 'node:url';
import {tsconnectDir} from '../e2e/tsconnect_page.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));
const manifest = createRequire(import.meta.url).resolve('typescript/package.json');
const tsc = path.join(path.dirname(manifest), JSON.parse(readFileSync(manifest, 'utf8')).bin.tsc);

/** What tsc finds wrong in a project. */
function problems(project) {
  const {stdout} = spawnSync(process.execPath, [tsc, '-p', project], {cwd: root, encoding: 'utf8'});
  return stdout;
}

for (const project of ['js', 'js/src/core', 'tests/js/contract']) {
  test(`${project} compiles`, () => assert.equal(problems(project), ''));
}

/**
 * tsconnect's ssh.ts with our IPN where it has its own, which it gets from `declare global`, and
 * with xterm.js under the name it has now.
 */
test("tsconnect's ssh.ts compiles against our types", async () => {
  const ssh = path.join(await tsconnectDir(), 'src/lib/ssh.ts');
  mkdirSync(path.join(root, 'build'), {recursive: true}); // inside the tree, to find its packages
  const dir = mkdtempSync(path.join(root, 'build', 'contract-'));
  try {
    const ours = path.join(root, 'js/ipn.js');
    const source = readFileSync(ssh, 'utf8')
      .replace('"xterm"', '"@xterm/xterm"')
      .replace(/"xterm-(addon-[a-z-]+)"/g, '"@xterm/$1"');
    writeFileSync(path.join(dir, 'ssh.ts'), source);
    const text = `import type {IPN as Ours} from ${JSON.stringify(ours)};
      declare global { type IPN = Ours }
      export {};`;
    writeFileSync(path.join(dir, 'global.d.ts'), text);
    const compilerOptions = {
      exactOptionalPropertyTypes: false, // as theirs
      verbatimModuleSyntax: false,
      noImplicitOverride: false,
    };
    const config = {
      extends: path.join(root, 'js/tsconfig.json'),
      compilerOptions,
      include: ['*.ts'],
    };
    writeFileSync(path.join(dir, 'tsconfig.json'), JSON.stringify(config));
    assert.equal(problems(dir), '');
  } finally {
    rmSync(dir, {recursive: true, force: true});
  }
});
