/*
 * Fetches and compiles ipn.wasm, once per URL; compiles while it is still arriving. The page does
 * it while the worker starts and posts the Module there.
 */
import type {Core} from '../core/core.js';
import type {CoreExports} from '../core/exports.js';
import {coreImport, WasmCore} from '../core/wasm_core.js';
import {fillRandom} from './random.js';

const modules = new Map<string, Promise<WebAssembly.Module>>();

export function defaultWasmURL(): string {
  return new URL('./ipn.wasm', import.meta.url).href;
}

/** A failed load is forgotten, so that the next call tries again. */
export function loadModule(url: string): Promise<WebAssembly.Module> {
  let module = modules.get(url);
  if (!module) {
    module = compile(url);
    modules.set(url, module);
    module.catch(() => modules.delete(url));
  }
  return module;
}

async function compile(url: string): Promise<WebAssembly.Module> {
  if (url.startsWith('file:')) return WebAssembly.compile(await readLocalFile(url));
  let response: Response;
  try {
    response = await fetch(url, {credentials: 'same-origin'});
  } catch (error) {
    throw new Error(`${url} could not be fetched`, {cause: error});
  }
  if (!response.ok) throw new Error(`${url} could not be fetched: status ${response.status}`);
  const streaming =
    response.headers.get('content-type')?.split(';')[0]?.trim() === 'application/wasm';
  if (streaming) return WebAssembly.compileStreaming(response);
  return WebAssembly.compile(await response.arrayBuffer());
}

/** Node's fetch has no file: URLs. The name is a variable so that no bundler follows it. */
async function readLocalFile(url: string): Promise<BufferSource> {
  const name = ['node', 'fs/promises'].join(':');
  const fs = (await import(/* @vite-ignore */ /* webpackIgnore: true */ name)) as {
    readFile(path: URL): Promise<Uint8Array<ArrayBuffer>>;
  };
  return fs.readFile(new URL(url));
}

export type LogLine = (level: number, line: string) => void;

/** A fresh instance of the core; nothing is shared between two. */
export async function instantiateCore(module: WebAssembly.Module, log: LogLine): Promise<Core> {
  const encoder = new TextEncoder();
  const decoder = new TextDecoder('utf-8', {ignoreBOM: true});
  const utf8 = {
    encode: (text: string) => encoder.encode(text),
    decode: (bytes: Uint8Array) => decoder.decode(bytes),
  };
  const live: {exports?: CoreExports} = {};
  const memory = (): ArrayBuffer => {
    if (!live.exports) throw new Error('ipn.wasm used an import before it was ready');
    return live.exports.memory.buffer;
  };
  const imports: Record<string, Record<string, WebAssembly.ImportValue>> = {};
  for (const {module: from, name, kind} of WebAssembly.Module.imports(module)) {
    if (kind !== 'function') throw new Error(`ipn.wasm imports ${name}, which is a ${kind}`);
    (imports[from] ??= {})[name] = coreImport(name, {utf8, random: fillRandom, log}, memory);
  }
  const instance = await WebAssembly.instantiate(module, imports);
  live.exports = instance.exports as unknown as CoreExports;
  return new WasmCore(live.exports, utf8);
}
