// The whole core end to end, without a network: DERP frames in, the page's bytes out, and the other
// way. A simulated tailnet is recorded once and told to fresh engines again and again (replay.mjs).
import {readFileSync} from 'node:fs';
import path from 'node:path';
import {ROOT, ninja, say} from '../../support/setup.mjs';
import {summary} from '../stats.mjs';
import {linkMap} from '../wasm_sizes.mjs';
import {layersOf} from './layers.mjs';
import {Profile, profileText} from './profile.mjs';
import {record} from './record.mjs';
import {replay} from './replay.mjs';

const BUILD = path.join(ROOT, 'build', 'wasm');
const BYTES = 32e6;
const ROUNDS = 7; // the first compiles, and is not counted
const PROFILED_ROUNDS = 5;
const JOINED = 65_536; // of a burst, before the engine is drained

/**
 * What is measured: messages of the relay as it writes them, and as the hub joins them. joined: bytes of
 * a burst before the engine is drained, if not JOINED; idle: open connections that say nothing.
 */
export const CASES = [
  {name: 'SSH bytes out of DERP frames', kind: 'sshDown', piece: 65_536, least: 150},
  {name: 'the same in messages of 4 kB', kind: 'sshDown', piece: 4096},
  {name: 'TCP bytes out of DERP frames', kind: 'tcpDown', piece: 65_536, least: 300},
  {name: 'the same in messages of 4 kB', kind: 'tcpDown', piece: 4096},
  {name: 'the same packet by packet', kind: 'tcpDown', piece: 4096, joined: 1},
  {
    ...{name: '… beside 1,000 idle connections', kind: 'tcpDown', piece: 4096, joined: 1},
    idle: 1000,
  },
  {name: 'SSH bytes into DERP frames', kind: 'sshUp', piece: 65_536},
  {name: 'TCP bytes into DERP frames', kind: 'tcpUp', piece: 65_536},
];

function compiled(name) {
  return new WebAssembly.Module(readFileSync(path.join(BUILD, name)));
}

/**
 * [{name, kind, piece, least?, rate, packets, layers, profile?}]: rate is a summary of MB/s of the thread's
 * own time, packets that of DERP's per second. rows: kinds to measure, undefined: all; env: of setup().
 */
export async function benchWhole(env, {rows, profiled}) {
  await ninja('core', BUILD, ['world.wasm', 'ipn_named.wasm'], env);
  const world = compiled('world.wasm');
  const module = compiled('ipn_named.wasm'); // but for the names the same as ipn.wasm
  const map = linkMap(readFileSync(path.join(BUILD, 'ipn_named.map'), 'utf8'));
  const results = [];
  for (const one of CASES) {
    if (rows && !rows.has(one.kind)) continue;
    say(`the whole core: ${one.kind}, messages of ${one.piece} bytes`);
    const recorded = record(module, world, {joined: JOINED, ...one, bytes: BYTES});
    const rounds = Array.from({length: ROUNDS}, () => replay(module, recorded)).slice(1);
    const result = {
      ...one,
      rate: summary(rounds.map(({bytes, ms}) => bytes / 1000 / ms)),
      packets: summary(rounds.map(({packets, ms}) => (packets / ms) * 1000)),
    };
    const list = profiledRounds(module, recorded);
    result.layers = layersOf(list, map);
    if (profiled) result.profile = list;
    results.push(result);
  }
  return results;
}

function profiledRounds(module, recorded) {
  const profile = new Profile();
  for (let i = 0; i < PROFILED_ROUNDS; i++) {
    replay(module, recorded, () => profile.start());
    profile.stop();
  }
  return profile.end();
}

/** The profiles as text, each under its case. */
export function wholeProfiles(results) {
  return results
    .filter((result) => result.profile)
    .map(({kind, piece, profile: list}) => `${kind}, ${piece} bytes\n${profileText(list)}`)
    .join('\n\n');
}
