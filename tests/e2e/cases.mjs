// Runs the cases of tests/e2e/cases with a client, each as a test whose name begins with its file.
import {readdirSync} from 'node:fs';
import path from 'node:path';
import {after, before, describe, test} from 'node:test';
import {fileURLToPath} from 'node:url';
import {ROOT} from '../support/setup.mjs';
import {opensshMissing} from '../support/ssh_servers.mjs';
import {startBed} from './bed.mjs';

const FOLDER = fileURLToPath(new URL('cases', import.meta.url));
const LONG = Boolean(process.env.MESHTERM_LONG);
const MINUTE_MS = 60_000;

/** MESHTERM_CASES names the files to run, if not all. */
function files() {
  const only = process.env.MESHTERM_CASES?.split(',');
  return readdirSync(FOLDER)
    .filter((name) => name.endsWith('.mjs') && (!only || only.includes(name)))
    .sort();
}

/** The cases of all files, each with its `file`. */
export async function allCases() {
  const names = files();
  const modules = await Promise.all(names.map((name) => import(`./cases/${name}`)));
  return modules.flatMap(({cases}, i) => cases.map((c) => ({file: names[i], ...c})));
}

/** The client, when there is one, runs a case; `url` is that of the module that wants it. */
export function testCase({file, name, isLong}, url, client) {
  const runner = path.relative(ROOT, fileURLToPath(url));
  const timeout = (isLong ? 20 : 3) * MINUTE_MS;
  const skip = isLong && !LONG ? 'in npm run test:long' : false;
  test(`tests/e2e/cases/${file} by ${runner}: ${name}`, {timeout, skip}, () =>
    client().run(file, name),
  );
}

/**
 * @param {string} what the client is called  @param startClient see clients.mjs
 * @param {string} url of the module that runs them
 */
export async function runCases(what, startClient, url) {
  const cases = await allCases();
  describe(what, {skip: opensshMissing() ?? false}, () => {
    let bed, client;

    before(async () => {
      bed = await startBed();
      client = await startClient(bed);
    });
    after(async () => {
      await client?.stop();
      await bed?.stop();
    });

    for (const c of cases) testCase(c, url, () => client);
  });
}
