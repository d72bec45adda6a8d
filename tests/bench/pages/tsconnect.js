/* Tailscale's client in Go, as its own package starts it. */

function script(url) {
  return new Promise((resolve, reject) => {
    const element = document.createElement('script');
    Object.assign(element, {src: url, onload: resolve, onerror: reject});
    document.head.append(element);
  });
}

export async function load(config) {
  console.log = () => {}; // a line per log call, through the debugger: not what is measured
  const [module] = await Promise.all([
    WebAssembly.compileStreaming(fetch('/tsconnect/main.wasm')),
    script('/tsconnect/wasm_exec.js'),
  ]);
  const go = new globalThis.Go();
  go.env = {TS_DEBUG_USE_DERP_HTTP: '1', TS_NO_LOGS_NO_SUPPORT: 'true'};
  void go.run(await WebAssembly.instantiate(module, go.importObject));
  return globalThis.newIPN(config);
}

/** Output as it is delivered: strings. */
export function output(onChunk) {
  return {writeFn: onChunk};
}
