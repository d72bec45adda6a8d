/* What a page may configure, checked once. */
import type {IPNCallbacks, IPNConfig} from '../ipn.js';
import {
  callPage,
  checkObject,
  checkOptionalBoolean,
  checkOptionalFunctions,
  checkOptionalText,
  checkSeconds,
  checkFunction,
  checkText,
} from './callbacks.js';
import type {CoreConfig} from './core/core.js';
import {defaultWasmURL} from './host/load_wasm.js';
import type {WebSocketConstructor} from './host/websocket_table.js';

export const DEFAULT_CONTROL_URL = 'https://controlplane.tailscale.com'; // tsconnect's
const WORKERS = ['dedicated', 'shared', 'none'];
const DEFAULT_GRACE_S = 30; // a reload takes seconds, and a dead node should not stay for long
const LOG_ERROR = 0;
const LOG_DEBUG = 2;

export interface CheckedConfig {
  core: Omit<CoreConfig, 'state'>;
  wasmURL: string;
  worker: 'dedicated' | 'shared' | 'none';
  WebSocket: WebSocketConstructor | undefined;
  hasStorage: boolean;
  logoutOnClose: boolean;
  graceMs: number;
  panicHandler: ((error: string) => void) | undefined;
  log: (level: number, line: string) => void;
  logLevel: number;
}

export function checkConfig(config: IPNConfig): CheckedConfig {
  checkObject(config, 'config');
  checkOptionalFunctions(config, ['panicHandler', 'WebSocket', 'log']);
  const worker = config.worker ?? 'dedicated';
  if (!WORKERS.includes(worker)) throw new TypeError(`worker must be one of ${WORKERS.join(', ')}`);
  const storage = config.stateStorage ?? undefined;
  if (storage) {
    checkFunction(storage.setState, 'stateStorage.setState');
    checkFunction(storage.getState, 'stateStorage.getState');
  }
  const log = config.log;
  return {
    core: {
      controlURL: checkControlURL(config.controlURL ?? DEFAULT_CONTROL_URL),
      controlKey: checkOptionalText(config.controlKey, 'controlKey'),
      authKey: checkOptionalText(config.authKey, 'authKey'),
      hostname: checkOptionalText(config.hostname, 'hostname'),
      derpURLs: checkDerpURLs(config.derpURLs ?? {}),
    },
    wasmURL: resolveURL(checkOptionalText(config.wasmURL, 'wasmURL')),
    worker,
    WebSocket: config.WebSocket as WebSocketConstructor | undefined,
    hasStorage: storage !== undefined,
    logoutOnClose: checkOptionalBoolean(config.logoutOnClose, 'logoutOnClose', !storage),
    graceMs: checkSeconds(config.graceSeconds, 'graceSeconds', DEFAULT_GRACE_S),
    panicHandler: config.panicHandler,
    log: log
      ? (level, line) => callPage(log, level, line)
      : (_, line) => console.warn(`meshterm: ${line}`),
    logLevel: log ? LOG_DEBUG : LOG_ERROR,
  };
}

export function checkCallbacks(callbacks: IPNCallbacks): void {
  checkObject(callbacks, 'callbacks');
  for (const name of ['notifyState', 'notifyBrowseToURL', 'notifyPanicRecover'] as const)
    checkFunction(callbacks[name], name);
  checkOptionalFunctions(callbacks, ['onPeersChanged']);
  if (!callbacks.onPeersChanged) checkFunction(callbacks.notifyNetMap, 'notifyNetMap');
  checkOptionalFunctions(callbacks, ['notifyNetMap', 'notifyError', 'notifyStatus']);
}

function checkControlURL(value: unknown): string {
  const text = checkOptionalText(value, 'controlURL');
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    throw new TypeError('controlURL is not a URL');
  }
  if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    throw new TypeError('controlURL must begin with http:// or https://');
  }
  if (url.username || url.password || url.search || url.hash) {
    throw new TypeError('controlURL must be a host and, at most, a path');
  }
  return url.href.replace(/\/+$/, '');
}

function checkDerpURLs(urls: Record<string, string>): string {
  return Object.entries(checkObject(urls, 'derpURLs'))
    .map(([key, value]) => {
      const url = checkText(value, `derpURLs["${key}"]`);
      if (/[=\s]/.test(key) || !/^(?:https?|wss?):\/\/[^\s]+$/i.test(url)) {
        throw new TypeError(`derpURLs["${key}"] is not an http(s) or ws(s) URL`);
      }
      return `${key}=${url.replace(/^http/i, 'ws')}\n`;
    })
    .join('');
}

/** Relative to the page, as tsconnect's; '' is the one beside this module. */
export function resolveURL(wasmURL: string): string {
  if (wasmURL === '') return defaultWasmURL();
  return typeof document === 'undefined' ? wasmURL : new URL(wasmURL, document.baseURI).href;
}
