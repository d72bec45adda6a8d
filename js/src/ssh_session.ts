/* The page's half of an SSH session: tsconnect's callbacks, and those beyond it. */
import type {IPNSSHInfo, IPNSSHOptions, IPNSSHSession} from '../ipn.js';
import {
  callPage,
  checkFunction,
  checkInteger,
  checkObject,
  checkOptionalBoolean,
  checkOptionalFunctions,
  checkOptionalText,
  checkPlainObject,
  checkSeconds,
  checkText,
} from './callbacks.js';
import type {SshOpenOptions} from './core/core.js';
import {Delivery, type Sink} from './delivery.js';
import {
  Credit,
  MAX_QUEUED_BYTES,
  Outgoing,
  type FlowHandler,
  type FlowMessage,
  type FlowPort,
} from './flow_port.js';

const MAX_ROWS_COLS = 65_535;
// The core's, which would drop what is longer.
const MAX_ENV_NAME_BYTES = 1024;
const MAX_ENV_VALUE_BYTES = 16_384;
const DEFAULT_TIMEOUT_S = 5; // tsconnect's
const FUNCTIONS = [
  'writeFn',
  'writeErrorFn',
  'setReadFn',
  'onConnectionProgress',
  'onConnected',
  'onDone',
  'onData',
  'onStderr',
  'onBanner',
  'onExit',
  'verifyHostKey',
] as const;

/** What a terminal in a page is, for servers that accept it: UTF-8, and 24-bit colours. */
const TERMINAL_ENV = {LANG: 'C.UTF-8', COLORTERM: 'truecolor'};

/** Checks what the page gave, and says it in the core's words. */
export function checkSshOptions(
  host: unknown,
  user: unknown,
  options: IPNSSHOptions,
): SshOpenOptions {
  checkObject(options, 'options');
  checkOptionalFunctions(options, FUNCTIONS);
  if (!options.onData) checkFunction(options.writeFn, 'writeFn (or onData)');
  const command = checkOptionalText(options.command, 'command');
  const pty = checkOptionalBoolean(options.pty, 'pty', command === '');
  return {
    host: checkText(host, 'host'),
    user: checkText(user, 'username'),
    term: checkOptionalText(options.term, 'term') || 'xterm-256color',
    command,
    env: checkEnv({...(pty ? TERMINAL_ENV : {}), ...checkPlainObject(options.env, 'env')}),
    port: checkInteger(options.port ?? 22, 'port', 1, 65_535),
    rows: checkInteger(options.rows ?? 24, 'rows', 1, MAX_ROWS_COLS),
    cols: checkInteger(options.cols ?? 80, 'cols', 1, MAX_ROWS_COLS),
    pty,
    timeoutMs: checkSeconds(options.timeoutSeconds, 'timeoutSeconds', DEFAULT_TIMEOUT_S),
  };
}

const encoder = new TextEncoder();

function checkEnv(env: Record<string, unknown>): Record<string, string> {
  for (const [name, value] of Object.entries(env)) {
    if (name === '') throw new TypeError('a name in env must not be empty');
    if (encoder.encode(checkText(name, 'a name in env')).length > MAX_ENV_NAME_BYTES)
      throw new TypeError(`a name in env must not be over ${MAX_ENV_NAME_BYTES} bytes`);
    if (encoder.encode(checkText(value, `env.${name}`)).length > MAX_ENV_VALUE_BYTES)
      throw new TypeError(`env.${name} must not be over ${MAX_ENV_VALUE_BYTES} bytes`);
  }
  return env as Record<string, string>;
}

interface TextSink {
  sink: Sink;
  end(): void;
}

/** Text of one stream of bytes; a character cut in two by the network stays whole. */
function textSink(write: (text: string) => unknown): TextSink {
  const decoder = new TextDecoder('utf-8', {ignoreBOM: true});
  return {
    sink: (bytes) => {
      const text = decoder.decode(bytes, {stream: true});
      return text === '' ? undefined : write(text);
    },
    end: () => {
      const rest = decoder.decode();
      if (rest !== '') callPage(write, rest);
    },
  };
}

export class SshSession implements IPNSSHSession, FlowHandler {
  readonly #options: IPNSSHOptions;
  readonly #target: SshOpenOptions;
  readonly #port: FlowPort;
  readonly #outgoing: Outgoing;
  readonly #delivery: Delivery;
  readonly #stdout: Sink;
  #stderr: Sink;
  readonly #endText: () => void;
  #info: IPNSSHInfo | undefined;
  #error: string | undefined;
  /** Why we refused the host key: says more than the core's answer to the refusal. */
  #refusal: string | undefined;
  #isClosed = false;
  #isDone = false;

