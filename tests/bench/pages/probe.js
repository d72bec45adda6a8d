/* global BroadcastChannel */
/*
 * Runs before a client's code, in its page or worker, and notes from outside what the client itself
 * does not tell: its wasm memory, when it asked the control server and was answered, and, once they
 * are watched, its wake-ups. Until then relays' sockets are left alone. bench.js asks for it over a channel, of whoever has a wasm module.
 */
globalThis.benchProbe = {
  memories: [],
  control: [], // {at: ms since 1970, out: bytes sent, 0 = received}
  sockets: [],
  wakeUps: undefined, // once they are watched
};
(() => {
  const {benchProbe} = globalThis;
  const note = (out) =>
    benchProbe.control.push({at: performance.timeOrigin + performance.now(), out});

  const channel = new BroadcastChannel('bench-probe');
  channel.onmessage = ({data}) =>
    typeof data === 'string' && benchProbe.tell(data, (told) => channel.postMessage(told));
  benchProbe.tell = (ask, to) => {
    if (!benchProbe.memories.length) return;
    if (ask === 'watch') watch();
    const memoryBytes = benchProbe.memories.reduce((n, {buffer}) => n + buffer.byteLength, 0);
    to({control: benchProbe.control, memoryBytes, wakeUps: benchProbe.wakeUps});
  };

  /** Timers that fire and messages of sockets, from now on. */
  function watch() {
    benchProbe.wakeUps = {timers: 0, messages: 0};
    for (const socket of benchProbe.sockets)
      socket.addEventListener('message', () => benchProbe.wakeUps.messages++);
  }

  const realTimer = globalThis.setTimeout;
  globalThis.setTimeout = (callback, ...rest) =>
    realTimer(
      (...args) => {
        if (benchProbe.wakeUps) benchProbe.wakeUps.timers++;
        callback(...args);
      },
      ...rest,
    );

  for (const name of ['instantiate', 'instantiateStreaming']) {
    const real = WebAssembly[name];
    WebAssembly[name] = async (...args) => {
      const result = await real.apply(WebAssembly, args);
      const exports = (result.instance ?? result).exports;
      benchProbe.memories.push(exports.memory ?? exports.mem);
      return result;
    };
  }

  globalThis.WebSocket = new Proxy(WebSocket, {
    construct(target, args) {
      const socket = new target(...args);
      benchProbe.sockets.push(socket);
      if (!String(args[0]).includes('/ts2021')) return socket;
      const send = socket.send.bind(socket);
      socket.send = (data) => (note(data.byteLength ?? data.length), send(data));
      socket.addEventListener('message', () => note(0));
      return socket;
    },
  });
})();
