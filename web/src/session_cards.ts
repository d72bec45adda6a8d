/* What a machine asks of a person, and why there is no shell, as cards. */
import type {IPNHostKey, IPNPrompt, IPNSSHError, IPNSSHTest} from 'meshterm';
import type {CardAction, CardContent} from './card.js';
import {safeURL} from './dom.js';
import type {Machine} from './machines.js';
import type {End} from './recovery.js';
import {firstURL, plainText} from './words.js';

export interface Exit {
  code: number;
  signal: string;
}

function quiet(label: string, run: () => void): CardAction {
  return {label, quiet: true, run};
}

/** Back to the card before this one. Only "Close" closes a tab. */
function cancelAction(run: () => void): CardAction {
  return {label: 'Cancel', quiet: true, isCancel: true, run};
}

export function progressCard(message: string, cancel: () => void): CardContent {
  return {tone: 'busy', title: plainText(message), actions: [cancelAction(cancel)]};
}

/** A banner with an address to visit before anybody is let in; undefined if there is none in it. */
export function visitCard(machine: Machine, text: string): CardContent | undefined {
  const url = safeURL(firstURL(text) ?? '');
  if (!url) return undefined;
  const visit: CardAction = {label: `Open ${new URL(url).host}`, href: url};
  const title = `${machine.name} asks you to visit a page first.`;
  return {tone: 'warn', title, detail: url, actions: [visit]};
}

export function accountCard(
  machine: Machine,
  user: string,
  submit: (user: string) => void,
  back: {close: () => void} | {cancel: () => void},
): CardContent {
  const form = {
    fields: [{label: 'Account', value: user}],
    submitLabel: 'Open',
    submit: ([name]: string[]) => submit(name ?? ''),
  };
  const title = `Which account on ${machine.name}?`;
  const action = 'close' in back ? quiet('Close', back.close) : cancelAction(back.cancel);
  return {tone: 'ok', title, form, actions: [action]};
}

const PROMPT_TITLES: Record<IPNPrompt['kind'], (who: string) => string> = {
  password: (who) => `The password of ${who}`,
  'new-password': (who) => `${who} needs a new password.`,
  passphrase: () => 'The private key is encrypted.',
  'keyboard-interactive': (who) => `${who} asks:`,
};

export function promptCard(
  who: string,
  prompt: IPNPrompt,
  answer: (answers: string[]) => void,
  cancel: () => void,
): CardContent {
  const fields = prompt.prompts.map(({text, echo}) => ({
    label: plainText(text).trim() || 'Answer',
    secret: !echo,
  }));
  return {
    tone: 'ok',
    title: PROMPT_TITLES[prompt.kind](who), // ours: a server must not speak in our name
    detail: plainText([prompt.name, prompt.instruction].filter(Boolean).join('\n')),
    form: {fields, submitLabel: 'Log in', submit: answer},
    actions: [cancelAction(cancel)],
  };
}

/** How the machine itself says which key it has; its file may lie elsewhere on another port. */
function hostKeyCommand({type, port}: IPNHostKey): string {
  const name = type.startsWith('ecdsa-') ? 'ecdsa' : type.replace(/^ssh-/, '');
  if (port === 22) return `ssh-keygen -lvf /etc/ssh/ssh_host_${name}_key.pub`;
  return `ssh-keyscan -p ${port} -t ${name} localhost | ssh-keygen -lvf -`;
}

export function hostKeyCard(
  machine: Machine,
  key: IPNHostKey,
  accept: () => void,
  cancel: () => void,
): CardContent {
  const {name} = machine;
  const known =
    key.otherKeys && `It is known by ${key.otherKeys}, which it does not show now. Ask why.\n`;
  return {
    tone: key.otherKeys ? 'bad' : 'warn',
    title: key.otherKeys
      ? `${name} shows a key of a type that this page has not seen of it.`
      : `This page has not seen ${name}'s SSH server before.`,
    detail: `${known}Its key is ${key.type} ${key.fingerprint}.\nThe machine itself says it with:`,
    command: hostKeyCommand(key),
    art: key.randomart(),
    actions: [
      cancelAction(cancel), // first: a key pressed too soon trusts nobody
      {label: 'Trust it and connect', run: accept},
    ],
  };
}

/** The second question before a key that is known is replaced. */
export function replaceKeyCard(
  machine: Machine,
  key: NonNullable<IPNSSHError['hostKey']>,
  replace: () => void,
  cancel: () => void,
): CardContent {
  return {
    tone: 'bad',
    title: `Replace the key of ${machine.name}?`,
    detail:
      `Only if you know why it changed, a new installation for instance. If not, someone may ` +
      `sit between you and the machine.\nKnown: ${key.knownFingerprint}\nNow: ${key.fingerprint}`,
    actions: [
      {label: 'Keep the known key', isCancel: true, run: cancel},
      quiet('Replace and connect', replace),
    ],
  };
}

