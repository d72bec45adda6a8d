// The program for Node in README, as it stands there, against a real Headscale and Tailscale SSH.
import assert from 'node:assert/strict';
import {mkdir, mkdtemp, readFile, rm, symlink, writeFile} from 'node:fs/promises';
import {userInfo} from 'node:os';
import path from 'node:path';
import {after, before, test} from 'node:test';
import {fileURLToPath} from 'node:url';
import {run} from '../support/process.mjs';
import {Testnet} from '../support/testnet.mjs';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
let net, dir;

before(async () => {
  net = await Testnet.start();
  await net.node('alpha');
  await mkdir(path.join(ROOT, 'build'), {recursive: true});
  dir = await mkdtemp(path.join(ROOT, 'build', 'readme-')); // where "ws" is found
  await symlink(path.join(ROOT, 'js/dist'), path.join(dir, 'meshterm'));
});
after(async () => {
  if (dir) await rm(dir, {recursive: true, force: true});
  await net?.stop();
});

test('a command from Node: its output, its exit code, and no node left behind', async () => {
  const text = await readFile(path.join(ROOT, 'README.md'), 'utf8');
  const [, program] = /\*\*Node\.\*\*[^]*?```js\n([^]*?)```/.exec(text);
  const file = path.join(dir, 'uptime.mjs');
  await writeFile(file, program);
  const env = {
    ...process.env,
    CONTROL_URL: net.headscale.url,
    AUTH_KEY: await net.headscale.authKey(),
  };
  const args = [file, 'alpha', userInfo().username];
  assert.match(await run(process.execPath, args, {env, timeout: 60_000}), /load average/);
  const nodes = await net.headscale.nodes();
  assert.deepEqual(
    nodes.map(({name}) => name),
    ['alpha'],
  );
});
