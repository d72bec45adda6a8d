/* Where no SharedWorker is: one page leads, the others speak to its worker over channels. */
import assert from 'node:assert/strict';
import {after, test} from 'node:test';
import {load} from './support/load.mjs';

const {hasLocks, openLeaderWire, nodeName, VERSION} = await load([
  'js/src/host/locks.ts',
  'js/src/worker/leader_wire.ts',
  'js/src/worker/node_name.ts',
  'js/src/host/version.ts',
]);

const given = Object.getOwnPropertyDescriptor(globalThis, 'navigator');
const forever = new Promise(() => {});
function setLocks(locks) {
  Object.defineProperty(globalThis, 'navigator', {value: {locks}, configurable: true});
}
after(() => {
  if (given) Object.defineProperty(globalThis, 'navigator', given);
  else delete globalThis.navigator;
});

/** The next message of a channel. */
const heard = (channel) =>
  new Promise((resolve) => (channel.onmessage = ({data}) => resolve(data)));

test('what is posted to the leader arrives, and stays nowhere in the page', async (t) => {
  setLocks({request: () => forever}); // another page has it
  const identity = ['http://h.test', 'h', ''];
  const all = new globalThis.BroadcastChannel(nodeName(identity, VERSION));
  t.after(() => all.close());
  const asked = heard(all);
  let connected;
  const isConnected = new Promise((resolve) => (connected = resolve));
  const wire = openLeaderWire(identity, {connected, receive() {}, lost() {}});
  t.after(() => wire.close());
  assert.deepEqual(await asked, {type: 'who'});
  const answered = heard(all);
  all.postMessage({type: 'here', node: 'n1'});
  const {type, node, page} = await answered;
  assert.deepEqual([type, node], ['connect', 'n1']);
  const channel = new globalThis.BroadcastChannel(page);
  t.after(() => channel.close());
  channel.postMessage([]);
  await isConnected;

  const fields = new TextEncoder().encode('password\0secret\0');
  const arrived = heard(channel);
  wire.post({type: 'sshOpen', ref: 1, fields}, [fields.buffer]);
  assert.ok(fields.every((byte) => byte === 0));
  assert.equal(new TextDecoder().decode((await arrived).fields), 'password\0secret\0');
});

test('locks are not for a page of no origin, and not on plain http', () => {
  setLocks({request: () => forever});
  assert.equal(hasLocks(), true);
  globalThis.origin = 'null';
  assert.equal(hasLocks(), false);
  delete globalThis.origin;
  setLocks(undefined);
  assert.equal(hasLocks(), false);
});
