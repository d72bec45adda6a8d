/* ipn.knownHosts: the host keys that this node trusts, as OpenSSH's known_hosts text. */
import type {IPNKnownHost, IPNKnownHosts} from '../ipn.js';
import {checkInteger, checkObject, checkOptionalBoolean, checkText} from './callbacks.js';
import type {Calls} from './calls.js';

const BASE64 = /^[A-Za-z0-9+/]+={0,2}$/;

export function knownHosts(calls: Calls): IPNKnownHosts {
  const text = (): Promise<string> => calls.ask<string>({type: 'knownHosts'});
  return {
    export: text,
    async import(lines, options = {}) {
      checkObject(options, 'options');
      const replace = checkOptionalBoolean(options.replace, 'replace', false);
      checkLines(checkText(lines, 'text'));
      await calls.ask({type: 'addKnownHosts', text: lines, replace});
    },
    async remove(host, port = 22) {
      checkText(host, 'host');
      checkInteger(port, 'port', 1, 65_535);
      return calls.ask<boolean>({type: 'removeKnownHost', host, port});
    },
    async list() {
      return Promise.all(parse(await text()).map(toEntry));
    },
  };
}

interface Line {
  number: number;
  marker: string;
  hosts: string;
  type: string;
  key: string;
  comment: string;
}

/** sshd(8): [@marker] hosts type key [comment]. Empty lines and comments are left out. */
function parse(text: string): Line[] {
  return text.split(/\r?\n/).flatMap((line, index) => {
    const words = line.trim().split(/[ \t]+/);
    if (words[0] === '' || words[0]?.startsWith('#')) return [];
    const marker = words[0]?.startsWith('@') ? words.shift()! : '';
    const [hosts = '', type = '', key = '', ...comment] = words;
    return [{number: index + 1, marker, hosts, type, key, comment: comment.join(' ')}];
  });
}

function checkLines(text: string): void {
  for (const {number, type, key} of parse(text)) {
    // Those of SSH 1 (bits, exponent, modulus) are of no use, and do no harm.
    if (!/^\d+$/.test(type) && !isKey(type, key))
      throw new TypeError(`line ${number} is not a line of known_hosts`);
  }
}

/** The blob begins with its type, as a string of SSH (RFC 4253, 6.6). */
function isKey(type: string, key: string): boolean {
  if (type === '' || !BASE64.test(key) || key.replace(/=+$/, '').length % 4 === 1) return false;
  const blob = atob(key);
  return blob.slice(0, 4 + type.length) === `\0\0\0${String.fromCharCode(type.length)}${type}`;
}

async function toEntry({marker, hosts, type, key, comment}: Line): Promise<IPNKnownHost> {
  const fingerprint = await fingerprintOf(key);
  return {
    hosts: hosts.split(','),
    type,
    key,
    comment,
    ...(marker === '' ? {} : {marker}),
    ...(fingerprint === undefined ? {} : {fingerprint}),
  };
}

/** undefined for what is no key (RSA keys of SSH 1), and without crypto.subtle, as on plain http. */
async function fingerprintOf(key: string): Promise<string | undefined> {
  const {subtle} = crypto as Partial<Crypto>;
  if (!subtle || !BASE64.test(key) || key.length % 4 !== 0) return undefined;
  const blob = Uint8Array.from(atob(key), (c) => c.charCodeAt(0));
  const digest = new Uint8Array(await subtle.digest('SHA-256', blob));
  return `SHA256:${btoa(String.fromCharCode(...digest)).replace(/=+$/, '')}`;
}
