// Each layer's part in the whole: the profile's functions by the library that the linker's map says
// they came from. What the optimizer put into another layer's function counts there.
import {originOf} from '../wasm_sizes.mjs';

const LAYERS = {
  'DERP, magicsock': ['wasm/derp', 'wasm/magicsock', 'wasm/disco'],
  WireGuard: ['wasm/wg', 'wasm/noise'],
  'AEAD and hashes': ['wasm/crypto', 'libsodium'],
  'TCP/IP': ['lwip', 'wasm/netstack'],
  SSH: ['libssh2', 'wasm/ssh', 'mbedtls'],
  'the engine': ['wasm/ipn', 'wasm/exports.c', 'wasm/control', 'wasm/base'],
  'memcpy, malloc': ['c', 'dlmalloc', 'compiler_rt', 'linker'],
};
const REST = 'JavaScript: copies in and out';

/** [{layer, self}]: shares of the whole, the largest first; map is of linkMap(). */
export function layersOf(profile, map) {
  const byLibrary = new Map(
    Object.entries(LAYERS).flatMap(([layer, libraries]) => libraries.map((l) => [l, layer])),
  );
  const shares = new Map();
  for (const {name, self, isWasm} of profile) {
    // The size decides between functions of one name; a profile does not know it.
    const library = isWasm && originOf({name, bytes: {length: 0}}, map).library;
    const layer = (isWasm && byLibrary.get(library)) || REST;
    shares.set(layer, (shares.get(layer) ?? 0) + self);
  }
  return [...shares].map(([layer, self]) => ({layer, self})).sort((a, b) => b.self - a.self);
}
