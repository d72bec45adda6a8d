/*
 * The page's one node: from a key for this visit to a netmap that follows every change.
 *
 *   asking > loading > joining > joined          any > failed (retry() begins again)
 */
import init, {
  createIPN,
  sealedState,
  type IPN,
  type IPNLink,
  type IPNProblem,
  type IPNRelayLink,
  type IPNState,
  type IPNStatus,
} from 'meshterm';
import type {Disposable} from './dom.js';
import {askToJoin, JoinError, type JoinAnswer} from './join.js';
import {machinesOf, type HubNetMap, type Machine} from './machines.js';
import {inWords} from './words.js';

export type Phase = 'asking' | 'loading' | 'joining' | 'login' | 'approval' | 'joined' | 'failed';

const NOTICE_MS = 20_000; // a problem that is not repeated for so long is over
const WORKERS = ['dedicated', 'none'] as const; // ?worker=
/** Of problems that keep nobody from working. */
const NOTES = ['other-version', 'state-in-use', 'state-storage'];
/** Of problems that a new key from the hub ends: the node stays, and its shells with it. */
const NEW_KEY_HELPS = [
  'node-deleted',
  'node-key-expired',
  'auth-key-used',
  'auth-key-expired',
  'auth-key-invalid',
];
const HOSTNAME = 'meshterm-hub';

function workerKind(): 'dedicated' | 'none' | 'shared' {
  const wanted = new URLSearchParams(location.search).get('worker');
  return WORKERS.find((known) => known === wanted) ?? 'shared';
}

