// Where the figures come from.
import {cpus, loadavg, release, totalmem} from 'node:os';
import {run} from '../support/process.mjs';
import {ROOT} from '../support/setup.mjs';

async function said(file, args) {
  return run(file, args, {cwd: ROOT}).then(
    (text) => text.trim(),
    () => '',
  );
}

export async function machine() {
  return {
    date: new Date().toISOString(),
    commit: await said('git', ['rev-parse', '--short', 'HEAD']),
    modified: (await said('git', ['status', '--porcelain', '-uno', 'wasm', 'js', 'web'])) !== '',
    cpu: cpus()[0].model.trim(),
    cores: cpus().length,
    memoryGB: Math.round(totalmem() / 1e9),
    linux: release(),
    node: process.version,
    go: (await said('go', ['env', 'GOVERSION'])) || undefined,
  };
}

/** Others' work on the machine falsifies the figures: the load of the last minute says how much. */
export function load() {
  return Number(loadavg()[0].toFixed(2));
}
