// Who may use the hub: whoever opened the printed URL. Its token is exchanged once for a cookie and
// taken out of the address; both are random, live as long as the process, and are compared in
// constant time.
import {randomBytes, timingSafeEqual} from 'node:crypto';

const COOKIE = 'meshterm_hub';

function same(given, expected) {
  const a = Buffer.from(String(given ?? ''));
  const b = Buffer.from(expected);
  return a.length === b.length && timingSafeEqual(a, b);
}

function cookieOf(header) {
  for (const part of (header ?? '').split(';')) {
    const [name, value] = part.trim().split('=');
    if (name === COOKIE) return value;
  }
  return undefined;
}

export class Access {
  constructor() {
    this.token = randomBytes(24).toString('base64url');
    this.cookie = randomBytes(24).toString('base64url');
  }

  /** The Set-Cookie header for a request that shows the token, else undefined. */
  exchange(token) {
    if (!same(token, this.token)) return undefined;
    return `${COOKIE}=${this.cookie}; HttpOnly; SameSite=Strict; Path=/`;
  }

  allows(request) {
    return same(cookieOf(request.headers.cookie), this.cookie);
  }

  /**
   * A loopback server is reachable from every page of the browser: the Host must be the one we
   * print (DNS rebinding), and an Origin, where one is sent, must be our own.
   */
  static isOurs(request, hosts) {
    const {host, origin} = request.headers;
    if (!hosts.has(host)) return false;
    return !origin || origin === `http://${host}`;
  }
}
