/* What an SSH connection asks on its way, how it fails, and that secrets stay nowhere. */
import assert from 'node:assert/strict';
import {execFileSync} from 'node:child_process';
import {mkdtempSync, readFileSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import path from 'node:path';
import {test} from 'node:test';
import {load} from './support/load.mjs';
import {coreSays, makeWorld, settle, startedWorld} from './support/world.mjs';

const {randomart} = await load('js/src/randomart.ts');

async function open(options = {}) {
  const world = await startedWorld();
  const seen = [];
  const session = world.ipn.ssh('node1', 'alice', {
    writeFn() {},
    writeErrorFn: (error) => seen.push(['error', error]),
    onError: (error) => seen.push(['onError', error]),
    onDone: () => seen.push(['done']),
    ...options,
  });
  await settle();
  const id = world.core.lastId;
  const fields = world.core.calls.find(([name]) => name === 'sshOpen')?.[1];
  return {
    world,
    core: world.core,
    session,
    seen,
    id,
    fields,
    says: (...e) => coreSays(world, ...e),
  };
}

const answersOf = (core, name) =>
  core.calls.filter(([n]) => n === name).map((call) => call.slice(1));

async function collectUncaught(body) {
  const uncaught = [];
  const listener = (error) => uncaught.push(error.message);
  process.removeAllListeners('uncaughtException');
  process.on('uncaughtException', listener);
  await body();
  await settle();
  process.off('uncaughtException', listener);
  return uncaught;
}

test('every option reaches the core in its words', async () => {
  const {fields} = await open({
    port: 2222,
    timeoutSeconds: 7,
    password: '',
    privateKey: ['one', 'two'],
    passphrase: 'p',
    onPrompt: () => null,
    verifyHostKey: () => true,
    replaceHostKey: 'SHA256:x',
    agentForward: true,
    onAgentSign: () => true,
    keepAliveSeconds: 0,
    retries: 3,
    retryDelaySeconds: 1.5,
    reuse: false,
  });
  const {term, command, pty, rows, cols, ...rest} = fields;
  assert.deepEqual([term, command, pty, rows, cols], ['xterm-256color', '', '1', '24', '80']);
  assert.deepEqual(rest, {
    host: 'node1',
    user: 'alice',
    port: '2222',
    timeout: '7000',
    password: '',
    passphrase: 'p',
    key: ['one', 'two'],
    prompts: '1',
    askHostKey: '1',
    replaceHostKey: 'SHA256:x',
    agent: '1',
    keepAlive: '0',
    retries: '3',
    retryDelay: '1500',
    reuse: '0',
    'env.LANG': 'C.UTF-8',
    'env.COLORTERM': 'truecolor',
  });
});

test('wrong options are a TypeError', async () => {
  const {world} = await open();
  const bad = [
    {password: 5},
    {password: 'a\0b'},
    {privateKey: [1]},
    {privateKey: ['', '', '', '', '']},
    {passphrase: {}},
    {onPrompt: 'no'},
    {onAgentSign: 1},
    {agentForward: true},
    {agentForward: 1, onAgentSign() {}},
    {keepAliveSeconds: -1},
    {retries: 101},
    {retries: 1.5},
    {retryDelaySeconds: 'x'},
    {reuse: 'no'},
    {via: {}},
    {signal: {}},
    {replaceHostKey: 7},
  ];
  for (const options of bad) {
    const all = {writeFn() {}, ...options};
    assert.throws(() => world.ipn.ssh('h', 'u', all), TypeError, JSON.stringify(options));
    assert.throws(() => world.ipn.exec('h', 'u', 'x', options), TypeError);
    await assert.rejects(world.ipn.sftp('h', 'u', options), TypeError);
    await assert.rejects(world.ipn.testSSH('h', 'u', options), TypeError);
  }
  await settle();
  assert.equal(world.core.count('sshOpen'), 1);
});

test('the block with the secrets is wiped once the core has it, also when there is none', async () => {
  const {core} = await open({password: 'secret'});
  assert.ok(core.lastBlock.length > 50);
  assert.ok(core.lastBlock.every((byte) => byte === 0));
  const world = makeWorld({loadModule: () => Promise.reject(new Error('not there'))});
  const seen = [];
  world.ipn.ssh('h', 'u', {writeFn() {}, password: 'secret', onError: (e) => seen.push(e.message)});
  await settle();
  assert.deepEqual(seen, ['not there']);
});

const PROMPT = {type: 'sshPrompt', kind: 1, fields: ['Two', 'steps', '0Password: ', '1Code: ']};

test('a prompt is asked as the server put it, and its answers are wiped', async () => {
  const asked = [];
  const onPrompt = async (prompt) => (asked.push(prompt), ['süß', '']);
  const {core, id, says} = await open({onPrompt});
  await says({...PROMPT, id});
  assert.deepEqual(asked, [
    {
      kind: 'keyboard-interactive',
      name: 'Two',
      instruction: 'steps',
      prompts: [
        {text: 'Password: ', echo: false},
        {text: 'Code: ', echo: true},
      ],
    },
  ]);
  assert.deepEqual(answersOf(core, 'sshAnswerPrompt'), [[id, ['süß', '']]]);
  assert.ok(core.lastBlock.every((byte) => byte === 0));
});

test('each kind of prompt has its name; none at all is answered with none', async () => {
  const kinds = [];
  const onPrompt = ({kind, prompts}) => (kinds.push(kind), prompts.map(() => 'x'));
  const {core, id, says} = await open({onPrompt});
  for (const kind of [1, 2, 3, 4]) await says({...PROMPT, id, kind, fields: ['', '']});
  assert.deepEqual(kinds, ['keyboard-interactive', 'password', 'passphrase', 'new-password']);
  assert.deepEqual(answersOf(core, 'sshAnswerPrompt').at(-1), [id, []]);
});

test('a prompt that the page does not answer is cancelled; nonsense is told as well', async (t) => {
  const cases = [
    ['null', () => null, 0],
    ['nothing', () => undefined, 0],
    ['a rejection', () => Promise.reject(new Error('no')), 0],
    ['a throw', () => assert.fail('bug'), 1],
    ['too few', () => ['a'], 1],
    ['no strings', () => [1, 2], 1],
    ['a NUL', () => ['a\0', 'b'], 1],
    ['a string', () => 'ab', 1],
  ];
  for (const [name, onPrompt, errors] of cases) {
    await t.test(name, async () => {
      const {core, id, says} = await open({onPrompt});
      const uncaught = await collectUncaught(() => says({...PROMPT, id}));
      assert.deepEqual(answersOf(core, 'sshAnswerPrompt'), [[id, undefined]]);
      assert.equal(uncaught.length, errors);
    });
  }
});

test('each use of a key by the far side is asked; only true allows', async () => {
  const asked = [];
  const answers = [() => true, () => false, () => 1, async () => true, () => Promise.reject(1)];
  const onAgentSign = (key) => (asked.push(key), answers[asked.length - 1]());
  const {core, id, says} = await open({agentForward: true, onAgentSign});
  for (let request = 1; request <= 5; request++)
    await says({type: 'sshAgentSign', id, request, key: `ssh-ed25519 SHA256:${request} me`});
  assert.equal(asked[4], 'ssh-ed25519 SHA256:5 me');
  assert.deepEqual(
    answersOf(core, 'sshAnswerAgent').map(([, request, allow]) => [request, allow]),
    [
      [1, true],
      [2, false],
      [3, false],
      [4, true],
      [5, false],
    ],
  );
});

test('an error: writeErrorFn, onError, onDone, in this order, with all that a program wants', async () => {
  const {seen, id, says} = await open();
  await says(
    {type: 'sshError', id, code: 'tcp-timeout', message: 'It did not answer.', isEarly: true},
    {type: 'sshDone', id},
  );
  const [[, line], [, error], [last]] = seen;
  assert.deepEqual([line, last, seen.length], ['It did not answer.\r\n', 'done', 3]);
  assert.ok(error instanceof Error);
  assert.deepEqual(
    [error.name, error.code, error.message, error.beforeAuthentication, error.hostKey],
    ['IPNSSHError', 'tcp-timeout', 'It did not answer.', true, undefined],
  );
});

test('a changed host key is told with both fingerprints and asks nothing', async () => {
  const {core, seen, id, says} = await open({verifyHostKey: () => assert.fail('asked')});
  const key = {keyType: 'ssh-ed25519', fingerprint: 'SHA256:new', known: 'SHA256:old'};
  await says(
    {type: 'sshHostKey', id, ...key, blob: new Uint8Array(0)},
    {type: 'sshError', id, code: 'host-key-changed', message: 'It changed.', isEarly: true},
    {type: 'sshDone', id},
  );
  assert.equal(core.count('sshAnswerHostKey'), 0);
  assert.deepEqual(seen[1][1].hostKey, {
    type: 'ssh-ed25519',
    fingerprint: 'SHA256:new',
    knownFingerprint: 'SHA256:old',
  });
});

test('signals and aborts: passed on while it lives, false afterwards', async () => {
  const stop = new AbortController();
  const {core, session, seen, id, says} = await open({signal: stop.signal});
  assert.equal(session.signal('INT'), true);
  assert.throws(() => session.signal(2), TypeError);
  stop.abort();
  await settle();
  assert.deepEqual(answersOf(core, 'sshSignal'), [[id, 'INT']]);
  assert.deepEqual(answersOf(core, 'sshClose'), [[id]]);
  assert.equal(session.signal('INT'), false);
  await says({type: 'sshDone', id});
  assert.deepEqual(seen, [['done']]);
});

test('a signal that is aborted already opens nothing', async () => {
  const {core, seen, fields} = await open({signal: AbortSignal.abort()});
  assert.equal(fields, undefined);
  assert.equal(core.count('sshOpen'), 0);
  assert.deepEqual(seen, [['done']]);
});

test('randomart is what ssh-keygen draws', () => {
  const dir = mkdtempSync(path.join(tmpdir(), 'meshterm-art-'));
  try {
    for (const [type, bits] of [
      ['ed25519', 256],
      ['rsa', 2048],
      ['rsa', 3072],
      ['ecdsa', 256],
      ['ecdsa', 521],
    ]) {
      const file = path.join(dir, `${type}${bits}`);
      execFileSync('ssh-keygen', ['-q', '-t', type, '-b', String(bits), '-N', '', '-f', file]);
      const said = execFileSync('ssh-keygen', ['-lvf', `${file}.pub`], {encoding: 'utf8'});
      const [first, ...art] = said.trimEnd().split('\n');
      const [name, blob] = readFileSync(`${file}.pub`, 'utf8').split(' ');
      const drawn = randomart(name, first.split(' ')[1], Buffer.from(blob, 'base64'));
      assert.equal(drawn, art.join('\n'), type);
    }
  } finally {
    rmSync(dir, {recursive: true, force: true});
  }
});
