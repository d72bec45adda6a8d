/* The module that pages import. Its types are in ../ipn.d.ts. */
import type {
  IPN,
  IPNConfig,
  IPNSealedState,
  IPNSealedStateOptions,
  SSHSessionCallbacks,
  SSHSessionDef,
  SSHTerminal,
  SSHTerminalOptions,
} from '../ipn.js';
import {
  callPage,
  checkFunction,
  checkObject,
  checkOptionalFunctions,
  checkOptionalText,
  checkText,
} from './callbacks.js';
import {resolveURL} from './config.js';
import {loadModule} from './host/load_wasm.js';
import {SealedState} from './host/sealed_state.js';
import {Ipn} from './ipn.js';

export default async function init(options: {wasmURL?: string} = {}): Promise<void> {
  checkObject(options, 'options');
  await loadModule(resolveURL(checkOptionalText(options.wasmURL, 'wasmURL')));
}

export async function createIPN(config: IPNConfig): Promise<IPN> {
  const ipn = new Ipn(config);
  await ipn.ready;
  return ipn;
}

export function newIPN(config: IPNConfig): IPN {
  return new Ipn(config);
}

export function sealedState(options: IPNSealedStateOptions = {}): IPNSealedState {
  checkObject(options, 'options');
  checkOptionalFunctions(options, ['onFallback']);
  const name = checkOptionalText(options.name, 'name') || undefined;
  const {onFallback} = options;
  return new SealedState(name, onFallback && ((problem) => void callPage(onFallback, problem)));
}

export function runSSHSession(
  container: HTMLElement,
  session: SSHSessionDef,
  ipn: Pick<IPN, 'ssh'>,
  callbacks: SSHSessionCallbacks,
  terminalOptions: SSHTerminalOptions = {},
): SSHTerminal {
  if (typeof container?.appendChild !== 'function')
    throw new TypeError('container must be an element');
  checkObject(session, 'session');
  checkText(session.hostname, 'hostname');
  checkText(session.username, 'username');
  checkObject(callbacks, 'callbacks');
  for (const name of ['onConnectionProgress', 'onConnected', 'onDone'] as const) {
    checkFunction(callbacks[name], name);
  }
  let terminal: SSHTerminal | undefined;
  let isClosed = false;
  void import('./terminal.js').then(
    ({openTerminal}) => {
      if (isClosed) callPage(callbacks.onDone);
      else terminal = openTerminal(container, session, ipn, callbacks, terminalOptions);
    },
    (error: unknown) => {
      if (!isClosed)
        callPage(callbacks.onError, `The terminal could not be loaded: ${String(error)}\r\n`);
      callPage(callbacks.onDone);
    },
  );
  return {
    close() {
      if (terminal) return terminal.close();
      const first = !isClosed;
      isClosed = true;
      return first;
    },
    focus: () => terminal?.focus(),
  };
}
