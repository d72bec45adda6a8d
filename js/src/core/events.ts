/*
 * struct ipn_event as a tagged union. Byte fields are borrowed from wasm memory: valid until the
 * next call on the core, so whoever keeps them copies them.
 */
import {EVENT, STATES} from './event_numbers.js';

export type StateName = (typeof STATES)[number];

export type CoreEvent =
  | {type: 'socketOpen'; id: number; url: string; protocol: string}
  | {type: 'socketSend'; id: number; bytes: Uint8Array}
  | {type: 'socketClose'; id: number}
  | {type: 'httpGet'; id: number; url: string; probe: boolean}
  | {type: 'state'; state: StateName}
  | {type: 'netMap'; json: string}
  | {type: 'browseToURL'; url: string}
  | {type: 'store'; name: string; value: string}
  | {type: 'problem'; code: string; message: string; retrying: boolean}
  | {type: 'status'; json: string}
  | {type: 'loggedOut'}
  | FlowEvent
  | {type: 'pong'; id: number; ms: number; region: string; why?: string};

/** What happens to one SSH session or one TCP stream. */
export type FlowEvent =
  | {type: 'sshProgress'; id: number; message: string}
  | {type: 'sshHostKey'; id: number; keyType: string; fingerprint: string}
  | {type: 'sshBanner'; id: number; message: string}
  | {type: 'sshOpen'; id: number; serverVersion: string; hostKeyType: string; cipher: string}
  | {type: 'sshStderr'; id: number; bytes: Uint8Array}
  | {type: 'sshExit'; id: number; code: number; signal: string}
  | {type: 'sshData' | 'tcpData'; id: number; bytes: Uint8Array}
  | {type: 'sshError' | 'tcpError'; id: number; code: string; message: string}
  | {
      type: 'sshDone' | 'tcpDone' | 'sshWritable' | 'tcpWritable' | 'tcpOpen' | 'tcpEof';
      id: number;
    };

/** The fields of the C struct; text and aux are borrowed. */
export interface RawEvent {
  type: number;
  id: number;
  code: number;
  text: Uint8Array;
  aux: Uint8Array;
}

export interface Utf8 {
  decode(bytes: Uint8Array): string;
  encode(text: string): Uint8Array;
}

/** undefined for a type that this package does not know (an ipn.wasm newer than it). */
export function decodeEvent(raw: RawEvent, utf8: Utf8): CoreEvent | undefined {
  const {type, id, code, text, aux} = raw;
  if (type >= EVENT.SSH_PROGRESS && type < EVENT.PONG) return decodeFlowEvent(raw, utf8);
  switch (type) {
    case EVENT.SOCKET_OPEN:
      return {type: 'socketOpen', id, url: utf8.decode(text), protocol: utf8.decode(aux)};
    case EVENT.SOCKET_SEND:
      return {type: 'socketSend', id, bytes: text};
    case EVENT.SOCKET_CLOSE:
      return {type: 'socketClose', id};
    case EVENT.HTTP_GET:
      return {type: 'httpGet', id, url: utf8.decode(text), probe: code === 1};
    case EVENT.STATE:
      return {type: 'state', state: STATES[code] ?? 'NoState'};
    case EVENT.NETMAP:
      return {type: 'netMap', json: utf8.decode(text)};
    case EVENT.BROWSE_TO_URL:
      return {type: 'browseToURL', url: utf8.decode(text)};
    case EVENT.STORE:
      return {type: 'store', name: utf8.decode(text), value: utf8.decode(aux)};
    case EVENT.PROBLEM:
      return {
        type: 'problem',
        code: utf8.decode(text),
        message: utf8.decode(aux),
        retrying: code === 1,
      };
    case EVENT.STATUS:
      return {type: 'status', json: utf8.decode(text)};
    case EVENT.LOGGED_OUT:
      return {type: 'loggedOut'};
    case EVENT.PONG:
      return {type: 'pong', id, ms: code, region: utf8.decode(text)};
    default:
      return undefined;
  }
}

function decodeFlowEvent(raw: RawEvent, utf8: Utf8): CoreEvent | undefined {
  const {type, id, code, text, aux} = raw;
  switch (type) {
    case EVENT.SSH_PROGRESS:
      return {type: 'sshProgress', id, message: utf8.decode(text)};
    case EVENT.SSH_HOST_KEY: {
      const [keyType = '', fingerprint = ''] = utf8.decode(text).split(' ');
      return {type: 'sshHostKey', id, keyType, fingerprint};
    }
    case EVENT.SSH_BANNER:
      return {type: 'sshBanner', id, message: utf8.decode(text)};
    case EVENT.SSH_OPEN: {
      const [hostKeyType = '', , , cipher = ''] = utf8.decode(aux).split('\0');
      return {type: 'sshOpen', id, serverVersion: utf8.decode(text), hostKeyType, cipher};
    }
    case EVENT.SSH_DATA:
      return {type: 'sshData', id, bytes: text};
    case EVENT.SSH_STDERR:
      return {type: 'sshStderr', id, bytes: text};
    case EVENT.SSH_EXIT:
      return {type: 'sshExit', id, code, signal: utf8.decode(aux)};
    case EVENT.SSH_ERROR:
      return {type: 'sshError', id, code: utf8.decode(text), message: utf8.decode(aux)};
    case EVENT.SSH_DONE:
      return {type: 'sshDone', id};
    case EVENT.SSH_WRITABLE:
      return {type: 'sshWritable', id};
    case EVENT.TCP_OPEN:
      return {type: 'tcpOpen', id};
    case EVENT.TCP_DATA:
      return {type: 'tcpData', id, bytes: text};
    case EVENT.TCP_EOF:
      return {type: 'tcpEof', id};
    case EVENT.TCP_WRITABLE:
      return {type: 'tcpWritable', id};
    case EVENT.TCP_ERROR:
      return {type: 'tcpError', id, code: utf8.decode(text), message: utf8.decode(aux)};
    case EVENT.TCP_DONE:
      return {type: 'tcpDone', id};
    default:
      return undefined;
  }
}
