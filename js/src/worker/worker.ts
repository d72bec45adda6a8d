/*
 * The engine as a module of its own: started as a worker it speaks to its page over its port, or
 * to all of them (node_host.ts); imported (worker: 'none') it only hands out the engine.
 */
import {systemClock} from '../host/clock.js';
import {instantiateCore, loadModule} from '../host/load_wasm.js';
import type {WebSocketConstructor} from '../host/websocket_table.js';
import {Engine, type EngineParts, type Post} from './engine.js';
import type {ToEngine} from './messages.js';
import {
  isNodeName,
  serveOwner,
  servePorts,
  type OwnerScope,
  type SharedScope,
} from './node_host.js';

/** As in proxy.ts: tells that this was started as the worker, not imported into somebody's. */
const WORKER_NAME = 'meshterm-engine';

export function createEngine(post: Post, parts: Partial<EngineParts> = {}): Engine {
  return new Engine(
    {
      clock: systemClock(),
      WebSocket: globalThis.WebSocket as unknown as WebSocketConstructor,
      fetch: (input, init) => fetch(input, init),
      loadModule,
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

interface Scopes {
  name?: string;
  DedicatedWorkerGlobalScope?: unknown;
  SharedWorkerGlobalScope?: unknown;
}

const {name = '', DedicatedWorkerGlobalScope, SharedWorkerGlobalScope} = globalThis as Scopes;
if (typeof DedicatedWorkerGlobalScope === 'function' && name === WORKER_NAME)
  serve(globalThis as unknown as WorkerScope);
else if (typeof DedicatedWorkerGlobalScope === 'function' && isNodeName(name))
  serveOwner(globalThis as unknown as OwnerScope, name, createEngine);
else if (typeof SharedWorkerGlobalScope === 'function' && isNodeName(name))
  servePorts(globalThis as unknown as SharedScope, name, createEngine);
