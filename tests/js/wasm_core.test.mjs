import assert from 'node:assert/strict';
import {readFileSync} from 'node:fs';
import {test} from 'node:test';
import {expected, generate} from '../../js/gen_events.mjs';
import {FakeWasm} from './support/fake_wasm.mjs';
import {load} from './support/load.mjs';

const {WasmCore, coreImport, EVENT, STATES} = await load([
  'js/src/core/wasm_core.ts',
  'js/src/core/event_numbers.ts',
]);

const utf8 = {
  encode: (text) => new TextEncoder().encode(text),
  decode: (bytes) => new TextDecoder('utf-8', {ignoreBOM: true}).decode(bytes),
};

function makeCore() {
  const wasm = new FakeWasm();
  return {wasm, core: new WasmCore(wasm.exports, utf8)};
}

const CONFIG = {
  controlURL: 'http://ä',
  controlKey: '',
  authKey: 'k',
  hostname: 'h',
  state: 'a=b\n',
  derpURLs: '',
};

test('event_numbers.ts is what ipn.h says now', () => {
  const file = new URL('../../js/src/core/event_numbers.ts', import.meta.url);
  assert.equal(readFileSync(file, 'utf8'), expected());
});

test('the generator reads numbers, skips comments, spells states', () => {
  const text =
    generate(`enum ipn_state { /* IPN_STATE_NO */ IPN_STATE_NEEDS_LOGIN = 0, IPN_STATE_RUNNING };
    enum ipn_event_type { IPN_EVENT_A_B = 4, /* IPN_EVENT_C = 5, */ };`);
  assert.match(text, /A_B: 4,/);
  assert.doesNotMatch(text, /C: 5/);
  assert.match(text, /'NeedsLogin',\n {2}'Running',/);
});

test('_initialize comes first; strings go in NUL-terminated and are wiped and freed', () => {
  const {wasm, core} = makeCore();
  assert.equal(core.create(CONFIG, -5.5, 1.25), undefined);
  assert.deepEqual(wasm.seen, [
    ['_initialize'],
    ['new', 'http://ä', '', 'k', 'h', 'a=b\n', '', -5.5, 1.25],
  ]);
  assert.equal(wasm.freed.length, 6);
  const lens = Object.values(CONFIG).map((text) => new TextEncoder().encode(text).length + 1);
  wasm.freed.forEach((at, i) => assert.deepEqual(wasm.bytes(at, lens[i]), Array(lens[i]).fill(0)));
});

test('a refused configuration comes back as its sentence', () => {
  const {wasm, core} = makeCore();
  wasm.refusal = 'The control URL is malformed.';
  assert.equal(core.create(CONFIG, 0, 0), 'The control URL is malformed.');
});

test('a message of any length goes in pieces, no byte lost', () => {
  const {wasm, core} = makeCore();
  const bytes = new Uint8Array(700_001).map((_, i) => i * 31);
  core.socketInput(3, bytes, 8);
  const pieces = wasm.seen.filter(([name]) => name === 'socket_input').map((call) => call[2]);
  assert.ok(pieces.every((piece) => piece.length <= 256 * 1024));
  assert.deepEqual(Uint8Array.from(pieces.flat()), bytes);
});

test('bytes survive memory that grows in every call', () => {
  const {wasm, core} = makeCore();
  wasm.growEachCall = true;
  core.socketInput(3, Uint8Array.of(1, 2, 3), 8);
  assert.equal(core.sshWrite(4, Uint8Array.of(5, 6), 9), 2);
  assert.equal(core.ping('näme', 1), 9);
  wasm.queue.push({type: EVENT.SOCKET_SEND, id: 1, text: [7, 8, 9]});
  assert.deepEqual([...core.poll(0).bytes], [7, 8, 9]);
  assert.deepEqual(wasm.seen.slice(1), [
    ['socket_input', 3, [1, 2, 3], 8],
    ['ssh_write', 4, [5, 6]],
    ['ping', 'näme'],
  ]);
});

