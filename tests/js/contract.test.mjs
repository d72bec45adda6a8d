/*
 * The types: our sources, the contract, the core without the DOM, tsconnect's own sources, and a
 * page that has nothing but the packed package.
 */
import assert from 'node:assert/strict';
import {execFileSync, spawnSync} from 'node:child_process';
import {mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync} from 'node:fs';
import {createRequire} from 'node:module';
import {tmpdir} from 'node:os';
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

/** A folder that is gone after the test; inside the tree where it is to find the tree's packages. */
function scratch(t, parent) {
  mkdirSync(parent, {recursive: true});
  const dir = mkdtempSync(path.join(parent, 'contract-'));
  t.after(() => rmSync(dir, {recursive: true, force: true}));
  return dir;
}

/** The package as npm would publish it, unpacked into dir/node_modules; its files' names. */
function installPacked(dir) {
  const args = ['pack', '--json', '--ignore-scripts', '--pack-destination', dir];
  const [{filename, files}] = JSON.parse(
    execFileSync('npm', args, {cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore']}),
  );
  const home = path.join(dir, 'node_modules/meshterm');
  mkdirSync(home, {recursive: true});
  execFileSync('tar', ['xzf', path.join(dir, filename), '-C', home, '--strip-components=1']);
  return files.map((file) => file.path);
}

for (const project of ['js', 'js/src/core', 'tests/js/contract']) {
  test(`${project} compiles`, () => assert.equal(problems(project), ''));
}

/**
 * tsconnect's ssh.ts with our IPN where it has its own, which it gets from `declare global`, and
 * with xterm.js under the name it has now.
 */
test("tsconnect's ssh.ts compiles against our types", async (t) => {
  const ssh = path.join(await tsconnectDir(), 'src/lib/ssh.ts');
  const dir = scratch(t, path.join(root, 'build'));
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
});

/** A page of somebody else's: the packed package is all it has. */
const CONSUMER = `
import init, {createIPN, newIPN, runSSHSession} from 'meshterm';
import type {IPN, IPNExecResult, IPNFileEntry, IPNNetMap, IPNSSHAccess, IPNTCPStream} from 'meshterm';

await init();
export const ipn: IPN = newIPN({controlURL: 'https://headscale.example'});
export const later: Promise<IPN> = createIPN({});
const access: IPNSSHAccess = {port: 2222, verifyHostKey: (key) => key.randomart() !== ''};
export const result: IPNExecResult = await ipn.exec('build-01', 'root', 'make', {...access, stdin: 'y'});
const files = await ipn.sftp('build-01', 'root', access);
export const entries: IPNFileEntry[] = await files.readdir('/');
export const stream: IPNTCPStream = ipn.tcp('build-01', 80);
export const names = (json: string): string[] =>
  (JSON.parse(json) as IPNNetMap).peers.map(({name}) => name);
export const open = (container: HTMLElement) =>
  runSSHSession(container, {username: 'root', hostname: 'build-01'}, ipn, {
    onConnectionProgress: console.log,
    onConnected() {},
    onDone() {},
  });
// @ts-expect-error a port is a number
export const wrong: IPNSSHAccess = {port: '22'};
`;

for (const resolution of [
  {module: 'nodenext', moduleResolution: 'nodenext'},
  {module: 'esnext', moduleResolution: 'bundler'},
]) {
  test(`the packed package has its types: ${resolution.moduleResolution}`, (t) => {
    const dir = scratch(t, tmpdir());
    const files = installPacked(dir);
    const missing = readdirSync(path.join(root, 'js')).filter(
      (name) => name.startsWith('ipn_') && !files.includes(`js/dist/${name}`),
    );
    assert.deepEqual(missing, []);
    writeFileSync(path.join(dir, 'package.json'), '{"type": "module"}');
    writeFileSync(path.join(dir, 'page.ts'), CONSUMER);
    const compilerOptions = {
      ...resolution,
      target: 'es2022',
      lib: ['es2022', 'dom', 'dom.iterable'],
      types: [],
      strict: true,
      skipLibCheck: false,
      noEmit: true,
    };
    writeFileSync(path.join(dir, 'tsconfig.json'), JSON.stringify({compilerOptions}));
    assert.equal(problems(dir), '');
  });
}
