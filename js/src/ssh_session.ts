/* The page's half of an SSH session: tsconnect's callbacks, and those beyond it. */
import type {
  IPNAttachOptions,
  IPNForward,
  IPNSSHInfo,
  IPNSSHOptions,
  IPNSSHSession,
} from '../ipn.js';
import {
  callPage,
  checkFunction,
  checkInteger,
  checkObject,
  checkOptionalFunctions,
  checkOptionalText,
  checkText,
  onAbort,
} from './callbacks.js';
import type {SshDetails} from './core/events.js';
import type {Calls} from './calls.js';
import {Delivery, type Sink} from './delivery.js';
import {
  Credit,
  MAX_QUEUED_BYTES,
  Outgoing,
  type FlowHandler,
  type FlowMessage,
  type FlowPort,
} from './flow_port.js';
import {SshDialog} from './ssh_dialog.js';
import {
  attachAccess,
  checkAccess,
  checkSize,
  MAX_ROWS_COLS,
  shellFields,
  type Access,
} from './ssh_options.js';
import {textSink} from './text_sink.js';

const FUNCTIONS = [
  'writeFn',
  'writeErrorFn',
  'setReadFn',
  'onConnected',
  'onDone',
  'onData',
  'onStderr',
  'onExit',
  'onError',
  'onScrollback',
] as const;

/** What of the options is kept: nothing that is secret. */
type Callbacks = Pick<IPNSSHOptions & IPNAttachOptions, (typeof FUNCTIONS)[number]>;

export function openSession(
  calls: Calls,
  host: unknown,
  user: unknown,
  options: IPNSSHOptions,
): IPNSSHSession {
  const callbacks = checkShell(options);
  const access = checkAccess(host, user, options);
  const fields = [...access.fields, ...shellFields(options)];
  const label = {
    host: access.host,
    user: access.user,
    port: access.port,
    command: checkOptionalText(options.command, 'command'),
    title: checkOptionalText(options.title, 'title'),
  };
  const make = (port: FlowPort): SshSession => new SshSession(access, callbacks, port, calls);
  return calls.connect(access, fields, make, label);
}

/** A session that another page left behind. */
export function attachSession(calls: Calls, id: unknown, options: IPNAttachOptions): IPNSSHSession {
  const callbacks = checkShell(options);
  const session = checkInteger(id, 'id', 0, Number.MAX_SAFE_INTEGER);
  const access = attachAccess(options);
  const size = checkSize(options);
  return calls.attach(session, size, (port) => new SshSession(access, callbacks, port, calls));
}

function checkShell(options: IPNSSHOptions | IPNAttachOptions): Callbacks {
  checkObject(options, 'options');
  checkOptionalFunctions(options, FUNCTIONS);
  if (!options.onData) checkFunction(options.writeFn, 'writeFn (or onData)');
  const given = options as Callbacks;
  return Object.fromEntries(FUNCTIONS.map((name) => [name, given[name]]));
}

const encoder = new TextEncoder();

export function sshInfo(details: SshDetails): IPNSSHInfo {
  const {serverVersion, hostKeyType, hostKeyFingerprint, kex, authMethod} = details;
  const {cipherIn, cipherOut, macIn, macOut} = details;
  const hostKeyTrust = details.hostKeyTrust as IPNSSHInfo['hostKeyTrust'];
  const key = {hostKeyType, hostKeyFingerprint, hostKeyTrust};
  const algorithms = {kex, cipher: cipherIn, cipherIn, cipherOut, macIn, macOut};
  return {serverVersion, ...key, ...algorithms, authMethod};
}

export class SshSession implements IPNSSHSession, FlowHandler {
  readonly #options: Callbacks;
  readonly #dialog: SshDialog;
  readonly #hasBanners: boolean;
  readonly #port: FlowPort;
  readonly #calls: Calls;
  readonly #stopListening: () => void;
  readonly #outgoing: Outgoing;
  readonly #credit: Credit;
  readonly #delivery: Delivery;
  readonly #stdout: Sink;
  #stderr: Sink;
  readonly #endText: () => void;
  readonly #forwards = new Set<IPNForward>();
  #info: IPNSSHInfo | undefined;
  #isClosed = false;
  #isDone = false;

  constructor(access: Access, options: Callbacks, port: FlowPort, calls: Calls) {
    this.#options = options;
    this.#dialog = new SshDialog(access, port);
    this.#hasBanners = typeof access.people.onBanner === 'function';
    this.#port = port;
    this.#calls = calls;
    this.#outgoing = new Outgoing(port, MAX_QUEUED_BYTES);
    this.#credit = new Credit(port);
    this.#delivery = new Delivery(this.#credit.give);
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
    this.#stopListening = onAbort(access.signal, () => this.close());
  }

  get uncredited(): number {
    return this.#credit.pending;
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
    this.#closeForwards();
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

  signal(name: string): boolean {
    checkText(name, 'name');
    if (this.#isClosed) return false;
    this.#port.post({type: 'signal', name});
    return true;
  }

  forward(host: string, port: number): IPNForward {
    const forward = this.#calls.forward(this.#port, host, port, this.#forwards);
    if (this.#isClosed) forward.close();
    return forward;
  }

  handle(message: FlowMessage): void {
    switch (message.type) {
      case 'sshProgress':
        if (!this.#isClosed) this.#dialog.handle(message);
        return;
      case 'sshBanner':
        return this.#delivery.then(() => this.#showBanner(message.message));
      case 'sshOpen':
        return this.#handleOpen(message);
      case 'scrollback':
        return this.#delivery.pushFree(
          (bytes) => this.#options.onScrollback?.(bytes),
          message.bytes,
        );
      case 'sshData':
        return this.#delivery.push(this.#stdout, message.bytes);
      case 'sshStderr':
        return this.#delivery.push(this.#stderr, message.bytes);
      case 'sshExit': {
        const {code, signal} = message;
        return this.#delivery.then(() => callPage(this.#options.onExit, {code, signal}));
      }
      case 'sshDone':
        return this.#handleDone();
      case 'accepted':
        return this.#outgoing.accepted(message.n);
      default:
        return this.#dialog.handle(message);
    }
  }

  fail(message: string): void {
    this.#dialog.fail(message);
    this.#handleDone();
  }

  drop(): void {
    this.#delivery.drop();
  }

  #handleOpen(details: SshDetails): void {
    this.#info = sshInfo(details);
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
    if (this.#hasBanners) this.#dialog.handle({type: 'sshBanner', id: 0, message: text});
    else callPage(this.#stdout, encoder.encode(text.replace(/\r?\n/g, '\r\n')));
  }

  #closeForwards(): void {
    for (const forward of this.#forwards) forward.close();
  }

  #handleDone(): void {
    if (this.#isDone) return;
    this.#isDone = true;
    this.#stopListening();
    this.#closeForwards();
    const byPage = this.#isClosed;
    this.#delivery.then(() => {
      this.#isClosed = true;
      this.#outgoing.end();
      if (!byPage) {
        this.#endText();
        const {error} = this.#dialog;
        if (error) {
          callPage(this.#options.writeErrorFn, `${error.message}\r\n`);
          callPage(this.#options.onError, error);
        }
      }
      callPage(this.#options.onDone);
    });
  }
}