test('what is secret is passed on as bytes, and no copy stays in memory', () => {
  const {wasm, core} = makeCore();
  const block = new TextEncoder().encode('host\0h\0password\0süß\0');
  assert.equal(core.sshOpen(block, 7), 5);
  assert.deepEqual(wasm.seen.at(-1), ['ssh_open', ['host', 'h', 'password', 'süß', ''], 7]);
  assert.ok(!wasm.allText().includes('süß'));
  core.sshAnswerPrompt(5, new TextEncoder().encode('süß\0'), 8);
  assert.deepEqual(wasm.seen.at(-1).slice(0, 2), ['x_ssh_answer_prompt', 5]);
  assert.ok(!wasm.allText().includes('süß'));
  core.sshAnswerPrompt(5, undefined, 8);
  assert.deepEqual(wasm.seen.at(-1), ['x_ssh_answer_prompt', 5, 0, 0, 8]);
});

const ATTRS = {
  size: 2 ** 33 + 5,
  uid: 1000,
  gid: 1001,
  mode: 0o100644,
  atime: 1.6e9,
  mtime: 1.7e9,
};

/** The core's forty bytes, of which `valid` says what counts. */
function attrs(valid) {
  const view = new DataView(new ArrayBuffer(40));
  const {size, uid, gid, mode, atime, mtime} = ATTRS;
  view.setBigUint64(8, BigInt(size), true);
  [valid, mode].forEach((n, i) => view.setUint32(4 * i, n, true));
  [uid, gid, atime, mtime].forEach((n, i) => view.setUint32(16 + 4 * i, n, true));
  return new Uint8Array(view.buffer);
}

