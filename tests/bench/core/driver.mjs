/*
 * One engine in Node, driven by its real binding (js/src/core/wasm_core.ts) in a time that the
 * caller tells: instances of one module behave alike, call for call, as their random bytes are the
 * same too. What a Recorder's engine was told can therefore be told to another one, alone.
 */
import {load} from '../../js/support/load.mjs';

const {WasmCore, coreImport} = await load('js/src/core/wasm_core.ts');
const utf8 = {
  encode: (text) => new TextEncoder().encode(text),
  decode: (bytes) => new TextDecoder().decode(bytes),
};

/** Random bytes that repeat: splitmix of a counter. */
function randomSource() {
  let state = 1;
  return (bytes) => {
    for (let i = 0; i < bytes.length; i++) {
      state = (state + 0x9e3779b9) | 0;
      let z = Math.imul(state ^ (state >>> 16), 0x85ebca6b);
      z = Math.imul(z ^ (z >>> 13), 0xc2b2ae35);
      bytes[i] = z ^ (z >>> 16);
    }
  };
}

/** {core, exports, polled(): address of the event last polled}. */
export function engine(module) {
  const made = {}; // the imports want its memory, which it makes
  const host = {utf8, random: randomSource(), log() {}};
  const imports = {};
  for (const {module: from, name} of WebAssembly.Module.imports(module))
    (imports[from] ??= {})[name] = coreImport(name, host, () => made.exports.memory.buffer);
  const {exports} = Object.assign(made, {
    exports: new WebAssembly.Instance(module, imports).exports,
  });
  let at = 0;
  const seen = {...exports, x_poll: (now) => (at = exports.x_poll(now))};
  return {core: new WasmCore(seen, utf8), exports, polled: () => at};
}
