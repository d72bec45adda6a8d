/*
 * What the page and the engine say to each other. `ref` names a session, a stream, a request on
 * files or a question; the page chooses it, so it needs no answer before it can go on. From the
 * engine come arrays: all of one turn in one message, the data of one session joined, its buffers
 * transferred. `fields` and `answers` may be secret: the engine wipes them once the core has them.
 */
import type {CoreConfig} from '../core/core.js';
import type {CoreEvent, FlowEvent} from '../core/events.js';
import type {IPNStateProblem} from '../../ipn.js';

export type ToEngine =
  | Start
  /** wanted: the forms of the netmap that the page listens to, as Core.want() takes them. */
  | {type: 'run'; wanted: number}
  | {type: 'want'; wanted: number}
  | {type: 'login'; authKey: string}
  | {type: 'logout'}
  | {type: 'rebind'}
  | {type: 'close'; logout: boolean}
  | Question
  | FlowOpening
  | FlowCommand;

/** module: or the URL it is loaded from, by an engine that no Module can be posted to. */
export interface Start {
  type: 'start';
  module: WebAssembly.Module | string;
  config: CoreConfig;
  logLevel: number;
  /** Of the state in config: whoever uses that state holds the lock of this name. */
  stateLock?: string | undefined;
  /** The engine keeps its state itself, sealed under this name. */
  sealed?: string | undefined;
  /** For a node that pages share. */
  shared?: SharedStart | undefined;
}

export interface SharedStart {
  /** Where the state is kept. */
  storage: 'page' | 'sealed' | 'none';
  logoutOnClose: boolean;
}

/** What a page that shares its node says beside what every page says. */
export type ToNode =
  | ToEngine
  /** First of all. lock: held by the page as long as it lives. tab: the same after a reload. */
  | {type: 'join'; version: string; tab: string; lock?: string; livesOn: boolean; graceMs: number}
  /** The page is left, and may come back. taken: bytes by ref, beyond those it gave credit for. */
  | {type: 'leave'; taken: Array<[ref: number, n: number]>}
  /** What was told last has been taken in. */
  | {type: 'ack'}
  /** The page wants to hear no more. */
  | {type: 'bye'};

/** What a session is called while no page has it. */
export interface SessionLabel {
  host: string;
  user: string;
  port: number;
  command: string;
  title: string;
}

export interface DetachedSession extends SessionLabel {
  id: number;
  sameTab: boolean;
}

/** on, via: refs of the session whose connection it uses, of the forward that carries it. */
export type FlowOpening =
  | {
      type: 'sshOpen';
      ref: number;
      fields: Uint8Array;
      on?: number | undefined;
      via?: number | undefined;
      /** Of a shell, which outlives its page for a while where the node does. */
      label?: SessionLabel | undefined;
    }
  /** A session that another page left behind. */
  | {type: 'attach'; ref: number; session: number; rows: number; cols: number}
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
  | {type: 'keyCheck'; ref: number; fields: Uint8Array}
  | {type: 'knownHosts' | 'sessions'; ref: number}
  | {type: 'addKnownHosts'; ref: number; text: string; replace: boolean}
  | {type: 'removeKnownHost'; ref: number; host: string; port: number};

/** Events with `id` carry the page's ref in it. */
export type FromEngine =
  | Extract<
      CoreEvent,
      {
        type:
          | 'state'
          | 'netMap'
          | 'peers'
          | 'browseToURL'
          | 'store'
          | 'problem'
          | 'status'
          | 'loggedOut';
      }
    >
  | FlowEvent
  /** Of a state that the engine keeps itself. */
  | {type: 'stateProblem'; problem: IPNStateProblem}
  /** n more bytes of what was written have left the engine's queue. */
  | {type: 'accepted'; id: number; n: number}
  /** What an earlier page had of an attached session; comes before everything else of it. */
  | {type: 'scrollback'; id: number; bytes: Uint8Array}
  | {type: 'answer'; id: number; value?: unknown; error?: string}
  | {type: 'log'; level: number; line: string}
  /** lock: held by the worker as long as it lives; unfit: why it can be no node's. */
  | {type: 'hello'; version?: string; lock?: string; unfit?: string}
  | {type: 'ready' | 'closed'}
  /** lost: the node, with whoever ran it; it can be started anew. */
  | {type: 'failed' | 'panic' | 'lost'; message: string};
