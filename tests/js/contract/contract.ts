/* Compiled, never run: the module has what js/ipn.d.ts promises, and so fits tsconnect's types. */
import type * as promised from '../../../js/ipn.js';
import * as module from '../../../js/src/index.js';

export const kept: typeof promised = module;

/** tsconnect's IPN (cmd/tsconnect/src/types/wasm_js.d.ts), in our words. */
interface TheirIPN {
  run(callbacks: {
    notifyState: (state: promised.IPNState) => void;
    notifyNetMap: (netMapStr: string) => void;
    notifyBrowseToURL: (url: string) => void;
    notifyPanicRecover: (err: string) => void;
  }): void;
  login(): void;
  logout(): void;
  ssh(
    host: string,
    username: string,
    termConfig: {
      writeFn: (data: string) => void;
      writeErrorFn: (err: string) => void;
      setReadFn: (readFn: (data: string) => void) => void;
      rows: number;
      cols: number;
      timeoutSeconds?: number;
      onConnectionProgress: (message: string) => void;
      onConnected: () => void;
      onDone: () => void;
    },
  ): {resize(rows: number, cols: number): boolean; close(): boolean};
  fetch(url: string): Promise<{status: number; statusText: string; text: () => Promise<string>}>;
}

export const theirs = (ipn: promised.IPN): TheirIPN => ipn;

export const page = (): Promise<promised.IPN> =>
  module.createIPN({
    authKey: 'k',
    panicHandler: (err: string) => console.error(err),
    stateStorage: {setState(_id: string, _value: string) {}, getState: (_id: string) => ''},
    controlURL: 'https://headscale.example',
    hostname: 'h',
    wasmURL: '/ipn.wasm',
  });

// @ts-expect-error a control URL is a string
export const wrong = (): unknown => module.newIPN({controlURL: 3});
