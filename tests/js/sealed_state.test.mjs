import assert from 'node:assert/strict';
import {test} from 'node:test';
import {load} from './support/load.mjs';
import {makeWorld, recorder, settle} from './support/world.mjs';

const {SealedState, mergeLines, mergeKnownHosts, sealedState} = await load([
  'js/src/index.ts',
  'js/src/host/sealed_state.ts',
  'js/src/host/merge_lines.ts',
]);

const TABLE = [
  // base, ours, theirs, all
  ['', 'a\n', '', 'a\n'],
  ['', 'a\n', 'b\n', 'b\na\n'],
  ['a\n', 'a\n', 'a\nb\n', 'a\nb\n'],
  ['a\n', '', 'a\nb\n', 'b\n'],
  ['a\n', 'a2\n', 'a\nb\n', 'b\na2\n'],
  ['a\nb\n', 'a\n', 'b\n', ''],
  ['a\n', 'a\n', '', ''],
  ['a\n', 'a\nb\n', 'a\nb\n', 'a\nb\n'],
  ['', 'a\na\n', 'a\na', 'a\n'],
  ['a\n', 'b\na\n', 'c\na\n', 'c\na\nb\n'],
];

test('lines of two pages: what was added stays, what was removed goes', () => {
  for (const [i, [base, ours, theirs, all]] of TABLE.entries())
    assert.equal(mergeLines(base, ours, theirs), all, `row ${i}`);
});

test('a merge that is too large drops what is theirs alone, but no marked line', () => {
  const many = (name, count) =>
    Array.from({length: count}, (_, i) => `${name}${i} ${'k'.repeat(1000)}\n`).join('');
  const theirs = `@revoked * k\n${many('theirs', 200)}`;
  const ours = many('ours', 100);
  const all = mergeLines('', ours, theirs);
  assert.ok(all.length <= 256 * 1024);
  assert.ok(all.startsWith('@revoked * k\ntheirs'));
  assert.ok(all.includes('theirs199 ') && !all.includes('theirs0 '));
  assert.ok(all.endsWith(ours));
});

test('values that are none of ours count as empty', () => {
  const value = (text) => Buffer.from(Buffer.from(text).toString('base64')).toString('hex');
  assert.equal(mergeKnownHosts('zz', value('ä k\n'), '2121'), value('ä k\n'));
  assert.equal(mergeKnownHosts('', '', ''), '');
  assert.equal(mergeKnownHosts(value('a\n'), '', value('a\n')), '');
});

test('without IndexedDB, as in Node, it is memory, and the IPN says so', async () => {
  const stateStorage = new SealedState();
  await stateStorage.setState('node-key', '6e');
  assert.equal(await stateStorage.getState('node-key'), '6e');
  const heard = [];
  stateStorage.watch((problem) => heard.push(problem.code));
  assert.deepEqual(heard, ['no-storage']);
  await stateStorage.clear();
  assert.equal(await stateStorage.getState('node-key'), '');
  assert.deepEqual(heard, ['no-storage']);
});

test('whoever has onFallback is told there, and nowhere else', async () => {
  const told = [];
  const heard = [];
  const state = new SealedState('x', (problem) => told.push(problem));
  state.watch((problem) => heard.push(problem));
  await state.getState('node-key');
  assert.deepEqual(
    told.map(({code}) => code),
    ['no-storage'],
  );
  assert.match(told[0].message, /^This browser keeps nothing/);
  assert.deepEqual(heard, []);
});

test('wrong options are a TypeError', () => {
  for (const options of [{name: 3}, {name: 'a/b'}, {onFallback: 1}, 3])
    assert.throws(() => sealedState(options), TypeError);
});

test('logoutOnClose: a node that is kept may still be logged out with its page', async () => {
  const kept = {setState() {}, getState: () => ''};
  const table = [
    [{}, true],
    [{stateStorage: kept}, false],
    [{stateStorage: kept, logoutOnClose: true}, true],
    [{logoutOnClose: false}, false],
  ];
  for (const [config, isLoggedOut] of table) {
    const world = makeWorld(config);
    world.ipn.run(recorder().callbacks);
    await settle();
    void world.ipn.close();
    await settle();
    assert.equal(world.core.count('logout'), isLoggedOut ? 1 : 0, JSON.stringify(config));
  }
  assert.throws(() => makeWorld({logoutOnClose: 'yes'}), TypeError);
});
