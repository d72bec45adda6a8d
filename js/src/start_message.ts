/* The first message of a node's life: its module, its configuration and the state that was kept. */
import type {CheckedConfig} from './config.js';
import type {PageStorage} from './page_storage.js';
import type {Start} from './worker/messages.js';

/** Rejects where the module cannot be loaded. */
export async function startMessage(
  {wasmURL, core, logLevel, worker, hasStorage, logoutOnClose}: CheckedConfig,
  {sealed, storage}: PageStorage,
  loadModule: (url: string) => Promise<WebAssembly.Module>,
): Promise<Start> {
  const isShared = worker === 'shared'; // no Module can be posted to another agent cluster
  const [module, state] = await Promise.all([
    isShared ? wasmURL : loadModule(wasmURL),
    storage.readAll(),
  ]);
  const place = sealed !== undefined ? 'sealed' : hasStorage ? 'page' : 'none';
  const shared = isShared ? ({storage: place, logoutOnClose} as const) : undefined;
  const {lock: stateLock} = storage; // known once all is read
  return {type: 'start', module, config: {...core, state}, logLevel, stateLock, sealed, shared};
}
