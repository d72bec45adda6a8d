/*
 * The core of the cases in the other engines: Firefox ESR, and WebKitGTK for Safari's sake.
 * npm run test:long runs all cases in both. What else an engine decides is tried here as well.
 *
 *   Firefox ── WebDriver BiDi ─┐
 *   MiniBrowser ── WebDriver ──┴─ the page of clients.mjs ── the bed: Headscale, tailscaled, sshd
 */
import assert from 'node:assert/strict';
import {after, before, describe, test} from 'node:test';
import {Chromium} from '../support/chromium.mjs';
import {checkAbility} from '../support/engines/table.mjs';
import {startFirefox} from '../support/engines/firefox.mjs';
import {startWebKit} from '../support/engines/webkit.mjs';
import {until} from '../support/process.mjs';
import {opensshMissing} from '../support/ssh_servers.mjs';
import {startBed} from './bed.mjs';
import {allCases, testCase} from './cases.mjs';
import {pageClient} from './clients.mjs';

const LONG = Boolean(process.env.MESHTERM_LONG);
const ENGINES = {Firefox: startFirefox, WebKitGTK: startWebKit};
const LEAVE_MS = 15_000; // far below the 70 s after which Headscale removes a node that is silent
const OURS = /^client/; // the hostname that the cases join as
const cases = (await allCases()).filter(({isCore}) => isCore || LONG);
const [first] = cases.filter(({name}) => name.startsWith('a command:'));

/** What was found, true or why not, by ability. */
function checkAbilities(engine, found, t) {
  assert.ok(Object.keys(found).length > 5, 'abilities are found');
  for (const [ability, has] of Object.entries(found)) checkAbility(engine, ability, has, t);
}

async function abilitiesOf({page}) {
  const module = '/e2e/engines_abilities.js';
  return page.evaluate(`import('${module}').then(({abilities}) => abilities())`);
}

describe('every engine', {skip: opensshMissing() ?? false}, () => {
  let bed;
  before(async () => (bed = await startBed()));
  after(() => bed?.stop());

  const nodes = async () => (await bed.deeds.nodes()).filter(({name}) => OURS.test(name));

  for (const [name, start] of Object.entries(ENGINES)) {
    describe(name, () => {
      let client;
      before(async () => (client = await pageClient(bed, start)));
      after(() => client?.stop());

      for (const c of cases) testCase(c, import.meta.url, () => client);

      test('what it can do is what README.md says', async (t) => {
        t.diagnostic(`${client.engine.name} ${client.engine.version}`);
        checkAbilities(name, await abilitiesOf(client), t);
      });

      test('a reload: the node is gone at once, the page joins again', async () => {
        await client.run(first.file, first.name);
        const old = (await nodes()).map(({id}) => id);
        assert.ok(old.length > 0);
        await client.reload();
        await client.run(first.file, first.name);
        const isOld = ({id}) => old.includes(id);
        await until('gone', async () => !(await nodes()).some(isOld), {timeout: LEAVE_MS});
        assert.equal((await nodes()).length, 1);
      });
    });
  }

  test('Chromium can do what README.md says', async (t) => {
    const client = await pageClient(bed, () => Chromium.start());
    try {
      checkAbilities('Chromium', await abilitiesOf(client), t);
    } finally {
      await client.stop();
    }
  });
});
