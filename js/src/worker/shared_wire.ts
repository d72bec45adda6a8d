/* The way to a node in a SharedWorker. */
import {VERSION} from '../host/version.js';
import type {FromEngine} from './messages.js';
import {nodeName} from './node_name.js';
import type {Wire, WireEvents} from './node_link.js';

export type Identity = readonly [controlURL: string, hostname: string, state: string];

interface Options extends WorkerOptions {
  extendedLifetime: boolean;
}

export function openSharedWire(identity: Identity, events: WireEvents): Wire {
  let livesOn = false; // only an engine that knows the option looks at it
  const options: Options = {
    type: 'module',
    name: nodeName(identity, VERSION),
    get extendedLifetime() {
      livesOn = true;
      return true;
    },
  };
  const url = new URL('./worker.js', import.meta.url);
  const worker = new SharedWorker(url, options);
  const {port} = worker;
  worker.onerror = (event) => {
    const {message} = event as Partial<ErrorEvent>; // an Event where it could not be loaded
    events.failed(message || 'it could not be loaded');
  };
  port.onmessage = ({data}: MessageEvent<FromEngine[]>) => events.receive(data);
  port.onmessageerror = () => events.failed('a message could not be read');
  queueMicrotask(() => events.connected());
  return {
    livesOn,
    isOnly: true,
    post: (message, transfer) => port.postMessage(message, transfer),
    close() {
      worker.onerror = port.onmessage = port.onmessageerror = null;
      // Not port.close(): what was posted last would be lost with it.
    },
  };
}
