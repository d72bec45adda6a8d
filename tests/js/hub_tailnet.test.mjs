/* What the hub page makes of what its node says, without a browser. */
import assert from 'node:assert/strict';
import {test} from 'node:test';
import {fileURLToPath} from 'node:url';
import {load} from './support/load.mjs';
import {settle} from './support/world.mjs';

const fake = fileURLToPath(new URL('support/fake_meshterm.mjs', import.meta.url));
const {Tailnet, asked, callbacks} = await (async () => {
  globalThis.location = {search: '?worker=none'};
  const answer = {tailnet: 'home', authKey: 'fresh'};
  globalThis.fetch = async () => ({ok: true, json: async () => answer});
  const made = await load(['web/src/tailnet.ts', fake], {alias: {meshterm: fake}});
  return {Tailnet: made.Tailnet, asked: made.asked, callbacks: () => made.callbacks};
})();

const LOST = {code: 'control-lost', message: 'coming back', retrying: true};

test('after the end of the node key a lost connection does not hide what a person must do', async () => {
  const tailnet = new Tailnet();
  await tailnet.join();
  callbacks().notifyState('Running');
  callbacks().notifyError(LOST);
  assert.equal(tailnet.problem.code, 'control-lost');
  callbacks().notifyState('Running');
  callbacks().notifyError({code: 'node-key-expired', message: 'over', retrying: false});
  callbacks().notifyState('NeedsLogin');
  callbacks().notifyError(LOST);
  assert.equal(tailnet.phase, 'failed');
  assert.equal(tailnet.problem.code, 'node-key-expired');
  await tailnet.join();
  await settle();
  assert.deepEqual(asked, [['login', 'fresh']]);
  assert.equal(tailnet.phase, 'joining');
  callbacks().notifyError(LOST); // now it is being tried
  assert.equal(tailnet.problem.code, 'control-lost');
  callbacks().notifyState('Running');
  assert.equal(tailnet.phase, 'joined');
  assert.equal(tailnet.problem, undefined);
});
