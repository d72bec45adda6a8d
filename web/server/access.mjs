// Who may use the hub: whoever opened the printed URL. Its token is exchanged once for a cookie and
// taken out of the address; both are random, live as long as the process, and are compared in
// constant time.
import {randomBytes, timingSafeEqual} from 'node:crypto';

function same(given, expected) {
  const a = Buffer.from(String(given ?? ''));
  const b = Buffer.from(expected);
  return a.length === b.length && timingSafeEqual(a, b);
}

function cookieOf(header, wanted) {
  for (const part of (header ?? '').split(';')) {
    const [name, value] = part.trim().split('=');
    if (name === wanted) return value;
  }
  return undefined;
}

export class Access {
  constructor() {
    // Cookies do not know ports: with a name of its own a second hub takes nothing from the first.
    this.name = `meshterm_${randomBytes(6).toString('hex')}`;
    this.token = randomBytes(24).toString('base64url');
    this.cookie = randomBytes(24).toString('base64url');
  }

  /** The Set-Cookie header for a request that shows the token, else undefined. */
  exchange(token) {
    if (!same(token, this.token)) return undefined;
    // Lax: the link may be followed from a terminal that is itself a web page. What changes
    // something is asked for by POST or WebSocket, and those must come from our own origin.
    return `${this.name}=${this.cookie}; HttpOnly; SameSite=Lax; Path=/`;
  }

  allows(request) {
    return same(cookieOf(request.headers.cookie, this.name), this.cookie);
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
