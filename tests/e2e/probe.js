/* global BroadcastChannel */
/*
 * Runs before the package, in its page and in its worker (or in Node), and answers how much memory
 * its wasm module has, which the package itself tells nobody.
 */
(() => {
  const ANSWERS_MS = 300;
  let last; // {memory, madeAt}: a page may have had several clients
  const answer = () => ({bytes: last.memory.buffer.byteLength, madeAt: last.madeAt});
  const channel = new BroadcastChannel('wasm-memory');
  channel.onmessage = ({data}) => data === 'tell' && last && channel.postMessage(answer());
  channel.unref?.(); // Node would wait for it

  for (const name of ['instantiate', 'instantiateStreaming']) {
    const real = WebAssembly[name];
    WebAssembly[name] = async (...args) => {
      const result = await real.apply(WebAssembly, args);
      const {memory} = (result.instance ?? result).exports;
      last = {memory, madeAt: performance.timeOrigin + performance.now()};
      return result;
    };
  }

  /** Of the client that was made last, here or in a worker. */
  globalThis.wasmMemoryBytes = () =>
    new Promise((resolve) => {
      const answers = last ? [answer()] : [];
      const asking = new BroadcastChannel('wasm-memory');
      asking.onmessage = ({data}) => data.bytes && answers.push(data);
      asking.postMessage('tell');
      setTimeout(() => {
        asking.close();
        resolve(answers.sort((a, b) => b.madeAt - a.madeAt)[0]?.bytes ?? 0);
      }, ANSWERS_MS);
    });
})();
