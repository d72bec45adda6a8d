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

export function progressCard(message: string, cancel: () => void): CardContent {
  return {tone: 'busy', title: plainText(message), actions: [quiet('Cancel', cancel)]};
}

/** A banner with an address to visit before anybody is let in; undefined if there is none in it. */
export function visitCard(
  machine: Machine,
  text: string,
  cancel: () => void,
): CardContent | undefined {
  const url = safeURL(firstURL(text) ?? '');
  if (!url) return undefined;
  const visit: CardAction = {label: `Open ${new URL(url).host}`, href: url};
  const title = `${machine.name} asks you to visit a page first.`;
  return {tone: 'warn', title, detail: url, actions: [visit, quiet('Cancel', cancel)]};
}

export function accountCard(
  machine: Machine,
  user: string,
  submit: (user: string) => void,
  cancel: () => void,
): CardContent {
  const form = {
    fields: [{label: 'Account', value: user}],
    submitLabel: 'Open',
    submit: ([name]: string[]) => submit(name ?? ''),
  };
  const title = `Which account on ${machine.name}?`;
  return {tone: 'ok', title, form, actions: [quiet('Cancel', cancel)]};
}

const PROMPT_TITLES: Record<IPNPrompt['kind'], (who: string) => string> = {
  password: (who) => `The password of ${who}`,
  'new-password': (who) => `${who} needs a new password.`,
  passphrase: () => 'The private key is encrypted.',
  'keyboard-interactive': (who) => `${who} asks:`,
};

/** answer(null): not answered. */
export function promptCard(
  who: string,
  prompt: IPNPrompt,
  answer: (answers: string[] | null) => void,
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
    actions: [quiet('Cancel', () => answer(null))],
  };
}

export function hostKeyCard(
  machine: Machine,
  key: IPNHostKey,
  answer: (accept: boolean) => void,
): CardContent {
  const file = `ssh_host_${key.type.replace(/^ssh-|ecdsa-sha2-/, '').replace(/^nistp.*/, 'ecdsa')}_key`;
  return {
    tone: 'warn',
    title: `This page has not seen ${machine.name}'s SSH server before.`,
    detail: `Its key is ${key.type} ${key.fingerprint}.\nThe machine itself says it with:`,
    command: `ssh-keygen -lvf /etc/ssh/${file}.pub`,
    art: key.randomart(),
    actions: [
      quiet('Cancel', () => answer(false)), // first: a key pressed too soon trusts nobody
      {label: 'Trust it and connect', run: () => answer(true)},
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
    actions: [{label: 'Keep the known key', run: cancel}, quiet('Replace and connect', replace)],
  };
}

export interface KeyChoices {
  use(text: string): void;
  choose(): void;
  generate(): void;
  cancel(): void;
}

export function keyCard(who: string, choices: KeyChoices): CardContent {
  return {
    tone: 'ok',
    title: `A private key for ${who}`,
    detail:
      'Paste it (OpenSSH, PEM or PKCS#8), or choose its file. It stays in this page, and is gone with it.',
    form: {
      fields: [{label: 'Private key', long: true}],
      submitLabel: 'Use it',
      submit: ([text]) => choices.use(text ?? ''),
    },
    actions: [
      quiet('Choose a file…', choices.choose),
      quiet('Make a new key', choices.generate),
      quiet('Cancel', choices.cancel),
    ],
  };
}

/** The public half of a key that was just made, and where it belongs. */
export function newKeyCard(
  who: string,
  line: string,
  go: () => void,
  close: () => void,
): CardContent {
  return {
    tone: 'ok',
    title: 'A new key is ready.',
    detail: `Add this line to ~/.ssh/authorized_keys of ${who}, then connect:`,
    command: line,
    actions: [
      {label: 'Copy', run: () => void navigator.clipboard?.writeText(line)},
      {label: 'Connect', run: go},
      quiet('Close', close),
    ],
  };
}

const STEP_NAMES: Record<IPNSSHTest['steps'][number]['step'], string> = {
  name: 'name',
  route: 'route',
  tcp: 'TCP',
  version: 'SSH',
  kex: 'keys',
  hostKey: 'host key',
  auth: 'log-in',
};

export function testCard(
  machine: Machine,
  {ok, steps}: IPNSSHTest,
  actions: CardAction[],
): CardContent {
  const lines = steps.map(({step, ok: passed, ms, detail, error}) => {
    const time = `${Math.max(0, Math.round(ms))} ms`.padStart(8);
    const words = plainText(passed ? detail : (error ?? detail));
    return `${passed ? '✓' : '✗'} ${STEP_NAMES[step].padEnd(9)}${time}  ${words}`;
  });
  const title = ok ? `${machine.name} lets you in.` : `No log-in on ${machine.name} yet.`;
  return {tone: ok ? 'ok' : 'bad', title, art: lines.join('\n'), actions};
}

/** Why there is no shell (any more). */
export function endWords(
  {name, online, tailscaleSSH}: Machine,
  {wasOpen, error, failure, exit, port}: End,
): Pick<CardContent, 'title' | 'detail' | 'command'> {
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

export function copyCard(text: string, copy: () => void, no: () => void): CardContent {
  const title = `A program offers ${text.length} characters to copy.`;
  const actions = [{label: 'Copy', run: copy}, quiet('No', no)];
  return {tone: 'ok', title, detail: text.slice(0, 200), actions};
}

export function followCard(url: string, open: () => void, no: () => void): CardContent {
  const actions = [{label: 'Open', run: open}, quiet('No', no)];
  return {tone: 'ok', title: 'Open this address?', detail: url, actions};
}
