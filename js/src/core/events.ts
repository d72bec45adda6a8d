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
  | {type: 'peers'; json: string}
  | {type: 'browseToURL'; url: string}
  | {type: 'store'; name: string; value: string}
  | {type: 'problem'; code: string; message: string; retrying: boolean}
  | {type: 'status'; json: string}
  | {type: 'loggedOut'}
  | FlowEvent
  | {type: 'knownHosts'; text: string}
  | {type: 'key'; id: number; privateKey: Uint8Array; publicKey: string}
  /** code < 0: text says why it cannot be used, else it is the fingerprint; 1: encrypted. */
  | {type: 'keyChecked'; id: number; code: number; text: string; publicKey: string}
  | {type: 'pong'; id: number; ms: number; region: string};

/** What happens to one SSH session or one TCP stream. */
export type FlowEvent =
  | {type: 'sshProgress'; id: number; message: string}
  | {
      type: 'sshHostKey';
      id: number;
      keyType: string;
      fingerprint: string;
      /** Of the host, and known: 'type SHA256:… or …', or ''. */
      otherKeys: string;
      blob: Uint8Array;
      /** The fingerprint that was known; then this is told, not asked. */
      known?: string;
    }
  | {type: 'sshBanner'; id: number; message: string}
  | ({type: 'sshOpen'; id: number} & SshDetails)
  | {type: 'sshPrompt'; id: number; kind: number; fields: string[]}
  /** ms: since the step before, as the engine saw it. */
  | {type: 'sshStep'; id: number; step: number; detail: string; ms?: number}
  | {type: 'sshAgentSign'; id: number; request: number; key: string}
  | {type: 'sshStderr'; id: number; bytes: Uint8Array}
  | {type: 'sshExit'; id: number; code: number; signal: string}
  | {type: 'sshData' | 'tcpData'; id: number; bytes: Uint8Array}
  | {type: 'tcpError'; id: number; code: string; message: string}
  | {
      type: 'sshError';
      id: number;
      code: string;
      message: string;
      /** Before authentication: a retry may help. */
      isEarly: boolean;
      ms?: number;
    }
  | {
      type: 'sshDone' | 'tcpDone' | 'sshWritable' | 'tcpWritable' | 'tcpOpen' | 'tcpEof' | 'sshEof';
      id: number;
    }
  | SftpEvent;

/** id is the channel's, request the number that the page gave. */
export type SftpEvent = {id: number; request: number} & (
  | {type: 'sftpEntry'; name: string; attrs: SftpAttrs}
  | {type: 'sftpAttrs'; attrs: SftpAttrs}
  | {type: 'sftpData'; bytes: Uint8Array}
  /** The offset up to which all was acknowledged. */
  | {type: 'sftpWritable'; acknowledged: number}
  | {type: 'sftpDone'; status: number; text: string; attrs: SftpAttrs}
);

export interface SshDetails {
  serverVersion: string;
  hostKeyType: string;
  hostKeyFingerprint: string;
  hostKeyTrust: string;
  kex: string;
  cipherIn: string;
  cipherOut: string;
  macIn: string;
  macOut: string;
  authMethod: string;
}

/** What the server told. Times are seconds since 1970. */
export interface SftpAttrs {
  size?: number;
  uid?: number;
  gid?: number;
  mode?: number;
  atime?: number;
  mtime?: number;
}

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
  if (type >= EVENT.SFTP_ENTRY && type <= EVENT.SFTP_ATTRS && type !== EVENT.KNOWN_HOSTS)
    return decodeSftpEvent(raw, utf8);
  if (type >= EVENT.SSH_PROGRESS && type <= EVENT.SSH_AGENT_SIGN) return decodeSshEvent(raw, utf8);
  if (type >= EVENT.TCP_OPEN && type <= EVENT.TCP_DONE) return decodeTcpEvent(raw, utf8);
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
    case EVENT.PEERS:
      return {type: 'peers', json: utf8.decode(text)};
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
    case EVENT.KNOWN_HOSTS:
      return {type: 'knownHosts', text: utf8.decode(text)};
    case EVENT.KEY:
      return {type: 'key', id, privateKey: text.slice(), publicKey: utf8.decode(aux)};
    case EVENT.KEY_CHECKED:
      return {type: 'keyChecked', id, code, text: utf8.decode(text), publicKey: utf8.decode(aux)};
    case EVENT.PONG:
      return {type: 'pong', id, ms: code, region: utf8.decode(text)};
    default:
      return undefined;
  }
}

