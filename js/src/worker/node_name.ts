/*
 * What a shared node is called: its worker's name, and the name of the channel on which pages find
 * it where there is no SharedWorker.
 *
 *   meshterm-node CONTROL_URL HOSTNAME STATE VERSION        each part without blanks
 *
 * A lock of that name with a word behind it is held by the worker as long as it lives.
 */
const WORD = 'meshterm-node';
const PARTS = 5;
const STATE = 3;

export function nodeName(identity: readonly [string, string, string], version: string): string {
  return [WORD, ...[...identity, version].map(encodeURIComponent)].join(' ');
}

export function isNodeName(name: string): boolean {
  const parts = name.split(' ');
  return parts[0] === WORD && parts.length === PARTS;
}

/** Whether the worker itself keeps its state. */
export function isSealed(name: string): boolean {
  return (name.split(' ')[STATE] ?? '') !== '';
}

/** Held by the page that runs the worker where pages cannot share one. */
export function leaderLock(name: string): string {
  return `${name} leads`;
}

export function versionOf(name: string): string {
  return decodeURIComponent(name.split(' ')[PARTS - 1] ?? '');
}

/** What the names of all versions of this node, and their locks, begin with. */
export function withoutVersion(name: string): string {
  return `${name
    .split(' ')
    .slice(0, PARTS - 1)
    .join(' ')} `;
}

export function randomWord(): string {
  return [...crypto.getRandomValues(new Uint8Array(12))]
    .map((byte) => byte.toString(16).padStart(2, '0'))
    .join('');
}
