/* global BroadcastChannel */
/*
 * Runs before the package, in its page and in its worker (or in Node), answers how much memory its
 * wasm module has, which the package itself tells nobody, and spoils that memory when asked to.
 */
(() => {
  const ANSWERS_MS = 300;
  let last; // {memory, madeAt}: a page may have had several clients
  const answer = () => ({bytes: last.memory.buffer.byteLength, madeAt: last.madeAt});
  const channel = new BroadcastChannel('wasm-memory');
  channel.onmessage = ({data}) => {
    if (data === 'tell' && last) channel.postMessage(answer());
    if (last && data.spoil === last.madeAt) spoil();
  };
  channel.unref?.(); // Node would wait for it

  /** No pointer in it leads anywhere: the next call traps. */
  const spoil = () => new Uint8Array(last.memory.buffer).fill(0xff);

  for (const name of ['instantiate', 'instantiateStreaming']) {
    const real = WebAssembly[name];
    WebAssembly[name] = async (...args) => {
      const result = await real.apply(WebAssembly, args);
      const {memory} = (result.instance ?? result).exports;
      last = {memory, madeAt: performance.timeOrigin + performance.now()};
      return result;
    };
  }

  /** The client that was made last, here or in a worker. */
  const newest = () =>
    new Promise((resolve) => {
      const answers = last ? [answer()] : [];
      const asking = new BroadcastChannel('wasm-memory');
      asking.onmessage = ({data}) => data.bytes && answers.push(data);
      asking.postMessage('tell');
      setTimeout(() => {
        asking.close();
        resolve(answers.sort((a, b) => b.madeAt - a.madeAt)[0]);
      }, ANSWERS_MS);
    });

  globalThis.wasmMemoryBytes = async () => (await newest())?.bytes ?? 0;

  globalThis.spoilWasmMemory = async () => {
    const {madeAt} = await newest();
    if (last?.madeAt === madeAt) spoil();
    else channel.postMessage({spoil: madeAt});
  };
})();
