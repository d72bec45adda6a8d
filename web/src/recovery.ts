/* When there is no shell: why, and what a person can do about it. */
import type {IPNSSHError, IPNSSHOptions} from 'meshterm';
import type {CardAction, CardContent} from './card.js';
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
  connect(extra?: Partial<IPNSSHOptions>): Promise<void>;
  /** As another account. */
  reopen(user: string): void;
  /** A function that is true until the session does something else. */
  turn(): () => boolean;
  access(isCurrent: () => boolean): IPNSSHOptions;
  close(): void;
}

export interface End {
  wasOpen: boolean;
  error: string;
  failure: IPNSSHError | undefined;
  exit: cards.Exit | undefined;
  port: number;
}

export class Recovery {
  readonly #session: Ended;
  #end: End | undefined;

  constructor(session: Ended) {
    this.#session = session;
  }

  show(end: End): void {
    this.#end = end;
    const tone = end.wasOpen && !end.error ? 'warn' : 'bad';
    const actions = this.#actions(end);
    this.#session.show({tone, ...cards.endWords(this.#session.machine, end), actions});
  }

  askUser(): void {
    const session = this.#session;
    const submit = (user: string): void => session.reopen(user);
    session.show(cards.accountCard(session.machine, session.user, submit, () => session.close()));
  }

  #again(): void {
    if (this.#end) this.show(this.#end);
  }

  #actions({wasOpen, failure}: End): CardAction[] {
    const session = this.#session;
    const quiet = (label: string, run: () => void): CardAction => ({label, quiet: true, run});
    const again = {label: wasOpen ? 'New shell' : 'Try again', run: () => void session.connect()};
    const close = quiet('Close', () => session.close());
    if (wasOpen) return [again, close];
    const actions: CardAction[] = [again];
    const {code, hostKey} = failure ?? {};
    if (code === 'host-key-changed' && hostKey)
      actions.push(quiet('Replace the key…', () => this.#askReplace(hostKey)));
    if (code === 'ssh-refused') actions.push(quiet('Use a key…', () => this.#askKey()));
    actions.push(quiet('Other account…', () => this.askUser()));
    if (session.tailnet.ipn) actions.push(quiet('Test the connection', () => void this.#test()));
    return [...actions, close];
  }

  #askReplace(key: NonNullable<IPNSSHError['hostKey']>): void {
    const replace = (): void => void this.#session.connect({replaceHostKey: key.fingerprint});
    const {machine} = this.#session;
    this.#session.show(cards.replaceKeyCard(machine, key, replace, () => this.#again()));
  }

  #askKey(): void {
    const use = (text: string): void => {
      this.#session.login.addKey(text);
      void this.#session.connect();
    };
    const choices = {
      use,
      choose: () => {
        const isCurrent = this.#session.turn();
        const take = (text: string): void => {
          if (isCurrent()) use(text);
        };
        chooseTextFile().then(take, () => this.#again());
      },
      generate: () => void this.#makeKey(),
      cancel: () => this.#again(),
    };
    this.#session.show(cards.keyCard(this.#session.title, choices));
  }

  async #makeKey(): Promise<void> {
    const session = this.#session;
    const isCurrent = session.turn();
    const key = await session.tailnet.ipn?.generateSSHKey({comment: 'meshterm hub'});
    if (!key || !isCurrent()) return;
    session.login.addKey(key.privateKey);
    const go = (): void => void session.connect();
    session.show(cards.newKeyCard(session.title, key.publicKey, go, () => this.#again()));
  }

  /** The way to the machine step by step, each with the time it took. */
  async #test(): Promise<void> {
    const session = this.#session;
    const {ipn} = session.tailnet;
    if (!ipn || !this.#end) return;
    const isCurrent = session.turn();
    const title = `Testing the way to ${session.machine.name}…`;
    session.show(cards.progressCard(title, () => session.close()));
    const result = await ipn.testSSH(session.machine.id, session.user, session.access(isCurrent));
    if (isCurrent())
      session.show(cards.testCard(session.machine, result, this.#actions(this.#end)));
  }
}
