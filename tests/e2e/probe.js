/* global BroadcastChannel */
/*
 * Runs before the package, in its page and in its worker (or in Node), and answers how much memory
 * its wasm modules have, which the package itself tells nobody.
 */
(() => {
  const memories = [];
  const total = () => memories.reduce((n, {buffer}) => n + buffer.byteLength, 0);
  const channel = new BroadcastChannel('wasm-memory');
  channel.onmessage = ({data}) =>
    data === 'tell' && memories.length && channel.postMessage(total());
  channel.unref?.(); // Node would wait for it

  for (const name of ['instantiate', 'instantiateStreaming']) {
    const real = WebAssembly[name];
    WebAssembly[name] = async (...args) => {
      const result = await real.apply(WebAssembly, args);
      memories.push((result.instance ?? result).exports.memory);
      return result;
    };
  }

  /** Of this page's modules, or of its workers' where it has none itself. */
  globalThis.wasmMemoryBytes = () =>
    new Promise((resolve) => {
      if (memories.length) return resolve(total());
      const asking = new BroadcastChannel('wasm-memory');
      asking.onmessage = ({data}) => {
        if (typeof data !== 'number') return;
        asking.close();
        resolve(data);
      };
      asking.postMessage('tell');
    });
})();
