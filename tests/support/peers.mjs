// The real peers of tests and demo, built by Go from the pinned modules of tests/peers into the
// cache; built again only when go.mod or go.sum change.
//
//   node tests/support/peers.mjs [NAME ...]       prints where they are; names: tests/peers/*
import {createHash} from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import {fileURLToPath} from 'node:url';
import {CACHE, ROOT, main, needGo, say, sh, withLock} from './setup.mjs';

const HEADSCALE = {programs: ['github.com/juanfont/headscale/cmd/headscale']};
/** What go build makes of each module; `links` are further names for a program of it. */
const PEERS = {
  headscale: HEADSCALE,
  'headscale-0.28': HEADSCALE,
  tailscale: {
    programs: [
      'tailscale.com/cmd/tailscaled',
      'tailscale.com/cmd/tailscale',
      'tailscale.com/cmd/derper',
    ],
  },
  // The oldest that Headscale 0.29 accepts. One program, and nothing that no test uses: Go's time.
  'tailscale-1.80': {
    programs: ['tailscale.com/cmd/tailscaled'],
    tags: 'ts_include_cli,ts_omit_aws,ts_omit_bird,ts_omit_completion,ts_omit_kube,ts_omit_tap',
    links: {tailscale: 'tailscaled'},
  },
};
const NAMES = Object.keys(PEERS);
const HEARTBEAT_MS = 15_000; // Go says nothing while it compiles

function stampOf(name) {
  const hash = createHash('sha256');
  for (const file of ['go.mod', 'go.sum'])
    hash.update(readFileSync(path.join(ROOT, 'tests', 'peers', name, file)));
  if (PEERS[name].tags) hash.update(PEERS[name].tags);
  return hash.digest('hex');
}

async function buildPeer(name) {
  const dir = path.join(CACHE, 'peers', name);
  const stamp = path.join(dir, '.stamp');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === stampOf(name)) return dir;
  needGo();
  say(`${name}: building with Go (minutes the first time)`);
  mkdirSync(path.dirname(dir), {recursive: true});
  const fresh = mkdtempSync(`${dir}.new-`);
  const heartbeat = setInterval(() => say(`${name}: Go is still at work`), HEARTBEAT_MS);
  try {
    const {programs, tags = '', links = {}} = PEERS[name];
    const args = ['build', '-trimpath', '-ldflags', '-s -w', '-tags', tags, '-o', `${fresh}/`];
    await sh('go', [...args, ...programs], {
      cwd: path.join(ROOT, 'tests', 'peers', name),
      env: {...process.env, CGO_ENABLED: '0', GOFLAGS: '-mod=readonly', GOWORK: 'off'},
    });
    for (const [link, program] of Object.entries(links))
      symlinkSync(program, path.join(fresh, link));
    writeFileSync(path.join(fresh, '.stamp'), stampOf(name));
    rmSync(dir, {recursive: true, force: true});
    renameSync(fresh, dir);
  } finally {
    clearInterval(heartbeat);
    rmSync(fresh, {recursive: true, force: true});
  }
  return dir;
}

/**
 * Builds what is missing. Resolves with the folders by name: `headscale` and `headscale-0.28`
 * (each with a program `headscale`), `tailscale` (with tailscaled, tailscale and derper) and
 * `tailscale-1.80` (tailscaled and tailscale).
 */
export async function peers(...names) {
  return withLock('peers', async () => {
    const dirs = {};
    for (const name of names.length ? names : NAMES) dirs[name] = await buildPeer(name);
    return dirs;
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url))
  await main(async () => {
    for (const dir of Object.values(await peers(...process.argv.slice(2)))) console.log(dir);
  });
