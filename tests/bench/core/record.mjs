// Runs world.wasm (world.h) against an engine and keeps every call that the engine gets.
import {engine} from './driver.mjs';

const EVENT_WORDS = 7;
const RECV_PACKET = 5; // DERP's frame type
const RELAY_SOCKET = 1001;

export const KINDS = {sshDown: 0, tcpDown: 1, sshUp: 2, tcpUp: 3};

/** Counts the packets in a byte stream of DERP frames: [type 1][len 4 BE][body]. */
function packetCounter() {
  let carry = Buffer.alloc(0);
  let skip = 0;
  let packets = 0;
  return (bytes) => {
    let at = Math.min(skip, bytes.length);
    skip -= at;
    const rest = Buffer.concat([carry, bytes.subarray(at)]);
    carry = Buffer.alloc(0);
    for (at = 0; at < rest.length;) {
      if (rest.length - at < 5) {
        carry = rest.subarray(at);
        break;
      }
      if (rest[at] === RECV_PACKET) packets++;
      const end = at + 5 + rest.readUInt32BE(at + 1);
      skip = Math.max(0, end - rest.length);
      at = end;
    }
    return packets;
  };
}

/**
 * Keeps the calls as [name, ...arguments]. The world asks more often than the package's pump: an
 * engine that was told nothing since it was drained is not asked again.
 */
class Recorder {
  calls = [];
  begin = 0;
  #isDrained = false;
  #deadline = undefined;

  constructor(module) {
    this.engine = engine(module);
  }

  call(name, ...args) {
    this.#isDrained = false;
    this.#deadline = undefined;
    return this.#make(name, args);
  }

  poll(now) {
    if (this.#isDrained) return undefined;
    const event = this.#make('poll', [now]);
    this.#isDrained = event === undefined;
    this.#deadline = undefined;
    return event;
  }

  nextDeadline() {
    return (this.#deadline ??= this.#make('nextDeadline', []));
  }

  #make(name, args) {
    this.calls.push([name, ...args]);
    return this.engine.core[name](...args);
  }
}

/** The imports of world.wasm. */
function bridge(recorder, memory, room) {
  const bytes = (at, len) => new Uint8Array(memory(), at, len).slice();
  const text = (at) => {
    const all = Buffer.from(memory());
    return all.toString('utf8', at, all.indexOf(0, at));
  };
  const plain =
    (name) =>
    (...args) =>
      Number(recorder.call(name, ...args) ?? 0);
  const withBytes = (name) => (id, at, len, now) =>
    Number(recorder.call(name, id, bytes(at, len), now) ?? 0);
  return {
    create(controlURL, authKey, wallOffset, now) {
      const names = {hostname: 'page', controlKey: '', state: '', derpURLs: ''};
      const config = {controlURL: text(controlURL), authKey: text(authKey), ...names};
      const problem = recorder.call('create', config, wallOffset, now);
      if (problem) throw new Error(problem);
    },
    free: () => {},
    run: plain('run'),
    tick: plain('tick'),
    socketOpened: plain('socketOpened'),
    socketInput: withBytes('socketInput'),
    tcpCredit: plain('tcpCredit'),
    sshCredit: plain('sshCredit'),
    tcpWrite: withBytes('tcpWrite'),
    sshWrite: withBytes('sshWrite'),
    httpDone: (id, status, at, len, now) =>
      void recorder.call('httpDone', id, status, bytes(at, len), now),
    tcpOpen: (host, port, timeout, now) => recorder.call('tcpOpen', text(host), port, timeout, now),
    sshOpen: (at, len, now) => recorder.call('sshOpen', bytes(at, len), now),
    sshAnswerHostKey: (id, accept, now) => {
      recorder.call('sshAnswerHostKey', id, accept !== 0, now);
      return 0;
    },
    nextDeadline() {
      const at = recorder.nextDeadline();
      return at === Infinity ? -1 : at;
    },
    poll(ev, now) {
      if (!recorder.poll(now)) return 0;
      const from = recorder.engine.exports.memory.buffer;
      const words = new Uint32Array(from, recorder.engine.polled(), EVENT_WORDS).slice();
      const [textAt, auxAt, textLen, auxLen] = words.subarray(3);
      const at = room(textLen + auxLen + 1);
      const to = new Uint8Array(memory());
      to.set(new Uint8Array(from, textAt, textLen), at);
      to.set(new Uint8Array(from, auxAt, auxLen), at + textLen);
      words[3] = at;
      words[4] = at + textLen;
      new Uint32Array(memory(), ev, EVENT_WORDS).set(words);
      return 1;
    },
    mark: () => void (recorder.begin = recorder.calls.length),
  };
}

/** What C's library asks for: there is no environment, and what it prints goes nowhere. */
function libraryImports(module) {
  const answer = (name) => (/^environ_|^emscripten_notify/.test(name) ? 0 : 52); // ENOSYS
  const imports = {};
  for (const {module: from, name} of WebAssembly.Module.imports(module))
    if (from !== 'driver') (imports[from] ??= {})[name] = () => answer(name);
  return imports;
}

/**
 * {kind, calls, begin, packets, messages}: what an engine of `module` was told; calls[begin] is the
 * first of the transfer. bytes are those that the page gets or gives, packets those of the relay.
 */
export function record(module, world, {kind, bytes, piece, joined, idle = 0}) {
  const made = {}; // the imports want its memory, which it makes
  const memory = () => made.exports.memory.buffer;
  const recorder = new Recorder(module);
  const driver = bridge(recorder, memory, (len) => made.exports.bench_room(len));
  const imports = {...libraryImports(world), driver};
  const {exports} = Object.assign(made, {
    exports: new WebAssembly.Instance(world, imports).exports,
  });
  exports._initialize?.();
  const code = exports.bench_run(KINDS[kind], bytes, piece, joined, idle);
  if (code !== 0) throw new Error(`${kind}: the simulated world fails at step ${code}`);
  const {calls, begin} = recorder;
  const count = packetCounter();
  let packets = 0;
  let before = 0;
  let messages = 0;
  calls.forEach(([name, id, input], i) => {
    if (name !== 'socketInput' || id < RELAY_SOCKET) return;
    packets = count(input);
    if (i < begin) before = packets;
    else messages++;
  });
  return {kind, calls, begin, packets: packets - before, messages};
}