function decodeSshEvent(raw: RawEvent, utf8: Utf8): CoreEvent | undefined {
  const {type, id, code, text, aux} = raw;
  switch (type) {
    case EVENT.SSH_PROGRESS:
      return {type: 'sshProgress', id, message: utf8.decode(text)};
    case EVENT.SSH_HOST_KEY: {
      const [keyType = '', fingerprint = '', ...others] = utf8.decode(text).split(' ');
      const otherKeys = others.join(' ');
      const key = {type: 'sshHostKey', id, keyType, fingerprint, otherKeys} as const;
      return code === 1
        ? {...key, blob: new Uint8Array(0), known: utf8.decode(aux)}
        : {...key, blob: aux.slice()};
    }
    case EVENT.SSH_BANNER:
      return {type: 'sshBanner', id, message: utf8.decode(text)};
    case EVENT.SSH_OPEN:
      return {type: 'sshOpen', id, ...decodeDetails(utf8.decode(text), utf8.decode(aux))};
    case EVENT.SSH_DATA:
      return {type: 'sshData', id, bytes: text};
    case EVENT.SSH_STDERR:
      return {type: 'sshStderr', id, bytes: text};
    case EVENT.SSH_EXIT:
      return {type: 'sshExit', id, code, signal: utf8.decode(aux)};
    case EVENT.SSH_ERROR:
      return {
        type: 'sshError',
        id,
        code: utf8.decode(text),
        message: utf8.decode(aux),
        isEarly: code === 1,
      };
    case EVENT.SSH_DONE:
      return {type: 'sshDone', id};
    case EVENT.SSH_WRITABLE:
      return {type: 'sshWritable', id};
    case EVENT.SSH_EOF:
      return {type: 'sshEof', id};
    case EVENT.SSH_PROMPT:
      // Each field ends in NUL, so the last piece is empty.
      return {
        type: 'sshPrompt',
        id,
        kind: code,
        fields: utf8.decode(text).split('\0').slice(0, -1),
      };
    case EVENT.SSH_STEP:
      return {type: 'sshStep', id, step: code, detail: utf8.decode(text)};
    case EVENT.SSH_AGENT_SIGN:
      return {type: 'sshAgentSign', id, request: code, key: utf8.decode(text)};
    default:
      return undefined;
  }
}

function decodeDetails(serverVersion: string, fields: string): SshDetails {
  const [
    hostKeyType = '',
    hostKeyFingerprint = '',
    kex = '',
    cipherIn = '',
    cipherOut = '',
    macIn = '',
    macOut = '',
    authMethod = '',
    hostKeyTrust = '',
  ] = fields.split('\0');
  const key = {hostKeyType, hostKeyFingerprint, hostKeyTrust};
  return {serverVersion, ...key, kex, cipherIn, cipherOut, macIn, macOut, authMethod};
}

const ATTRS_BYTES = 40;

/** u32le valid (1 size, 2 owner, 4 mode, 8 times), mode, u64le size, u32le uid, gid, atime, mtime. */
function decodeAttrs(bytes: Uint8Array): SftpAttrs {
  if (bytes.length < ATTRS_BYTES) return {};
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const u32 = (at: number): number => view.getUint32(at, true);
  const valid = u32(0);
  return {
    ...(valid & 1 ? {size: u32(8) + u32(12) * 2 ** 32} : {}),
    ...(valid & 2 ? {uid: u32(16), gid: u32(20)} : {}),
    ...(valid & 4 ? {mode: u32(4)} : {}),
    ...(valid & 8 ? {atime: u32(24), mtime: u32(28)} : {}),
  };
}

/** text of DONE: the status as i32le, then words. */
function decodeSftpEvent(raw: RawEvent, utf8: Utf8): CoreEvent | undefined {
  const {type, id, text, aux} = raw;
  const request = raw.code >>> 0;
  switch (type) {
    case EVENT.SFTP_ENTRY:
      return {type: 'sftpEntry', id, request, name: utf8.decode(text), attrs: decodeAttrs(aux)};
    case EVENT.SFTP_DATA:
      return {type: 'sftpData', id, request, bytes: text};
    case EVENT.SFTP_WRITABLE:
      return {type: 'sftpWritable', id, request, acknowledged: decodeAttrs(aux).size ?? 0};
    case EVENT.SFTP_ATTRS:
      return {type: 'sftpAttrs', id, request, attrs: decodeAttrs(aux)};
    case EVENT.SFTP_DONE: {
      const status = new DataView(text.buffer, text.byteOffset, 4).getInt32(0, true);
      const words = utf8.decode(text.subarray(4));
      return {type: 'sftpDone', id, request, status, text: words, attrs: decodeAttrs(aux)};
    }
    default:
      return undefined;
  }
}

function decodeTcpEvent(raw: RawEvent, utf8: Utf8): CoreEvent | undefined {
  const {type, id, text, aux} = raw;
  switch (type) {
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