const EVENTS = [
  [
    {type: 'SOCKET_OPEN', id: 1, text: 'ws://x', aux: 'p'},
    {type: 'socketOpen', id: 1, url: 'ws://x', protocol: 'p'},
  ],
  [
    {type: 'SOCKET_CLOSE', id: 2},
    {type: 'socketClose', id: 2},
  ],
  [
    {type: 'HTTP_GET', id: 3, code: 1, text: 'http://k'},
    {type: 'httpGet', id: 3, url: 'http://k', probe: true},
  ],
  [
    {type: 'STATE', code: 6},
    {type: 'state', state: 'Running'},
  ],
  [
    {type: 'STATE', code: 99},
    {type: 'state', state: 'NoState'},
  ],
  [
    {type: 'NETMAP', text: '{"ä":1}'},
    {type: 'netMap', json: '{"ä":1}'},
  ],
  [
    {type: 'PEERS', text: '{"whole":true}'},
    {type: 'peers', json: '{"whole":true}'},
  ],
  [
    {type: 'BROWSE_TO_URL', text: 'https://l'},
    {type: 'browseToURL', url: 'https://l'},
  ],
  [
    {type: 'STORE', text: 'n', aux: 'v'},
    {type: 'store', name: 'n', value: 'v'},
  ],
  [
    {type: 'PROBLEM', code: 1, text: 'c', aux: 'm'},
    {type: 'problem', code: 'c', message: 'm', retrying: true},
  ],
  [
    {type: 'STATUS', text: '{}'},
    {type: 'status', json: '{}'},
  ],
  [{type: 'LOGGED_OUT'}, {type: 'loggedOut'}],
  [
    {type: 'SSH_PROGRESS', id: 4, text: 'p'},
    {type: 'sshProgress', id: 4, message: 'p'},
  ],
  [
    {type: 'SSH_HOST_KEY', id: 4, text: 'ssh-ed25519 SHA256:x', aux: [1]},
    {
      type: 'sshHostKey',
      id: 4,
      keyType: 'ssh-ed25519',
      fingerprint: 'SHA256:x',
      otherKeys: '',
      blob: Uint8Array.of(1),
    },
  ],
  [
    {type: 'SSH_HOST_KEY', id: 4, text: 'ssh-rsa SHA256:x a SHA256:y or b SHA256:z', aux: [1]},
    {
      type: 'sshHostKey',
      id: 4,
      keyType: 'ssh-rsa',
      fingerprint: 'SHA256:x',
      otherKeys: 'a SHA256:y or b SHA256:z',
      blob: Uint8Array.of(1),
    },
  ],
  [
    {type: 'SSH_HOST_KEY', id: 4, code: 1, text: 'ssh-ed25519 SHA256:x', aux: 'SHA256:y'},
    {
      type: 'sshHostKey',
      id: 4,
      keyType: 'ssh-ed25519',
      fingerprint: 'SHA256:x',
      otherKeys: '',
      blob: new Uint8Array(0),
      known: 'SHA256:y',
    },
  ],
  [
    {type: 'SSH_PROMPT', id: 4, code: 1, text: 'n\0i\x000Password: \x001Code: \0'},
    {type: 'sshPrompt', id: 4, kind: 1, fields: ['n', 'i', '0Password: ', '1Code: ']},
  ],
  [
    {type: 'SSH_PROMPT', id: 4, code: 1, text: '\0\0'},
    {type: 'sshPrompt', id: 4, kind: 1, fields: ['', '']},
  ],
  [
    {type: 'SSH_EOF', id: 4},
    {type: 'sshEof', id: 4},
  ],
  [
    {type: 'SSH_STEP', id: 4, code: 4, text: 'SSH-2.0-x'},
    {type: 'sshStep', id: 4, step: 4, detail: 'SSH-2.0-x'},
  ],
  [
    {type: 'SSH_AGENT_SIGN', id: 4, code: 3, text: 'ssh-ed25519 SHA256:x me'},
    {type: 'sshAgentSign', id: 4, request: 3, key: 'ssh-ed25519 SHA256:x me'},
  ],
  [
    {type: 'SFTP_ENTRY', id: 4, code: 9, text: 'ä', aux: attrs(15)},
    {type: 'sftpEntry', id: 4, request: 9, name: 'ä', attrs: ATTRS},
  ],
  [
    {type: 'SFTP_ATTRS', id: 4, code: 9, aux: attrs(1)},
    {type: 'sftpAttrs', id: 4, request: 9, attrs: {size: ATTRS.size}},
  ],
  [
    {type: 'SFTP_ATTRS', id: 4, code: 9},
    {type: 'sftpAttrs', id: 4, request: 9, attrs: {}},
  ],
  [
    {type: 'SFTP_WRITABLE', id: 4, code: 9, aux: attrs(1)},
    {type: 'sftpWritable', id: 4, request: 9, acknowledged: ATTRS.size},
  ],
  [
    {type: 'SFTP_DONE', id: 4, code: 9, text: [249, 255, 255, 255, 0x61, 0x62], aux: attrs(6)},
    {
      type: 'sftpDone',
      id: 4,
      request: 9,
      status: -7,
      text: 'ab',
      attrs: {uid: 1000, gid: 1001, mode: 0o100644},
    },
  ],
  [
    {type: 'KNOWN_HOSTS', text: 'h ssh-ed25519 AAAA\n'},
    {type: 'knownHosts', text: 'h ssh-ed25519 AAAA\n'},
  ],
  [
    {type: 'KEY', id: 3, text: 'private', aux: 'ssh-ed25519 AAAA c'},
    {
      type: 'key',
      id: 3,
      privateKey: new TextEncoder().encode('private'),
      publicKey: 'ssh-ed25519 AAAA c',
    },
  ],
  [
    {type: 'KEY_CHECKED', id: 3, code: 1, text: 'SHA256:x', aux: 'ssh-ed25519 AAAA'},
    {type: 'keyChecked', id: 3, code: 1, text: 'SHA256:x', publicKey: 'ssh-ed25519 AAAA'},
  ],
  [
    {type: 'SSH_BANNER', id: 4, text: 'b'},
    {type: 'sshBanner', id: 4, message: 'b'},
  ],
  [
    {
      type: 'SSH_OPEN',
      id: 4,
      text: 'SSH-2.0-x',
      aux: 'ssh-ed25519\0SHA256:x\0kex\0c-in\0c-out\0m-in\0\0none\0known\0',
    },
    {
      type: 'sshOpen',
      id: 4,
      serverVersion: 'SSH-2.0-x',
      hostKeyType: 'ssh-ed25519',
      hostKeyFingerprint: 'SHA256:x',
      hostKeyTrust: 'known',
      kex: 'kex',
      cipherIn: 'c-in',
      cipherOut: 'c-out',
      macIn: 'm-in',
      macOut: '',
      authMethod: 'none',
    },
  ],
  [
    {type: 'SSH_EXIT', id: 4, code: 3, aux: 'TERM'},
    {type: 'sshExit', id: 4, code: 3, signal: 'TERM'},
  ],
  [
    {type: 'SSH_ERROR', id: 4, text: 'c', aux: 'm'},
    {type: 'sshError', id: 4, code: 'c', message: 'm', isEarly: false},
  ],
  [
    {type: 'SSH_DONE', id: 4},
    {type: 'sshDone', id: 4},
  ],
  [
    {type: 'SSH_WRITABLE', id: 4},
    {type: 'sshWritable', id: 4},
  ],
  [
    {type: 'TCP_OPEN', id: 5},
    {type: 'tcpOpen', id: 5},
  ],
  [
    {type: 'TCP_EOF', id: 5},
    {type: 'tcpEof', id: 5},
  ],
  [
    {type: 'TCP_WRITABLE', id: 5},
    {type: 'tcpWritable', id: 5},
  ],
  [
    {type: 'TCP_ERROR', id: 5, text: 'c', aux: 'm'},
    {type: 'tcpError', id: 5, code: 'c', message: 'm'},
  ],
  [
    {type: 'TCP_DONE', id: 5},
    {type: 'tcpDone', id: 5},
  ],
  [
    {type: 'PONG', id: 6, code: -1, text: 'fra'},
    {type: 'pong', id: 6, ms: -1, region: 'fra'},
  ],
];

