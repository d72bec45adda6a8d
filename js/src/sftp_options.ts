/* Requests on files in the core's words (wasm/ssh/ssh_sftp.h). */
import type {IPNFileReadOptions, IPNFileWriteOptions} from '../ipn.js';
import {
  checkInteger,
  checkObject,
  checkOptionalFunctions,
  checkSignal,
  checkText,
} from './callbacks.js';
import type {Field} from './fields.js';
import type {TransferOptions} from './sftp_call.js';

/** enum ssh_sftp_op. */
export const OP = {
  stat: 1,
  lstat: 2,
  setstat: 3,
  list: 4,
  mkdir: 5,
  rmdir: 6,
  remove: 7,
  rename: 8,
  symlink: 9,
  readlink: 10,
  realpath: 11,
  read: 12,
  write: 13,
} as const;

export const SET_SIZE = 1;
export const SET_MODE = 4;
export const OVERWRITE = 1;
/** APPEND 4, CREATE 8, TRUNCATE 16, EXCLUSIVE 32. */
export const WRITE_FLAGS = {w: 8 | 16, wx: 8 | 32, a: 4 | 8, 'r+': 0} as const;
const MAX_MODE = 0o7777;

export function checkPath(value: unknown, name: string): string {
  if (checkText(value, name) === '') throw new TypeError(`${name} must not be empty`);
  return value as string;
}

export function checkOffset(value: unknown, name: string): number {
  return checkInteger(value, name, 0, Number.MAX_SAFE_INTEGER);
}

export function mode(bits: number): Field {
  return ['mode', checkInteger(bits, 'mode', 0, MAX_MODE)];
}

export function checkTransfer(options: IPNFileReadOptions | IPNFileWriteOptions): TransferOptions {
  checkObject(options, 'options');
  checkOptionalFunctions(options, ['onProgress']);
  const offset = checkOffset(options.offset ?? 0, 'offset');
  return {offset, signal: checkSignal(options.signal), onProgress: options.onProgress};
}
