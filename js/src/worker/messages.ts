/*
 * What the page and the engine say to each other. `ref` names a session, stream or ping; the page
 * chooses it, so it needs no answer before it can go on. From the engine come arrays: all of one
 * turn in one message, the data of one session joined, its buffers transferred.
 */
import type {CoreConfig, SshOpenOptions} from '../core/core.js';
import type {CoreEvent, FlowEvent} from '../core/events.js';

export type ToEngine =
  | {type: 'start'; module: WebAssembly.Module; config: CoreConfig; logLevel: number}
  | {type: 'run' | 'login' | 'logout' | 'rebind'}
  | {type: 'close'; logout: boolean}
  | {type: 'sshOpen'; ref: number; options: SshOpenOptions}
  | {type: 'tcpOpen'; ref: number; host: string; port: number; timeoutMs: number}
  | {type: 'ping'; ref: number; host: string}
  | FlowCommand;

/** Something asked of a session or stream that is open or opening. */
export type FlowCommand =
  | {type: 'write'; ref: number; bytes: Uint8Array}
  | {type: 'eof' | 'closeFlow'; ref: number}
  | {type: 'resize'; ref: number; rows: number; cols: number}
  | {type: 'credit'; ref: number; n: number}
  | {type: 'hostKey'; ref: number; accept: boolean};

/** Events with `id` carry the page's ref in it. */
export type FromEngine =
  | Extract<
      CoreEvent,
      {
        type:
          | 'state'
          | 'netMap'
          | 'browseToURL'
          | 'store'
          | 'problem'
          | 'status'
          | 'loggedOut'
          | 'pong';
      }
    >
  | FlowEvent
  /** n more bytes of what was written have left the engine's queue. */
  | {type: 'accepted'; id: number; n: number}
  | {type: 'log'; level: number; line: string}
  | {type: 'hello' | 'ready' | 'closed'}
  | {type: 'failed' | 'panic'; message: string};