export interface KeyChoices {
  use(text: string): void;
  choose(): void;
  generate(): void;
  cancel(): void;
}

const KEY_HELP =
  'Paste it (OpenSSH, PEM or PKCS#8), or choose its file. It stays in this page, and is gone with it.';

/** refused: a text that is no key, and why. */
export function keyCard(
  who: string,
  choices: KeyChoices,
  refused?: {text: string; why: string},
): CardContent {
  return {
    tone: refused ? 'bad' : 'ok',
    title: refused ? 'This key cannot be used.' : `A private key for ${who}`,
    detail: refused ? refused.why : KEY_HELP,
    form: {
      fields: [{label: 'Private key', long: true, value: refused?.text ?? ''}],
      submitLabel: 'Use it',
      submit: ([text]) => choices.use(text ?? ''),
    },
    actions: [
      quiet('Choose a file…', choices.choose),
      quiet('Make a new key', choices.generate),
      cancelAction(choices.cancel),
    ],
  };
}

/** The public half of a key that was just made, and where it belongs. */
export function newKeyCard(
  who: string,
  line: string,
  go: () => void,
  back: () => void,
): CardContent {
  return {
    tone: 'ok',
    title: 'A new key is ready.',
    detail: `Add this line to ~/.ssh/authorized_keys of ${who}, then connect:`,
    command: line,
    actions: [
      {label: 'Copy', run: () => void navigator.clipboard?.writeText(line)},
      {label: 'Connect', run: go},
      {label: 'Back', quiet: true, isCancel: true, run: back}, // the key stays
    ],
  };
}

const STEP_NAMES: Record<IPNSSHTest['steps'][number]['step'], string> = {
  name: 'name',
  route: 'route',
  tcp: 'TCP',
  version: 'SSH version',
  kex: 'key exchange',
  hostKey: 'host key',
  auth: 'log-in',
};

export function testCard(
  machine: Machine,
  {ok, steps}: IPNSSHTest,
  actions: CardAction[],
): CardContent {
  const drawn = steps.map(({step, ok: passed, ms, detail, error}) => {
    const words = plainText(passed ? detail : (error ?? detail));
    return {ok: passed, name: STEP_NAMES[step], ms, words};
  });
  const title = ok ? `${machine.name} lets you in.` : `No log-in on ${machine.name} yet.`;
  return {tone: ok ? 'ok' : 'bad', title, steps: drawn, actions};
}

/** Why there is no shell (any more). */
export function endWords(
  {name, online, tailscaleSSH}: Machine,
  {wasOpen, cancelled, error, failure, exit, port}: End,
): Pick<CardContent, 'title' | 'detail' | 'command'> {
  if (cancelled) return {title: `No shell on ${name}.`, detail: cancelled};
  if (error) {
    const title = wasOpen ? `The shell on ${name} was lost.` : `No shell on ${name}.`;
    const detail = plainText(error);
    const hasServer = tailscaleSSH || port !== 22 || failure?.code === 'ssh-refused';
    if (wasOpen || !online || hasServer) return {title, detail};
    const advice = `${detail}\nIf it has no SSH server of its own, this turns on Tailscale SSH:`;
    return {title, detail: advice, command: 'sudo tailscale set --ssh'};
  }
  if (exit && exit.code < 0) return {title: `The shell on ${name} was killed.`};
  if (exit?.signal) return {title: `The shell on ${name} was ended by ${exit.signal}.`};
  if (exit) return {title: `The shell on ${name} ended with exit code ${exit.code}.`};
  return {title: `The shell on ${name} ended.`};
}

const MAX_OFFER_SHOWN = 10_000;

export function copyCard(text: string, copy: () => void, no: () => void): CardContent {
  const title = `A program offers ${text.length} characters to copy:`;
  const more = text.length - MAX_OFFER_SHOWN;
  const tail = more > 0 ? `…\n(and ${more} more)` : '';
  const actions = [
    {label: 'Copy', run: copy},
    {...quiet('No', no), isCancel: true},
  ];
  return {tone: 'ok', title, detail: text.slice(0, MAX_OFFER_SHOWN) + tail, actions};
}

export function followCard(url: string, open: () => void, no: () => void): CardContent {
  const actions = [
    {label: 'Open', run: open},
    {...quiet('No', no), isCancel: true},
  ];
  return {tone: 'ok', title: 'Open this address?', detail: url, actions};
}