export class Tailnet {
  phase: Phase = 'asking';
  /** Why it failed, or what is being tried again. */
  problem: IPNProblem | undefined;
  machines: Machine[] = [];
  /** Where to log in, while that is asked for. */
  loginURL: string | undefined;
  name = 'tailnet';
  /** The account that the hub suggests on the machines; '' if none. */
  user = '';
  /** Where machines join; '' until known. */
  loginServer = '';
  /** What a person should know, and nothing hangs on; or ''. */
  note = '';
  #ipn: IPN | undefined;
  #home: IPNRelayLink | undefined;
  #regions: IPNRelayLink[] = [];
  #control: IPNLink | undefined;
  #attempt = 0;
  #lacksKey = false;
  #expiresAt: number | undefined; // the node's key, if that is soon
  #isRenewing = false;
  #noticeTimer: ReturnType<typeof setTimeout> | undefined;
  readonly #listeners = new Set<() => void>();
  /** Known hosts; and the node's keys, should this page end without a goodbye. */
  readonly #state = sealedState({
    name: 'hub',
    onFallback: ({message}) => {
      this.note = message;
      this.#changed();
    },
  });

  /** Called after every change. */
  onChange(listener: () => void): Disposable {
    this.#listeners.add(listener);
    return {dispose: () => this.#listeners.delete(listener)};
  }

  /** The node to open sessions on; undefined until it is joined. */
  get ipn(): IPN | undefined {
    return this.phase === 'joined' ? this.#ipn : undefined;
  }

  /** Round trip to the home relay in ms. */
  get latencyMs(): number | undefined {
    return this.#home?.rttMs;
  }

  get isRelayConnected(): boolean {
    return this.#home?.connected ?? false;
  }

  /** What is being connected again; shells wait for the relay only. */
  get lost(): {what: string; link: IPNLink} | undefined {
    if (this.phase !== 'joined') return undefined;
    if (this.#home?.state === 'reconnecting') return {what: 'the relay', link: this.#home};
    if (this.#control?.state === 'reconnecting')
      return {what: 'the control server', link: this.#control};
    return undefined;
  }

  /** That the node's key expires soon, or ''; while it is renewed, too. */
  get expiring(): string {
    if (!this.#expiresAt || this.#isRenewing || this.phase !== 'joined') return '';
    return `This node's key expires ${inWords(this.#expiresAt - Date.now())}`;
  }

  reconnect(): void {
    this.#ipn?.reconnect();
  }

  /** A region's short code, from its id, code or name. */
  regionCode(region: string): string {
    const found = this.#regions.find((r) => [String(r.id), r.code, r.name].includes(region));
    return found?.code ?? region;
  }

  machine(id: string): Machine | undefined {
    return this.machines.find((machine) => machine.id === id);
  }

  /** Joins, or joins again: the same node if a key is all it lacks. */
  join(): Promise<void> {
    const ipn = this.#ipn;
    if (!ipn || !this.#lacksKey) return this.#joinAnew();
    this.problem = undefined;
    this.#setPhase('asking');
    return this.#logIn(ipn);
  }

  /** A new key before the old one expires. Where the hub has none, the node goes on with the old. */
  async renew(): Promise<void> {
    const [ipn, attempt] = [this.#ipn, this.#attempt];
    this.#isRenewing = true;
    this.#changed();
    try {
      const {authKey} = await askToJoin();
      if (attempt === this.#attempt) ipn?.login(authKey);
    } catch (error) {
      if (attempt !== this.#attempt) return;
      this.#isRenewing = false;
      const why = error instanceof Error ? error.message : String(error);
      this.note = `The key was not renewed: ${why}`;
      this.#changed();
    }
  }

  async #logIn(ipn: IPN): Promise<void> {
    const attempt = this.#attempt;
    try {
      const {authKey} = await askToJoin();
      if (attempt !== this.#attempt) return;
      ipn.login(authKey);
      if (this.phase === 'asking') this.#setPhase('joining');
    } catch (error) {
      if (attempt === this.#attempt) this.#failBy(error);
    }
  }

  async #joinAnew(): Promise<void> {
    this.#lacksKey = false;
    const attempt = ++this.#attempt;
    const old = this.#ipn;
    this.#ipn = undefined;
    void old?.close();
    this.problem = this.loginURL = undefined;
    try {
      this.#setPhase('asking');
      if (workerKind() !== 'shared') void init().catch(() => {}); // createIPN says why
      const answer = await askToJoin();
      if (attempt !== this.#attempt) return;
      this.name = answer.tailnet;
      this.user = answer.user;
      this.loginServer = answer.loginServer;
      this.#setPhase('loading');
      const ipn = await this.#createIPN(answer);
      if (attempt !== this.#attempt) return void ipn.close();
      this.#ipn = ipn;
      this.#setPhase('joining');
      this.#run(ipn, attempt);
    } catch (error) {
      if (attempt === this.#attempt) this.#failBy(error);
    }
  }

  #createIPN({controlURL, controlKey, authKey, derpURLs}: JoinAnswer): Promise<IPN> {
    return createIPN({
      controlURL,
      controlKey,
      authKey,
      derpURLs,
      hostname: HOSTNAME,
      stateStorage: this.#state,
      logoutOnClose: true,
      worker: workerKind(),
    });
  }

  #run(ipn: IPN, attempt: number): void {
    const whenCurrent =
      <T>(handle: (value: T) => void) =>
      (value: T): void => {
        if (attempt === this.#attempt) handle(value);
      };
    ipn.run({
      notifyState: whenCurrent((state) => this.#handleState(state)),
      notifyNetMap: whenCurrent((json: string) => {
        this.machines = machinesOf(JSON.parse(json) as HubNetMap);
        if (this.phase === 'joined') this.#clearNotice();
        this.#changed();
      }),
      notifyBrowseToURL: whenCurrent((url: string) => {
        this.loginURL = url;
        this.#setPhase('login');
      }),
      notifyPanicRecover: whenCurrent((message: string) => this.#fail({code: 'panic', message})),
      notifyError: whenCurrent((problem: IPNProblem) => this.#handleProblem(problem)),
      notifyStatus: whenCurrent((json: string) => {
        const status = JSON.parse(json) as IPNStatus;
        this.#control = status.control;
        this.#expiresAt = status.keyExpiresAt;
        if (!this.#expiresAt) this.#isRenewing = false;
        this.#regions = status.regions;
        this.#home = status.regions.find((region) => region.id === status.homeRegion);
        this.#changed();
      }),
    });
  }

  #handleState(state: IPNState): void {
    switch (state) {
      case 'NoState':
      case 'Starting':
        return this.phase === 'joined' ? undefined : this.#setPhase('joining');
      case 'Running':
        this.#clearNotice();
        this.#lacksKey = false;
        return this.#setPhase('joined');
      case 'NeedsLogin':
        // A problem that ends the attempt says more; otherwise ask where to log in.
        return this.phase === 'failed' || this.problem ? undefined : this.#ipn?.login();
      case 'NeedsMachineAuth':
        return this.#setPhase('approval');
      case 'Stopped':
      case 'InUseOtherUser':
        return this.#fail({code: 'stopped', message: 'This page has left the tailnet.'});
    }
  }

  #handleProblem(problem: IPNProblem): void {
    if (NOTES.includes(problem.code)) {
      this.note = problem.message;
      return this.#changed();
    }
    this.#isRenewing = false; // or it failed
    if (problem.code === 'node-key-expiring') return this.#changed();
    if (problem.retrying && this.phase === 'failed') return; // that a person must act says more
    if (!problem.retrying) {
      this.#lacksKey = NEW_KEY_HELPS.includes(problem.code);
      return this.#fail(problem);
    }
    this.problem = problem;
    clearTimeout(this.#noticeTimer);
    this.#noticeTimer = setTimeout(() => {
      if (this.phase === 'joined') this.#clearNotice();
      this.#changed();
    }, NOTICE_MS);
    this.#changed();
  }

  #clearNotice(): void {
    clearTimeout(this.#noticeTimer);
    this.problem = undefined;
  }

  #failBy(error: unknown): void {
    const code = error instanceof JoinError ? error.code : 'not-started';
    this.#fail({code, message: error instanceof Error ? error.message : String(error)});
  }

  #fail({code, message}: {code: string; message: string}): void {
    clearTimeout(this.#noticeTimer);
    this.problem = {code, message, retrying: false};
    this.#setPhase('failed');
  }

  #setPhase(phase: Phase): void {
    this.phase = phase;
    this.#changed();
  }

  #changed(): void {
    for (const listener of this.#listeners) listener();
  }
}
