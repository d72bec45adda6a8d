/*
 * Texts of lines that several pages change: what each added stays, what one removed goes. Known
 * hosts, that is: their values are hex of base64 of the text.
 */
import {fromHex, toHex} from './state_storage.js';

const MAX_BYTES = 256 * 1024; // the core's SSH_KNOWN_HOSTS_MAX_LEN

/** theirs, less what was removed from base to ours, and with what was added; each line once. */
export function mergeLines(base: string, ours: string, theirs: string): string {
  const lines = (text: string): string[] => text.split('\n').filter((line) => line !== '');
  const before = new Set(lines(base));
  const mine = new Set(lines(ours));
  const kept = lines(theirs).filter((line) => mine.has(line) || !before.has(line));
  const there = new Set(kept);
  const added = [...mine].filter((line) => !there.has(line) && !before.has(line));
  // What is theirs alone may make room; a line with a marker (revoked, an authority) never does.
  const spare = kept.filter((line) => !mine.has(line) && !line.startsWith('@'));
  let all = [...kept, ...added];
  while (spare.length && byteLength(all) > MAX_BYTES) {
    const gone = spare.shift();
    all = all.filter((line) => line !== gone);
  }
  return [...new Set(all)].map((line) => `${line}\n`).join('');
}

function byteLength(lines: string[]): number {
  return lines.reduce((sum, line) => sum + new TextEncoder().encode(line).length + 1, 0);
}

/** As mergeLines, of values as the core has them kept. */
export function mergeKnownHosts(base: string, ours: string, theirs: string): string {
  const text = mergeLines(textOf(base), textOf(ours), textOf(theirs));
  return text === '' ? '' : toHex(btoa(String.fromCharCode(...new TextEncoder().encode(text))));
}

function textOf(value: string): string {
  try {
    const bytes = Uint8Array.from(atob(fromHex(value) ?? ''), (c) => c.charCodeAt(0));
    return new TextDecoder().decode(bytes);
  } catch {
    return '';
  }
}
