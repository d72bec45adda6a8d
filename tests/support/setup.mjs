// What a command needs of the machine: Node, Go, Debian packages, the npm packages, Emscripten.
// Installs what is missing where it may (Debian, root), else says which command installs it.
//
//   node tests/support/setup.mjs build|demo|test|lint    as a program: sets up for that command
import {spawn, spawnSync} from 'node:child_process';
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import {homedir} from 'node:os';
import path from 'node:path';
import {createInterface} from 'node:readline';
import {fileURLToPath} from 'node:url';

export const ROOT = path.resolve(fileURLToPath(import.meta.url), '../../..');
export const CACHE = process.env.MESHTERM_CACHE ?? path.join(homedir(), '.cache', 'meshterm');
export const EMSCRIPTEN_VERSION = readFileSync(path.join(ROOT, 'emsdk-version'), 'utf8').trim();
const GO_LEAST = [1, 26, 6];
const NODE_LEAST = [20];

/** Debian package -> a command it brings, or a file where it brings none. */
const PACKAGES = {
  build: {
    cmake: 'cmake',
    'ninja-build': 'ninja',
    python3: 'python3',
    patch: 'patch',
    'xz-utils': 'xz',
    bzip2: 'bzip2',
  },
  emscripten12: {'clang-19': 'clang-19', 'lld-19': 'wasm-ld-19', 'llvm-19': 'llvm-ar-19'},
  format: {'clang-format-19': 'clang-format-19', git: 'git'},
  test: {
    git: 'git',
    gcc: 'gcc',
    'libc6-dev': '/usr/include/stdio.h',
    'clang-19': 'clang-19',
    'llvm-19': 'llvm-symbolizer-19',
    'libclang-rt-19-dev': '/usr/lib/llvm-19/lib/clang/19/lib/linux',
    'clang-format-19': 'clang-format-19',
    valgrind: 'valgrind',
    chromium: 'chromium',
    'firefox-esr': 'firefox-esr',
    'webkit2gtk-driver': 'WebKitWebDriver',
    xvfb: 'Xvfb',
    'fonts-dejavu-core': '/usr/share/fonts/truetype/dejavu',
    'openssh-server': '/usr/sbin/sshd',
    'openssh-client': 'ssh-keygen',
    'dropbear-bin': '/usr/sbin/dropbear',
  },
};

/** Packages of which we want the program, and not the service that starts with the machine. */
const SERVICES = {'openssh-server': 'ssh'};

/** A reason to stop that is told without a stack trace. */
export class SetupError extends Error {}

const started = Date.now();
export function say(text) {
  const seconds = ((Date.now() - started) / 1000).toFixed(0).padStart(4);
  process.stdout.write(`[${seconds} s] ${text}\n`);
}

/** Runs a program in the open; rejects if it fails or, given a timeout in ms, takes longer. */
export function sh(file, args = [], options = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, {
      stdio: ['ignore', 'inherit', 'inherit'],
      cwd: ROOT,
      ...options,
    });
    child.once('error', reject);
    child.once('close', (code, signal) => {
      if (code === 0) resolve();
      else
        reject(
          new SetupError(
            `${path.basename(file)} ${args.join(' ').slice(0, 200)}: exit ${code ?? signal}`,
          ),
        );
    });
  });
}