test('every event is decoded', () => {
  const {wasm, core} = makeCore();
  EVENTS.forEach(([raw, event], i) => {
    wasm.queue.push({...raw, type: EVENT[raw.type]});
    assert.deepEqual(core.poll(0), event, `row ${i}`);
  });
  for (const name of ['SOCKET_SEND', 'SSH_DATA', 'SSH_STDERR', 'TCP_DATA', 'SFTP_DATA']) {
    wasm.queue.push({type: EVENT[name], id: 8, text: [0, 255]});
    const event = core.poll(0);
    assert.deepEqual([event.id, ...event.bytes], [8, 0, 255], name);
  }
  const tested = new Set([
    ...EVENTS.map(([raw]) => raw.type),
    'NONE',
    'SOCKET_SEND',
    'SSH_DATA',
    'SSH_STDERR',
    'TCP_DATA',
    'SFTP_DATA',
  ]);
  assert.deepEqual(
    Object.keys(EVENT).filter((name) => !tested.has(name)),
    [],
    'a new event has no row',
  );
  assert.equal(STATES.length, 7);
});

test('an event of a newer module is skipped, not an end', () => {
  const {wasm, core} = makeCore();
  wasm.queue.push({type: 49, id: 1}, {type: 200}, {type: EVENT.SSH_DONE, id: 1});
  assert.deepEqual(core.poll(0), {type: 'sshDone', id: 1});
  assert.equal(core.poll(0), undefined);
});

test('imports: randomness into memory, log lines out, anything else throws', () => {
  const memory = new WebAssembly.Memory({initial: 1});
  const lines = [];
  const host = {
    utf8,
    random: (bytes) => bytes.fill(0xaa),
    log: (level, line) => lines.push([level, line]),
  };
  const get = (name) => coreImport(name, host, () => memory.buffer);
  get('host_random')(16, 4);
  assert.deepEqual([...new Uint8Array(memory.buffer, 15, 6)], [0, 0xaa, 0xaa, 0xaa, 0xaa, 0]);
  new Uint8Array(memory.buffer, 100, 2).set([0x68, 0x69]);
  get('host_log')(1, 100, 2);
  assert.deepEqual(lines, [[1, 'hi']]);
  get('emscripten_notify_memory_growth')(0);
  assert.throws(() => get('fd_write')(1, 2, 3, 4), /fd_write/);
});
