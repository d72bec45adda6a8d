/* What a page wants of an SSH connection, checked and put into the core's words (ipn_ssh.h). */
import type {IPNAttachOptions, IPNForward, IPNSSHAccess} from '../ipn.js';
import {
  checkFunction,
  checkInteger,
  checkObject,
  checkOptionalBoolean,
  checkOptionalFunctions,
  checkOptionalText,
  checkPlainObject,
  checkSeconds,
  checkSignal,
  checkText,
} from './callbacks.js';
import type {Field} from './fields.js';

export const MAX_ROWS_COLS = 65_535;
const DEFAULT_TIMEOUT_S = 5; // tsconnect's
const DEFAULT_KEEP_ALIVE_S = 30;
const DEFAULT_RETRY_DELAY_S = 2;
const MAX_KEYS = 4; // a server counts each that it does not know as a failure
const MAX_RETRIES = 100;
/** What a terminal in a page is, for servers that accept it: UTF-8, and 24-bit colours. */
const TERMINAL_ENV = {LANG: 'C.UTF-8', COLORTERM: 'truecolor'};

/** Checked: where to, in the core's words, and who answers its questions. */
export interface Access {
  host: string;
  user: string;
  port: number;
  fields: Field[];
  via: IPNForward | undefined;
  signal: AbortSignal | undefined;
  people: People;
}

export type People = Pick<
  IPNSSHAccess,
  'verifyHostKey' | 'onPrompt' | 'onAgentSign' | 'onBanner' | 'onConnectionProgress'
>;

export function checkAccess(host: unknown, user: unknown, options: IPNSSHAccess): Access {
  checkObject(options, 'options');
  const {verifyHostKey, onPrompt, onAgentSign, onBanner, onConnectionProgress} = options;
  const people = {verifyHostKey, onPrompt, onAgentSign, onBanner, onConnectionProgress} as People;
  checkOptionalFunctions(people, Object.keys(people));
  const target = {
    host: checkText(host, 'host'),
    user: checkText(user, 'username'),
    port: checkInteger(options.port ?? 22, 'port', 1, 65_535),
  };
  const fields: Field[] = Object.entries(target);
  fields.push([
    'timeout',
    checkSeconds(options.timeoutSeconds, 'timeoutSeconds', DEFAULT_TIMEOUT_S),
  ]);
  addSecrets(fields, options);
  if (onPrompt) fields.push(['prompts', 1]);
  // 2: the dialog itself refuses, in words. It may not answer for a session that asks a person.
  fields.push(['askHostKey', verifyHostKey ? 1 : 2]);
  const replaced = checkOptionalText(options.replaceHostKey, 'replaceHostKey');
  if (replaced !== '') fields.push(['replaceHostKey', replaced]);
  if (checkOptionalBoolean(options.agentForward, 'agentForward', false)) {
    checkFunction(onAgentSign, 'onAgentSign (of agentForward)');
    fields.push(['agent', 1]);
  }
  addBehaviour(fields, options);
  return {...target, fields, people, via: options.via, signal: checkSignal(options.signal)};
}

/** Of a session that is open already: it knows where it is, and who it is there. */
export function attachAccess(options: IPNAttachOptions): Access {
  checkOptionalFunctions(options, ['onAgentSign']);
  const people = {onAgentSign: options.onAgentSign} as People;
  const nowhere = {host: '', user: '', port: 0, fields: [], via: undefined};
  return {...nowhere, people, signal: checkSignal(options.signal)};
}

/** '' is a password, too. */
function addSecrets(fields: Field[], options: IPNSSHAccess): void {
  for (const name of ['password', 'passphrase'] as const) {
    const value = options[name];
    if (value !== undefined && value !== null) fields.push([name, checkText(value, name)]);
  }
  const keys = [options.privateKey ?? []].flat();
  if (keys.length > MAX_KEYS) throw new TypeError(`privateKey must be at most ${MAX_KEYS} keys`);
  for (const key of keys) fields.push(['key', checkText(key, 'privateKey')]);
}

function addBehaviour(fields: Field[], options: IPNSSHAccess): void {
  const {keepAliveSeconds: alive, retryDelaySeconds: delay} = options;
  fields.push([
    'keepAlive',
    alive === 0 ? 0 : checkSeconds(alive, 'keepAliveSeconds', DEFAULT_KEEP_ALIVE_S),
  ]);
  const retries = checkInteger(options.retries ?? 0, 'retries', 0, MAX_RETRIES);
  const delayMs = checkSeconds(delay, 'retryDelaySeconds', DEFAULT_RETRY_DELAY_S);
  if (retries > 0) fields.push(['retries', retries], ['retryDelay', delayMs]);
  if (!checkOptionalBoolean(options.reuse, 'reuse', true)) fields.push(['reuse', 0]);
}

interface ShellOptions {
  command?: string;
  pty?: boolean;
  env?: Record<string, string>;
  term?: string;
  rows?: number;
  cols?: number;
}

export function checkSize({rows, cols}: {rows?: number; cols?: number}): {
  rows: number;
  cols: number;
} {
  return {
    rows: checkInteger(rows ?? 24, 'rows', 1, MAX_ROWS_COLS),
    cols: checkInteger(cols ?? 80, 'cols', 1, MAX_ROWS_COLS),
  };
}

/** The core says which of them is too long. */
export function shellFields(options: ShellOptions): Field[] {
  const command = checkOptionalText(options.command, 'command');
  const pty = checkOptionalBoolean(options.pty, 'pty', command === '');
  const fields: Field[] = [
    ['command', command],
    ['term', checkOptionalText(options.term, 'term') || 'xterm-256color'],
    ['pty', pty ? 1 : 0],
    ...Object.entries(checkSize(options)),
  ];
  const env = {...(pty ? TERMINAL_ENV : {}), ...checkPlainObject(options.env, 'env')};
  for (const [name, value] of Object.entries(env)) {
    if (name === '') throw new TypeError('a name in env must not be empty');
    fields.push([`env.${checkText(name, 'a name in env')}`, checkText(value, `env.${name}`)]);
  }
  return fields;
}