/** Compiles with ninja; tells how far it is every few seconds, and all that is not progress. */
export async function ninja(what, dir, args, env) {
  const child = spawn('ninja', ['-C', dir, ...args], {
    env: {...env, NINJA_STATUS: '[%f/%t] '},
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  let told = Date.now();
  for await (const line of createInterface({input: child.stdout})) {
    const progress = /^\[(\d+)\/(\d+)\]/.exec(line);
    if (!progress && !/^ninja: (Entering|no work)|^-- /.test(line)) console.log(line);
    if (!progress || Date.now() - told < 5000) continue;
    say(`${what}: ${progress[1]} of ${progress[2]} compiled`);
    told = Date.now();
  }
  const code = await ended;
  if (code !== 0) throw new SetupError(`${what}: ninja: exit ${code}`);
}

/** Standard output of a program, or '' if it cannot be had. */
function output(file, args, env = process.env) {
  const {stdout, status} = spawnSync(file, args, {encoding: 'utf8', env});
  return status === 0 ? stdout.trim() : '';
}

function onPath(command) {
  if (command.startsWith('/')) return existsSync(command);
  return (process.env.PATH ?? '').split(':').some((dir) => existsSync(path.join(dir, command)));
}

function alive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (e) {
    return e.code === 'EPERM';
  }
}

/** One process at a time does fn; a lock whose owner is gone is taken over. */
export async function withLock(name, fn) {
  mkdirSync(CACHE, {recursive: true});
  const file = path.join(CACHE, `${name}.lock`);
  for (let waited = 0; ; waited++) {
    try {
      const fd = openSync(file, 'wx');
      writeSync(fd, String(process.pid));
      closeSync(fd);
      break;
    } catch (e) {
      if (e.code !== 'EEXIST') throw e;
      const owner = Number(existsSync(file) ? readFileSync(file, 'utf8') : 0);
      // An empty lock is being written this very moment, unless it stays empty.
      if (owner ? !alive(owner) : waited > 20) rmSync(file, {force: true});
      else if (waited === 0 && owner) say(`waiting for process ${owner}, which holds ${file}`);
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
  }
  try {
    return await fn();
  } finally {
    rmSync(file, {force: true});
  }
}

function older(version, least) {
  for (let i = 0; i < least.length; i++)
    if ((version[i] ?? 0) !== least[i]) return (version[i] ?? 0) < least[i];
  return false;
}

export function needNode() {
  if (older(process.versions.node.split('.').map(Number), NODE_LEAST))
    throw new SetupError(`Node ${NODE_LEAST[0]} or newer is needed, this is ${process.version}`);
}

export function needGo() {
  const found = /go(\d+)\.(\d+)(?:\.(\d+))?/.exec(output('go', ['version']));
  const least = GO_LEAST.join('.');
  if (!found) throw new SetupError(`Go ${least} or newer is needed and \`go\` is not on PATH`);
  if (older(found.slice(1).map(Number), GO_LEAST))
    throw new SetupError(`Go ${least} or newer is needed, this is ${found[0]}`);
}

function release() {
  if (!existsSync('/etc/os-release')) return {};
  const lines = readFileSync('/etc/os-release', 'utf8').split('\n');
  return Object.fromEntries(lines.map((l) => l.replaceAll('"', '').split('=', 2)));
}

/** Debian packages of the named groups of PACKAGES, each only if what it brings is missing. */
export async function needPackages(...groups) {
  const wanted = Object.assign({}, ...groups.map((g) => PACKAGES[g]));
  const missing = Object.keys(wanted).filter((name) => !onPath(wanted[name]));
  if (missing.length === 0) return;
  const install = ['install', '-y', '-q', '--no-install-recommends', ...missing];
  const {ID, VERSION_ID} = release();
  if (ID !== 'debian' || process.getuid?.() !== 0) {
    const how = ID === 'debian' ? `: sudo apt-get update && sudo apt-get ${install.join(' ')}` : '';
    throw new SetupError(`missing on this machine (Debian's names): ${missing.join(' ')}${how}`);
  }
  say(`Debian ${VERSION_ID} packages: installing ${missing.join(' ')}`);
  const env = {...process.env, DEBIAN_FRONTEND: 'noninteractive'};
  const options = {env, stdio: ['ignore', 'ignore', 'inherit']};
  await sh('apt-get', ['update', '-q'], options);
  await withoutServices(() => sh('apt-get', install, options));
  for (const name of missing.filter((name) => SERVICES[name]))
    spawnSync('systemctl', ['disable', SERVICES[name]], {stdio: 'ignore'});
}

/** While fn installs packages none of their services is started: Debian asks this file. */
async function withoutServices(fn) {
  const file = '/usr/sbin/policy-rc.d';
  const isOurs = !existsSync(file);
  if (isOurs) writeFileSync(file, '#!/bin/sh\nexit 101\n', {mode: 0o755});
  try {
    return await fn();
  } finally {
    if (isOurs) rmSync(file, {force: true});
  }
}

/** npm packages as package-lock.json has them; `npm ci` where node_modules is missing or stale. */
export async function needNpmPackages() {
  const read = (file) => JSON.parse(readFileSync(path.join(ROOT, file), 'utf8')).packages;
  const wanted = read('package-lock.json');
  const hidden = 'node_modules/.package-lock.json';
  const have = existsSync(path.join(ROOT, hidden)) ? read(hidden) : {};
  const names = Object.keys(wanted).filter((name) => name && !wanted[name].optional);
  const stale = names.filter((name) => have[name]?.version !== wanted[name].version);
  if (stale.length === 0) return;
  const isFirst = stale.length === names.length;
  const why = isFirst ? '' : `${stale.length} differ from package-lock.json, `;
  say(`npm packages: ${why}installing ${names.length} into node_modules`);
  await sh('npm', ['ci', '--no-fund', '--no-audit', '--loglevel=error']);
}

/** Emscripten's version as an environment has it. */
function emccVersion(env) {
  return output('emcc', ['-dumpversion'], env);
}

function withPrefix(prefix) {
  return {
    ...process.env,
    EM_CONFIG: path.join(prefix, '.emscripten'),
    PATH: `${path.join(prefix, 'bin')}:${process.env.PATH}`,
  };
}

/** The environment in which emcc is the pinned one: emsdk's if on PATH, else one of our own. */
export async function needEmscripten() {
  const found = onPath('emcc') ? emccVersion(process.env) : '';
  if (found === EMSCRIPTEN_VERSION) return process.env;
  if (found) say(`emcc on PATH is ${found}, not ${EMSCRIPTEN_VERSION}: not used`);

  const prefix = path.join(CACHE, 'toolchain', `emscripten-${EMSCRIPTEN_VERSION}`);
  const script = path.join(ROOT, 'wasm', 'third_party', 'emscripten-on-debian12.sh');
  const {ID, VERSION_ID} = release();
  if (ID === 'debian' && VERSION_ID === '12') {
    await needPackages('emscripten12');
    if (!existsSync(path.join(prefix, 'bin', 'emcc'))) {
      say(`Emscripten ${EMSCRIPTEN_VERSION}: setting it up in ${prefix}`);
    }
    await sh('bash', [script, prefix], {stdio: ['ignore', 'ignore', 'inherit']});
    const env = withPrefix(prefix);
    if (emccVersion(env) === EMSCRIPTEN_VERSION) return env;
  }
  const v = EMSCRIPTEN_VERSION;
  throw new SetupError(
    `Emscripten ${v} is needed. With emsdk (its repository is emscripten-core/emsdk on GitHub):\n` +
      `  ./emsdk install ${v} && ./emsdk activate ${v} && . ./emsdk_env.sh`,
  );
}

/** Third-party C sources, in the cache. */
export async function needSources() {
  const deps = process.env.MESHTERM_DEPS ?? path.join(CACHE, 'deps');
  await sh('bash', [path.join(ROOT, 'wasm', 'third_party', 'fetch.sh'), deps]);
  return deps;
}

/** The groups of PACKAGES, and whether Go and the wasm side are needed, by command. */
const COMMANDS = {
  build: {packages: ['build'], wasm: true},
  demo: {packages: ['build'], wasm: true, go: true},
  test: {packages: ['build', 'format', 'test'], wasm: true, go: true},
  lint: {packages: ['format']},
};

/** All that a command needs; resolves with the environment to run its tools in. */
export async function setup(command) {
  const {packages, wasm, go} = COMMANDS[command];
  needNode();
  return withLock('setup', async () => {
    if (go) needGo();
    await needPackages(...packages);
    await needNpmPackages();
    if (!wasm) return process.env;
    const env = await needEmscripten();
    return {...env, MESHTERM_DEPS: await needSources()};
  });
}

/** Runs the main function of a script: a SetupError is one line and exit status 1. */
export async function main(fn) {
  try {
    await fn();
  } catch (e) {
    process.stderr.write(`${e instanceof SetupError ? e.message : e.stack}\n`);
    process.exitCode = 1;
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const command = process.argv[2];
  await main(async () => {
    if (!(command in COMMANDS)) throw new SetupError('usage: setup.mjs build|demo|test|lint');
    await setup(command);
    say(`all that ${command} needs is in place`);
  });
}
