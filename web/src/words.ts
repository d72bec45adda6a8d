/* Numbers and codes as a person says them. */

const UNITS = ['B', 'kB', 'MB', 'GB', 'TB'];

export function bytesInWords(bytes: number): string {
  let unit = 0;
  let value = bytes;
  while (value >= 999.5 && unit < UNITS.length - 1) {
    value /= 1000;
    unit++;
  }
  const digits = unit > 0 && value < 9.95 ? 1 : 0;
  return `${value.toFixed(digits)} ${UNITS[unit]}`;
}

/** "just now", "4 min ago", "3 d ago". Clocks differ a little: the future is now. */
export function agoInWords(thenMs: number, nowMs: number): string {
  const minutes = Math.floor((nowMs - thenMs) / 60_000);
  if (minutes < 1) return 'just now';
  if (minutes < 60) return `${minutes} min ago`;
  if (minutes < 48 * 60) return `${Math.floor(minutes / 60)} h ago`;
  return `${Math.floor(minutes / (24 * 60))} d ago`;
}

/** How far something is ahead: "in 4 minutes", "in 3 hours". */
export function inWords(ms: number): string {
  const minutes = Math.max(1, Math.ceil(ms / 60_000));
  if (minutes >= 120) return `in ${Math.floor(minutes / 60)} hours`;
  return minutes === 1 ? 'in a minute' : `in ${minutes} minutes`;
}

const SYSTEMS: Record<string, string> = {
  linux: 'Linux',
  windows: 'Windows',
  macos: 'macOS',
  ios: 'iOS',
  android: 'Android',
  freebsd: 'FreeBSD',
  openbsd: 'OpenBSD',
  js: 'Browser',
};

export function systemName(os: string): string {
  return SYSTEMS[os.toLowerCase()] ?? os;
}

const ADVICE: Record<string, string> = {
  hub: 'Is the hub still running? Its terminal says more.',
  'hub-locked': 'Open the address that the hub printed when it was started.',
  'control-unreachable': 'Is Headscale running, and does the hub still run?',
  'control-websocket-refused': 'Headscale 0.28, or 0.29.2 and newer, accept browsers.',
  'control-key-mismatch': 'Restart the hub if Headscale was set up anew.',
  'control-version': 'Headscale 0.28, or 0.29.2 and newer, are known to work.',
  'auth-key-invalid': 'Try again: the hub asks for a new key on every visit.',
  'auth-key-expired': 'Try again: the hub asks for a new key on every visit.',
  'auth-key-used': 'Try again: the hub asks for a new key on every visit.',
  'node-deleted': 'It joins again with a new key of the hub.',
  'node-key-expired': 'It joins again with a new key of the hub; open shells go on.',
  'relay-unreachable': 'Without its relay this page reaches no machine.',
  'not-started': 'Reload the page. If that does not help, the browser may be too old.',
  panic: 'Reload the page. What is running on your machines is not affected.',
};

/** What to do about a problem of that code; '' where the message says all there is. */
export function adviceFor(code: string): string {
  return ADVICE[code] ?? '';
}

/** Text from a server, without control characters. */
export function plainText(text: string): string {
  // eslint-disable-next-line no-control-regex
  return text.replace(/\r\n?/g, '\n').replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g, '');
}

export function trustInWords(trust: 'pinned' | 'known' | 'accepted'): string {
  if (trust === 'pinned') return 'Tailscale SSH · host key pinned';
  return trust === 'known' ? 'SSH · host key known' : 'SSH · host key new';
}

/** The first http(s) address in a text. */
export function firstURL(text: string): string | undefined {
  return /https?:\/\/[^\s<>"'`]+[^\s<>"'`.,;:!?)\]]/i.exec(text)?.[0];
}
