/*
 * npm run demo as a program: what it prints, and that nothing of it is left afterwards.
 */
import assert from 'node:assert/strict';
import {spawn} from 'node:child_process';
import {mkdtempSync, readdirSync, rmSync} from 'node:fs';
import {readFile} from 'node:fs/promises';
import {createServer} from 'node:net';
import {tmpdir} from 'node:os';
import path from 'node:path';
import {after, afterEach, before, test} from 'node:test';
import {fileURLToPath} from 'node:url';
import {until} from '../support/process.mjs';

const DEMO = fileURLToPath(new URL('../../web/demo.mjs', import.meta.url));
let dir;

before(() => (dir = mkdtempSync(path.join(tmpdir(), 'meshterm-e2e-'))));
after(() => rmSync(dir, {recursive: true, force: true}));

const started = [];

/** What a failed test left, which would keep the runner waiting. */
afterEach(async () => {
  for (const {child, ended} of started.splice(0)) {
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGTERM');
    await ended;
  }
});

/** The demo with a temporary folder of its own. */
function start(...args) {
  const child = spawn(process.execPath, [DEMO, ...args], {
    env: {...process.env, TMPDIR: dir, HEADSCALE_API_KEY: ''},
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const demo = {child, out: '', err: ''};
  child.stdout.on('data', (data) => (demo.out += data));
  child.stderr.on('data', (data) => (demo.err += data));
  demo.ended = new Promise((resolve) => child.once('close', resolve));
  started.push(demo);
  return demo;
}

/** The processes whose command line names the folder; of the line, only the program is kept. */
async function processesIn(folder) {
  const found = [];
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    const line = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
    if (line.includes(folder))
      found.push({pid: Number(pid), program: path.basename(line.split('\0')[0])});
  }
  return found;
}

const url = (demo) => /http:\/\/127\.0\.0\.1:\d+\/\?token=\S+/.exec(demo.out)?.[0];
const isUp = (demo) => until('the URL', () => url(demo), {timeout: 60_000});

async function nothingIsLeft() {
  assert.deepEqual(await processesIn(dir), []);
  assert.deepEqual(readdirSync(dir), []);
}

test('Ctrl-C ends all of it', async () => {
  const demo = start('--no-build');
  await isUp(demo);
  assert.ok((await processesIn(dir)).length >= 2);
  const answer = await fetch(url(demo), {redirect: 'manual'});
  assert.equal(answer.status, 303);
  demo.child.kill('SIGINT');
  assert.equal(await demo.ended, 0, demo.err);
  await nothingIsLeft();
});

test('SIGTERM at any moment of its start ends all of it', async () => {
  for (const [moment, delayMs] of [
    [(demo) => demo.out !== '', 0], // before it speaks it has started nothing
    [() => readdirSync(dir).length > 0, 0],
    [async () => (await processesIn(dir)).length > 0, 0],
    [async () => (await processesIn(dir)).some(({program}) => program === 'tailscaled'), 0],
    [async () => (await processesIn(dir)).some(({program}) => program === 'tailscaled'), 700],
  ]) {
    const demo = start('--no-build');
    await until('the moment', () => moment(demo), {every: 5, timeout: 60_000});
    await new Promise((resolve) => setTimeout(resolve, delayMs));
    demo.child.kill('SIGTERM');
    assert.equal(await demo.ended, 130, `${moment}: ${demo.err}`);
    await nothingIsLeft();
  }
});

test('a part that dies ends the rest, with its last words', async () => {
  const demo = start('--no-build');
  await isUp(demo);
  const [node] = (await processesIn(dir)).filter(({program}) => program === 'tailscaled');
  process.kill(node.pid, 'SIGKILL');
  assert.equal(await demo.ended, 1);
  assert.match(demo.err, /tailscaled ended by itself \(SIGKILL\)\. Its last words:\n {2}\S/);
  await nothingIsLeft();
});

test('wrong usage and an unreachable Headscale: a sentence and exit status 1', async () => {
  for (const [args, words] of [
    [['--bogus'], /Unknown option '--bogus'/],
    [['--headscale', 'example'], /--headscale example is not an http or https address/],
    [['--headscale', 'http://127.0.0.1:9'], /--headscale needs --api-key/],
    [['--api-key', 'x'], /--api-key goes with --headscale/],
    [['--port', '99999'], /--port 99999 is not a port/],
    [
      ['--no-build', '--headscale', 'http://127.0.0.1:9', '--api-key', 'x'],
      /^Headscale does not answer at http:\/\/127\.0\.0\.1:9/,
    ],
  ]) {
    const demo = start(...args);
    assert.equal(await demo.ended, 1, args.join(' '));
    assert.match(demo.err, words);
    assert.doesNotMatch(demo.err, /\n {4}at /);
  }
  for (const option of ['--help', '-h']) {
    const help = start(option);
    assert.equal(await help.ended, 0);
    assert.match(help.out, /--ssh-user NAME/);
  }
});

test('a port that is taken is told before anything is set up or built', async () => {
  const server = createServer();
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const {port} = server.address();
  const demo = start('--port', String(port));
  assert.equal(await demo.ended, 1);
  server.close();
  assert.match(demo.err, new RegExp(`^Port ${port} is taken: choose another with --port`));
  assert.equal(demo.out, '');
});
