/*
 * What an SSH connection asks of the person behind the page while it is made, and why it failed.
 * Shells, commands, files and tests have one each. Each question is answered exactly once.
 */
import type {IPNPrompt} from '../ipn.js';
import {abortReason, callPage, checkText, onAbort, reportUncaught} from './callbacks.js';
import type {FlowEvent} from './core/events.js';
import {encodeTexts} from './fields.js';
import type {FlowHandler, FlowMessage, FlowPort} from './flow_port.js';
import {randomart} from './randomart.js';
import {SshError} from './ssh_error.js';
import type {Access, People} from './ssh_options.js';

type HostKey = Extract<FlowEvent, {type: 'sshHostKey'}>;
type Prompt = Extract<FlowEvent, {type: 'sshPrompt'}>;

/** enum ipn_ssh_prompt. */
const KINDS: ReadonlyArray<IPNPrompt['kind'] | undefined> = [
  undefined,
  'keyboard-interactive',
  'password',
  'passphrase',
  'new-password',
];

export class SshDialog {
  /** Set once the connection has failed. */
  error: SshError | undefined;
  readonly #host: string;
  readonly #tcpPort: number;
  readonly #people: People;
  readonly #port: FlowPort;
  /** Why we refused the host key: says more than the core's answer to the refusal. */
  #refusal: {code: string; message: string} | undefined;
  #changedKey: SshError['hostKey'];

  constructor({host, port: tcpPort, people}: Access, port: FlowPort) {
    this.#host = host;
    this.#tcpPort = tcpPort;
    this.#people = people;
    this.#port = port;
  }

  handle(message: FlowMessage): void {
    switch (message.type) {
      case 'sshProgress':
        return void callPage(this.#people.onConnectionProgress, message.message);
      case 'sshBanner':
        return void callPage(this.#people.onBanner, message.message);
      case 'sshHostKey':
        return this.#handleHostKey(message);
      case 'sshPrompt':
        return this.#handlePrompt(message);
      case 'sshAgentSign':
        return this.#handleAgentSign(message.request, message.key);
      case 'sshError': {
        const {code, message: words} = this.#refusal ?? message;
        this.error ??= new SshError(code, words, message.isEarly, this.#changedKey);
        return;
      }
      default:
        return;
    }
  }

  fail(message: string): void {
    this.error ??= new SshError('closed', message);
  }

  #handleHostKey({keyType: type, fingerprint, otherKeys, blob, known}: HostKey): void {
    if (known !== undefined) {
      this.#changedKey = {type, fingerprint, knownFingerprint: known};
      return;
    }
    const host = this.#host;
    const {verifyHostKey} = this.#people;
    const answer = (accept: boolean): void => this.#port.post({type: 'hostKey', accept});
    const name = `The host key of ${host} (${type} ${fingerprint})`;
    if (!verifyHostKey) {
      const words = `${name} is not known, and this page does not ask about unknown keys.`;
      this.#refusal = {code: 'host-key-unknown', message: words};
      return answer(false);
    }
    this.#refusal = {code: 'host-key-refused', message: `${name} was not accepted here.`};
    const art = (): string => randomart(type, fingerprint, blob);
    const port = this.#tcpPort;
    const key = {host, port, type, fingerprint, known: false, otherKeys, randomart: art};
    void settled(callPage(verifyHostKey, key), false).then((accepted) => {
      if (accepted === true) this.#refusal = undefined;
      answer(accepted === true);
    });
  }

  #handlePrompt({kind, fields: [name = '', instruction = '', ...rest]}: Prompt): void {
    const prompts = rest.map((field) => ({text: field.slice(1), echo: field.startsWith('1')}));
    const question = {kind: KINDS[kind] ?? 'keyboard-interactive', name, instruction, prompts};
    void settled(callPage(this.#people.onPrompt, question), null).then((given) => {
      const answers = given === null ? undefined : encodeAnswers(given, prompts.length);
      this.#port.post({type: 'prompt', answers}, answers && [answers.buffer]);
    });
  }

  #handleAgentSign(request: number, key: string): void {
    void settled(callPage(this.#people.onAgentSign, key), false).then((answer) =>
      this.#port.post({type: 'agent', request, allow: answer === true}),
    );
  }
}

/** A flow that is its dialog, and comes to an end: by the server, by the engine, by an abort. */
export abstract class DialogFlow implements FlowHandler {
  protected readonly dialog: SshDialog;
  protected readonly stopListening: () => void;

  constructor(access: Access, port: FlowPort) {
    this.dialog = new SshDialog(access, port);
    const {signal} = access; // and nothing else of it: it holds secrets
    this.stopListening = onAbort(signal, () => {
      // Before the end that follows; not at once, as the signal may be aborted already.
      queueMicrotask(() => this.aborted(abortReason(signal)));
      port.post({type: 'closeFlow'});
    });
  }

  handle(message: FlowMessage): void {
    if (message.type === 'sshDone') this.#end();
    else this.dialog.handle(message);
  }

  fail(message: string): void {
    this.dialog.fail(message);
    this.#end();
  }

  /** dialog.error says why, if not on purpose. */
  protected abstract ended(): void;
  protected abstract aborted(reason: unknown): void;

  #end(): void {
    this.stopListening();
    this.ended();
  }
}

/** What the page says in the end; its own failures are a no. */
async function settled<T>(asked: T | Promise<T> | undefined, otherwise: T): Promise<T> {
  try {
    return (await asked) ?? otherwise;
  } catch {
    return otherwise;
  }
}

/** undefined: what the page gave cannot be an answer, which it is told as an uncaught error. */
function encodeAnswers(given: unknown, count: number): Uint8Array<ArrayBuffer> | undefined {
  try {
    if (!Array.isArray(given) || given.length !== count)
      throw new TypeError(`onPrompt must give an array of ${count} strings, or null`);
    return encodeTexts(given.map((answer) => checkText(answer, 'an answer')));
  } catch (error) {
    reportUncaught(error);
    return undefined;
  }
}
