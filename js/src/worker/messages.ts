/*
 * What the page and the engine say to each other. `ref` names a session, a stream, a request on
 * files or a question; the page chooses it, so it needs no answer before it can go on. From the
 * engine come arrays: all of one turn in one message, the data of one session joined, its buffers
 * transferred. `fields` and `answers` may be secret: the engine wipes them once the core has them.
 */
import type {CoreConfig} from '../core/core.js';
import type {CoreEvent, FlowEvent} from '../core/events.js';

export type ToEngine =
  | {type: 'start'; module: WebAssembly.Module; config: CoreConfig; logLevel: number}
  | {type: 'run' | 'login' | 'logout' | 'rebind'}
  | {type: 'close'; logout: boolean}
  | Question
  | FlowOpening
  | FlowCommand;

/** on, via: refs of the session whose connection it uses, of the forward that carries it. */
export type FlowOpening =
  | {
      type: 'sshOpen';
      ref: number;
      fields: Uint8Array;
      on?: number | undefined;
      via?: number | undefined;
    }
  | {type: 'tcpOpen'; ref: number; host: string; port: number; timeoutMs: number}
  /** The ref is the request's number as well. */
  | {type: 'sftpOpen'; ref: number; on: number; fields: Uint8Array};

/** Something asked of a session, stream or request that is open or opening. */
export type FlowCommand =
  | {type: 'write'; ref: number; bytes: Uint8Array}
  | {type: 'eof' | 'closeFlow'; ref: number}
  | {type: 'resize'; ref: number; rows: number; cols: number}
  | {type: 'credit'; ref: number; n: number}
  | {type: 'hostKey'; ref: number; accept: boolean}
  | {type: 'prompt'; ref: number; answers: Uint8Array | undefined}
  | {type: 'agent'; ref: number; request: number; allow: boolean}
  | {type: 'signal'; ref: number; name: string};

/** Answered once, by an 'answer' with this ref. */
export type Question =
  | {type: 'ping'; ref: number; host: string}
  | {type: 'keygen'; ref: number; comment: string}
  | {type: 'knownHosts'; ref: number}
  | {type: 'addKnownHosts'; ref: number; text: string; replace: boolean}
  | {type: 'removeKnownHost'; ref: number; host: string; port: number};

/** Events with `id` carry the page's ref in it. */
export type FromEngine =
  | Extract<
      CoreEvent,
      {type: 'state' | 'netMap' | 'browseToURL' | 'store' | 'problem' | 'status' | 'loggedOut'}
    >
  | FlowEvent
  /** n more bytes of what was written have left the engine's queue. */
  | {type: 'accepted'; id: number; n: number}
  | {type: 'answer'; id: number; value?: unknown; error?: string}
  | {type: 'log'; level: number; line: string}
  | {type: 'hello' | 'ready' | 'closed'}
  | {type: 'failed' | 'panic'; message: string};