  constructor(target: SshOpenOptions, options: IPNSSHOptions, port: FlowPort) {
    this.#target = target;
    this.#options = options;
    this.#port = port;
    this.#outgoing = new Outgoing(port, MAX_QUEUED_BYTES);
    this.#delivery = new Delivery(new Credit(port).give);
    if (options.onData) {
      this.#stdout = this.#stderr = (bytes) => options.onData!(bytes);
      this.#endText = () => {};
    } else {
      const write = (data: string): unknown => options.writeFn!(data);
      const out = textSink(write);
      const err = textSink(write);
      this.#stdout = out.sink;
      this.#stderr = err.sink;
      this.#endText = () => {
        out.end();
        err.end();
      };
    }
    if (options.onStderr) this.#stderr = (bytes) => options.onStderr!(bytes);
  }

  get info(): IPNSSHInfo | undefined {
    return this.#info;
  }

  resize(rows: number, cols: number): boolean {
    checkInteger(rows, 'rows', 1, MAX_ROWS_COLS);
    checkInteger(cols, 'cols', 1, MAX_ROWS_COLS);
    if (this.#isClosed) return false;
    this.#port.post({type: 'resize', rows, cols});
    return true;
  }

  close(): boolean {
    if (this.#isClosed) return false;
    this.#isClosed = true;
    this.#outgoing.end();
    this.#delivery.drop();
    this.#port.post({type: 'closeFlow'});
    return true;
  }

  write(data: string | Uint8Array): boolean {
    if (typeof data === 'string') return this.#outgoing.write(encoder.encode(data));
    if (data instanceof Uint8Array) return this.#outgoing.write(data.slice());
    throw new TypeError('data must be a string or a Uint8Array');
  }

  drained(): Promise<void> {
    return this.#outgoing.drained();
  }

  end(): boolean {
    if (this.#isClosed) return false;
    this.#port.post({type: 'eof'});
    return true;
  }

  handle(message: FlowMessage): void {
    const options = this.#options;
    switch (message.type) {
      case 'sshProgress':
        if (!this.#isClosed) callPage(options.onConnectionProgress, message.message);
        return;
      case 'sshHostKey':
        return this.#verifyHostKey(message.keyType, message.fingerprint);
      case 'sshBanner':
        return this.#delivery.then(() => this.#showBanner(message.message));
      case 'sshOpen':
        return this.#handleOpen(message);
      case 'sshData':
        return this.#delivery.push(this.#stdout, message.bytes);
      case 'sshStderr':
        return this.#delivery.push(this.#stderr, message.bytes);
      case 'sshExit': {
        const {code, signal} = message;
        return this.#delivery.then(() => callPage(options.onExit, {code, signal}));
      }
      case 'sshError':
        this.#error ??= this.#refusal ?? message.message;
        return;
      case 'sshDone':
        return this.#handleDone();
      case 'accepted':
        return this.#outgoing.accepted(message.n);
      default:
        return;
    }
  }

  fail(message: string): void {
    this.#error ??= message;
    this.#handleDone();
  }

  drop(): void {
    this.#delivery.drop();
  }

  #handleOpen({serverVersion, hostKeyType, cipher}: IPNSSHInfo): void {
    this.#info = {serverVersion, hostKeyType, cipher};
    if (this.#isClosed) return;
    callPage(this.#options.setReadFn, (data) => this.#read(data));
    callPage(this.#options.onConnected);
  }

  /** Typed or pasted text. It has no way to answer "full", so that is said on the terminal. */
  #read(data: string): void {
    const bytes = encoder.encode(String(data));
    if (this.#isClosed) return;
    if (bytes.length <= MAX_QUEUED_BYTES && this.#outgoing.write(bytes)) return;
    callPage(
      this.#options.writeErrorFn,
      'The input was not sent: more than 1 MB is waiting already.\r\n',
    );
  }

  #showBanner(text: string): void {
    if (this.#isClosed) return;
    if (this.#options.onBanner) callPage(this.#options.onBanner, text);
    else callPage(this.#stdout, encoder.encode(text.replace(/\r?\n/g, '\r\n')));
  }

  #verifyHostKey(type: string, fingerprint: string): void {
    const {host, port} = this.#target;
    const {verifyHostKey} = this.#options;
    const name = `The host key of ${host} (${type} ${fingerprint})`;
    const answer = (accept: boolean): void => this.#port.post({type: 'hostKey', accept});
    if (!verifyHostKey) {
      this.#refusal = `${name} is not known to the tailnet, and this page does not ask about unknown keys.`;
      return answer(false);
    }
    this.#refusal = `${name} was refused.`;
    const asked = callPage(verifyHostKey, {host, port, type, fingerprint, known: false});
    void Promise.resolve(asked).then(
      (accepted) => {
        if (accepted === true) this.#refusal = undefined;
        answer(accepted === true);
      },
      () => answer(false),
    );
  }

  #handleDone(): void {
    if (this.#isDone) return;
    this.#isDone = true;
    const byPage = this.#isClosed;
    this.#delivery.then(() => {
      this.#isClosed = true;
      this.#outgoing.end();
      if (!byPage) {
        this.#endText();
        if (this.#error !== undefined) callPage(this.#options.writeErrorFn, `${this.#error}\r\n`);
      }
      callPage(this.#options.onDone);
    });
  }
}
