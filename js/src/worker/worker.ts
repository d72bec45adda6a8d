/*
 * The engine as a module of its own: started as a dedicated worker it speaks to the page over its
 * port; imported (worker: 'none') it only hands out the engine.
 */
import {systemClock} from '../host/clock.js';
import {instantiateCore} from '../host/load_wasm.js';
import type {WebSocketConstructor} from '../host/websocket_table.js';
import {Engine, type EngineParts, type Post} from './engine.js';
import type {ToEngine} from './messages.js';

/** As in proxy.ts: tells that this was started as the worker, not imported into somebody's. */
const WORKER_NAME = 'meshterm-engine';

export function createEngine(post: Post, parts: Partial<EngineParts> = {}): Engine {
  return new Engine(
    {
      clock: systemClock(),
      WebSocket: globalThis.WebSocket as unknown as WebSocketConstructor,
      fetch: (input, init) => fetch(input, init),
      instantiate: instantiateCore,
      ...parts,
    },
    post,
  );
}

interface WorkerScope {
  name: string;
  onmessage: ((event: MessageEvent<ToEngine>) => void) | null;
  postMessage(message: unknown, transfer: ArrayBuffer[]): void;
  close(): void;
}

function serve(scope: WorkerScope): void {
  const engine = createEngine((messages, transfer) => {
    scope.postMessage(messages, transfer);
    if (messages.some((message) => message.type === 'closed')) scope.close();
  });
  scope.onmessage = ({data}) => engine.handle(data);
  scope.postMessage([{type: 'hello'}], []);
}

const isWorker =
  typeof (globalThis as {DedicatedWorkerGlobalScope?: unknown}).DedicatedWorkerGlobalScope ===
  'function';
if (isWorker && (globalThis as {name?: string}).name === WORKER_NAME) {
  serve(globalThis as unknown as WorkerScope);
}
