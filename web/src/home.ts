/*
 * What stands where no terminal is: how the joining goes, why it failed, what to do next; and, over
 * open terminals, a notice of what is wrong with the tailnet.
 */
import {Card, type CardAction} from './card.js';
import {byId, setText} from './dom.js';
import type {Phase, Tailnet} from './tailnet.js';
import {adviceFor} from './words.js';

const PROGRESS: Partial<Record<Phase, string>> = {
  asking: 'Asking the hub for a key…',
  loading: 'Loading the client…',
  joining: 'Registering with Headscale and waiting for its map…',
};

/** Two words beside the tailnet's name. */
export function stateInWords(tailnet: Tailnet): string {
  switch (tailnet.phase) {
    case 'asking':
    case 'loading':
      return 'loading…';
    case 'joining':
      return tailnet.problem ? 'trying again…' : 'joining…';
    case 'login':
      return 'log in';
    case 'approval':
      return 'waiting for approval';
    case 'failed':
      return 'not joined';
    case 'joined': {
      if (tailnet.problem) return 'reconnecting…';
      const {latencyMs} = tailnet;
      return latencyMs === undefined ? 'joined' : `joined · ${latencyMs} ms`;
    }
  }
}

export function toneOf(tailnet: Tailnet): string {
  if (tailnet.phase === 'failed') return 'bad';
  if (tailnet.phase !== 'joined') return 'busy';
  return tailnet.problem ? 'warn' : 'ok';
}

export class Home {
  readonly #home = byId('home');
  readonly #hint = byId('hint');
  readonly #card = new Card();
  readonly #notice = new Card();
  readonly #tailnet: Tailnet;

  constructor(tailnet: Tailnet) {
    this.#tailnet = tailnet;
    this.#home.append(this.#card.element);
    byId('notice').append(this.#notice.element);
  }

  update(hasSessions: boolean): void {
    this.#home.hidden = hasSessions;
    this.#drawCard(hasSessions ? this.#notice : this.#card, hasSessions);
    (hasSessions ? this.#card : this.#notice).hide();
    // On a phone, where there is the list or the rest, this is what must be seen.
    document.body.toggleAttribute('data-speaks', !this.#card.element.hidden);
    const isReady = this.#tailnet.phase === 'joined' && this.#tailnet.machines.length > 0;
    this.#hint.hidden = !isReady || this.#tailnet.problem !== undefined;
  }

  #drawCard(card: Card, isNotice: boolean): void {
    const {phase, problem, loginURL} = this.#tailnet;
    if (problem) return this.#drawProblem(card, problem);
    if (phase === 'joined') return isNotice ? card.hide() : this.#drawOnboarding(card);
    if (phase === 'login') return this.#drawLogin(card, loginURL);
    if (phase === 'approval')
      return card.show({
        tone: 'warn',
        title: 'This page waits to be approved.',
        detail: 'Whoever runs the tailnet lets it in; it goes on by itself then.',
      });
    const title = PROGRESS[phase];
    return title ? card.show({tone: 'busy', title}) : card.hide();
  }

  #drawProblem(card: Card, problem: NonNullable<Tailnet['problem']>): void {
    const advice = adviceFor(problem.code);
    const label = problem.code.startsWith('node-') ? 'Join again' : 'Try again';
    const again: CardAction = {label, run: () => void this.#tailnet.join()};
    const retrying = problem.retrying ? 'It is being tried again.' : '';
    card.show({
      tone: problem.retrying ? 'warn' : 'bad',
      title: problem.message,
      detail: [retrying, advice].filter(Boolean).join(' '),
      actions: problem.retrying && this.#tailnet.phase === 'joined' ? [] : [again],
    });
  }

  #drawLogin(card: Card, url: string | undefined): void {
    card.show({
      tone: 'warn',
      title: 'Log in to join the tailnet.',
      detail: url ?? '',
      actions: [{label: 'Open the login page', href: url}],
    });
  }

  #drawOnboarding(card: Card): void {
    const {machines, loginServer} = this.#tailnet;
    if (machines.length) return card.hide();
    card.show({
      tone: 'ok',
      title: 'No machine is here yet.',
      detail: 'On a machine that runs Tailscale, type this. It appears in the list at once.',
      command: `sudo tailscale up --login-server ${loginServer || 'https://…'} --ssh`,
    });
  }

  /** Who one is to the machines, under the hint. */
  describe(text: string): void {
    setText(byId('hint-user'), text);
  }
}
