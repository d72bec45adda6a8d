/* A fingerprint as a drawing, as `ssh-keygen -lv` prints it: the drunken bishop's walk. */

const WIDTH = 17;
const HEIGHT = 9;
const SYMBOLS = ' .o+=*BOX@%&#/^';
const START = 'S';
const END = 'E';

/** type: "ssh-ed25519"; blob: the key, for its size. */
export function randomart(type: string, fingerprint: string, blob: Uint8Array): string {
  const digest = Uint8Array.from(atob(fingerprint.replace(/^SHA256:/, '')), (c) => c.charCodeAt(0));
  const visits = Array.from({length: HEIGHT}, () => new Uint8Array(WIDTH));
  let x = WIDTH >> 1;
  let y = HEIGHT >> 1;
  for (const byte of digest) {
    for (let bits = byte, n = 0; n < 4; n++, bits >>= 2) {
      x = Math.min(Math.max(x + (bits & 1 ? 1 : -1), 0), WIDTH - 1);
      y = Math.min(Math.max(y + (bits & 2 ? 1 : -1), 0), HEIGHT - 1);
      visits[y]![x]! += 1;
    }
  }
  const rows = visits.map((row, atY) =>
    Array.from(row, (count, atX) => {
      if (atX === x && atY === y) return END;
      if (atX === WIDTH >> 1 && atY === HEIGHT >> 1) return START;
      return SYMBOLS[Math.min(count, SYMBOLS.length - 1)];
    }).join(''),
  );
  const lines = [frame(title(type, blob)), ...rows.map((row) => `|${row}|`), frame('[SHA256]')];
  return lines.join('\n');
}

function frame(words: string): string {
  const before = (WIDTH - words.length) >> 1;
  return `+${'-'.repeat(before)}${words}${'-'.repeat(WIDTH - before - words.length)}+`;
}

/** "[ED25519 256]", or without the size where that is too long. */
function title(type: string, blob: Uint8Array): string {
  const curve = /^ecdsa-sha2-nistp(\d+)/.exec(type);
  const name = curve ? 'ECDSA' : type.replace(/^ssh-/, '').toUpperCase();
  const bits = curve ? Number(curve[1]) : name === 'RSA' ? rsaBits(blob) : 256;
  const whole = `[${name} ${bits}]`;
  return whole.length <= WIDTH ? whole : `[${name}]`;
}

/** string "ssh-rsa", mpint e, mpint n (RFC 4253, 6.6). */
function rsaBits(blob: Uint8Array): number {
  const view = new DataView(blob.buffer, blob.byteOffset, blob.length);
  let at = 0;
  for (let skipped = 0; skipped < 2 && at + 4 <= blob.length; skipped++)
    at += 4 + view.getUint32(at);
  const n = blob.subarray(at + 4);
  const first = n.findIndex((byte) => byte !== 0);
  return first < 0 ? 0 : 8 * (n.length - first) - Math.clz32(n[first]!) + 24;
}
