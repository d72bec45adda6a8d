/* When there is no shell: why, and what a person can do about it. */
import type {IPNSSHError, IPNSSHOptions, IPNSSHTest} from 'meshterm';
import type {CardAction, CardContent} from './card.js';
import type {Turn} from './dialog.js';
import {chooseTextFile, type Login} from './login.js';
import type {Machine} from './machines.js';
import * as cards from './session_cards.js';
import type {Tailnet} from './tailnet.js';

/** The session that ended, or never began. */
export interface Ended {
  readonly machine: Machine;
  readonly title: string;
  readonly user: string;
  readonly tailnet: Tailnet;
  readonly login: Login;
  show(card: CardContent): void;
  showProgress(message: string, turn: Turn): void;
  connect(extra?: Partial<IPNSSHOptions>): Promise<void>;
  /** As another account. */
  reopen(user: string): void;
  /** A function that is true until the session does something else. */
  turn(): () => boolean;
  access(turn: Turn): IPNSSHOptions;
  close(): void;
}

export interface End {
  wasOpen: boolean;
  /** How the person stopped it, or ''. */
  cancelled: string;
  error: string;
  failure: IPNSSHError | undefined;
  exit: cards.Exit | undefined;
  port: number;
}

function quiet(label: string, run: () => void): CardAction {
  return {label, quiet: true, run};
}

export class Recovery {
  readonly #session: Ended;
  #end: End | undefined;
  #testing: AbortController | undefined;

  constructor(session: Ended) {
    this.#session = session;
  }

  show(end: End): void {
    this.#end = end;
    const tone = end.cancelled || (end.wasOpen && !end.error) ? 'warn' : 'bad';
    const actions = this.#actions(end);
    this.#session.show({tone, ...cards.endWords(this.#session.machine, end), actions});
  }

  askUser(): void {
    const session = this.#session;
    const submit = (user: string): void => session.reopen(user);
    const back = this.#end ? {cancel: () => this.#again()} : {close: () => session.close()};
    session.show(cards.accountCard(session.machine, session.user, submit, back));
  }

  /** Ends a test that is running. */
  stop(): void {
    this.#testing?.abort();
    this.#testing = undefined;
  }

  #again(): void {
    this.stop();
    this.#session.turn();
    if (this.#end) this.show(this.#end);
  }

  #actions(end: End, first = end.wasOpen ? 'New shell' : 'Try again'): CardAction[] {
    const session = this.#session;
    const actions: CardAction[] = [{label: first, run: () => void session.connect()}];
    const close = quiet('Close', () => session.close());
    if (end.wasOpen) return [...actions, close];
    const {code, hostKey} = end.failure ?? {};
    if (code === 'host-key-changed' && hostKey)
      actions.push(quiet('Replace the key…', () => this.#askReplace(hostKey)));
    if (code === 'ssh-refused' || end.cancelled)
      actions.push(quiet('Use a key…', () => this.#askKey()));
    actions.push(quiet('Other account…', () => this.askUser()));
    if (session.tailnet.ipn) actions.push(quiet('Test the connection', () => void this.#test()));
    return [...actions, close];
  }

  #askReplace(key: NonNullable<IPNSSHError['hostKey']>): void {
    const replace = (): void => void this.#session.connect({replaceHostKey: key.fingerprint});
    const {machine} = this.#session;
    this.#session.show(cards.replaceKeyCard(machine, key, replace, () => this.#again()));
  }

  #askKey(refused?: {text: string; why: string}): void {
    const choices = {
      use: (text: string) => void this.#use(text),
      choose: () => {
        const isCurrent = this.#session.turn();
        const take = (text: string): void => {
          if (isCurrent()) void this.#use(text);
        };
        chooseTextFile().then(take, () => this.#again());
      },
      generate: () => void this.#makeKey(),
      cancel: () => this.#again(),
    };
    this.#session.show(cards.keyCard(this.#session.title, choices, refused));
  }

  /** A key that cannot be one is said at once, and not kept. */
  async #use(text: string): Promise<void> {
    const session = this.#session;
    const isCurrent = session.turn();
    session.showProgress('Reading the key…', {isCurrent, cancel: () => this.#again()});
    try {
      await session.tailnet.ipn?.checkSSHKey(text);
    } catch (error) {
      if (isCurrent()) this.#askKey({text, why: (error as Error).message});
      return;
    }
    if (!isCurrent()) return;
    session.login.addKey(text);
    void session.connect();
  }

  async #makeKey(): Promise<void> {
    const session = this.#session;
    const isCurrent = session.turn();
    const making = session.tailnet.ipn?.generateSSHKey({comment: 'meshterm hub'});
    const key = await making?.catch(() => undefined);
    if (!isCurrent()) return;
    if (!key) return this.#again();
    session.login.addKey(key.privateKey);
    const go = (): void => void session.connect();
    session.show(cards.newKeyCard(session.title, key.publicKey, go, () => this.#again()));
  }

  /** The way to the machine step by step, each with the time it took. */
  async #test(): Promise<void> {
    const session = this.#session;
    const {ipn} = session.tailnet;
    if (!ipn || !this.#end) return;
    this.stop();
    const {signal} = (this.#testing = new AbortController());
    const turn = {isCurrent: session.turn(), cancel: () => this.#again()};
    session.showProgress(`Testing the way to ${session.machine.name}…`, turn);
    try {
      const access = {...session.access(turn), signal};
      const result = await ipn.testSSH(session.machine.id, session.user, access);
      if (turn.isCurrent()) this.#showResult(this.#end, result);
    } catch {
      if (turn.isCurrent()) this.#again();
    }
  }

  /** From now on it is this failure that is to be overcome, or none. */
  #showResult(end: End, result: IPNSSHTest): void {
    this.#session.turn();
    this.#end = {...end, cancelled: '', error: result.error?.message ?? '', failure: result.error};
    const actions = this.#actions(this.#end, result.ok ? 'Connect' : 'Try again');
    this.#session.show(cards.testCard(this.#session.machine, result, actions));
  }
}
