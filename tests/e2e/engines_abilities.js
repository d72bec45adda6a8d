/* global indexedDB */
/*
 * What an engine can do of what the package needs or uses, found by doing it. Each resolves with
 * true, or with something else or an error where the engine lacks it. Runs in the page of
 * clients.mjs, and in the workers that it starts.
 */
const ANSWER_MS = 5000;
/** (module (func (result v128) i32.const 0 i8x16.splat)) */
const SIMD_MODULE = [
  0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, 1, 5, 1, 0x60, 0, 1, 0x7b, 3, 2, 1, 0, 10, 8, 1, 6, 0, 0x41, 0,
  0xfd, 15, 0x0b,
];
const HERE = '/e2e/engines_abilities.js';

function inTime(promise) {
  const late = new Promise((_, reject) => setTimeout(reject, ANSWER_MS, new Error('no answer')));
  return Promise.race([promise, late]);
}

/** What a worker says first; `fails` is where it says that it could not be started. */
function firstWord(port, fails) {
  const word = new Promise((resolve, reject) => {
    port.onmessage = ({data}) => resolve(data);
    fails.onerror = (event) => reject(new Error(event.message || 'not started'));
  });
  return inTime(word);
}

async function moduleWorker() {
  const worker = new Worker(HERE, {type: 'module', name: 'ability'});
  const said = await firstWord(worker, worker).finally(() => worker.terminate());
  return said.webSocket && said.fetch;
}

async function moduleSharedWorker() {
  const worker = new SharedWorker(HERE, {type: 'module', name: 'ability'});
  const said = await firstWord(worker.port, worker);
  return said.webSocket && said.fetch;
}

/** Whether the option is looked at, as one that is not known is not. */
function extendedLifetime() {
  let isRead = false;
  const options = {
    name: 'extended',
    type: 'module',
    get extendedLifetime() {
      isRead = true;
      return false;
    },
  };
  new SharedWorker(HERE, options).port.close();
  return isRead;
}

function webLocks() {
  return inTime(
    new Promise((resolve, reject) => {
      navigator.locks.request('ability', () => resolve(true)).catch(reject);
    }),
  );
}

async function transferableStreams() {
  const {readable, writable} = new TransformStream();
  const {port1, port2} = new MessageChannel();
  const arrived = new Promise((resolve) => (port2.onmessage = ({data}) => resolve(data)));
  port1.postMessage(readable, [readable]);
  const writer = writable.getWriter();
  void writer.write('x');
  return (await (await inTime(arrived)).getReader().read()).value === 'x';
}

function done(request) {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

async function keyInDatabase() {
  const algorithm = {name: 'AES-GCM', length: 256};
  const key = await crypto.subtle.generateKey(algorithm, false, ['encrypt', 'decrypt']);
  const opening = indexedDB.open('ability', 1);
  opening.onupgradeneeded = () => opening.result.createObjectStore('keys');
  const database = await done(opening);
  const store = (mode) => database.transaction('keys', mode).objectStore('keys');
  await done(store('readwrite').put(key, 'k'));
  const kept = await done(store('readonly').get('k'));
  database.close();
  const iv = new Uint8Array(12);
  const sealed = await crypto.subtle.encrypt({name: 'AES-GCM', iv}, key, new Uint8Array([7]));
  const opened = await crypto.subtle.decrypt({name: 'AES-GCM', iv}, kept, sealed);
  return !kept.extractable && new Uint8Array(opened)[0] === 7;
}

async function compileStreaming() {
  const module = await WebAssembly.compileStreaming(fetch('/dist/ipn.wasm'));
  return module instanceof WebAssembly.Module;
}

const ABILITIES = {
  'WebAssembly SIMD': () => WebAssembly.validate(new Uint8Array(SIMD_MODULE)),
  'compiling while it arrives': compileStreaming,
  'module workers': moduleWorker,
  'module SharedWorkers': moduleSharedWorker,
  'extendedLifetime of a SharedWorker': extendedLifetime,
  'Web Locks': webLocks,
  'non-extractable keys in IndexedDB': keyInDatabase,
  'transferable streams': transferableStreams,
  'freeze and resume events': () => 'onfreeze' in document,
  WebSocketStream: () => 'WebSocketStream' in globalThis,
};

/** {name: true or why not} */
export async function abilities() {
  const found = {};
  for (const [name, has] of Object.entries(ABILITIES)) {
    try {
      found[name] = await has();
    } catch (error) {
      found[name] = String(error);
    }
  }
  return found;
}

const facts = () => ({webSocket: 'WebSocket' in globalThis, fetch: 'fetch' in globalThis});
if (globalThis.name === 'ability' && typeof document === 'undefined') {
  if ('onconnect' in globalThis) {
    globalThis.onconnect = ({ports: [port]}) => port.postMessage(facts());
  } else globalThis.postMessage(facts());
}
