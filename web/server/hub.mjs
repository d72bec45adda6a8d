// The hub's server: the page, a key per visit, and the way through to Headscale on the same origin.
// Bound to loopback. It sees no plaintext: what it passes through is encrypted from the page to
// Headscale (control) and from the page to the node (WireGuard, SSH).
import fastify from 'fastify';
import fastifyStatic from '@fastify/static';
import {Access} from './access.mjs';
import {HeadscaleApi, HeadscaleError} from './headscale_api.mjs';
import {passthrough} from './passthrough.mjs';

const PASSED_THROUGH = new Set(['/ts2021', '/derp']);
const IMMUTABLE = /\.[0-9a-zA-Z_-]{8}\.(js|css|wasm|woff2)$/; // names with a hash of what is inside

function securityHeaders(reply, host) {
  reply.headers({
    'content-security-policy': [
      "default-src 'none'",
      "script-src 'self' 'wasm-unsafe-eval'",
      "worker-src 'self'",
      `connect-src 'self' ws://${host}`,
      "style-src 'self' 'unsafe-inline'", // xterm.js writes its own <style>
      "img-src 'self' data:",
      "font-src 'self'",
      "manifest-src 'self'",
      "base-uri 'none'",
      "form-action 'none'",
      "frame-ancestors 'none'",
    ].join('; '),
    'referrer-policy': 'no-referrer',
    'x-content-type-options': 'nosniff',
    'cross-origin-opener-policy': 'same-origin',
  });
}

const LOCKED_PAGE = `<!doctype html><meta charset="utf-8"><title>meshterm hub</title>
<p>This hub opens with the address that it printed when it was started.</p>
<p>It may have been restarted since: look at its terminal for the new one.</p>`;

/** Who asks, and with what right: before every answer. */
function guard(app, access, hosts) {
  app.addHook('onRequest', async (request, reply) => {
    securityHeaders(reply, request.headers.host);
    if (!Access.isOurs(request.raw, hosts)) return reply.code(403).send('Not this host.\n');
    const {token, ...rest} = request.query;
    if (token !== undefined) {
      const cookie = access.exchange(token);
      if (cookie) {
        const query = new URLSearchParams(rest).toString();
        const path = request.url.split('?')[0].replace(/^\/+/, '/');
        reply.header('set-cookie', cookie);
        return reply.redirect(path + (query ? `?${query}` : ''), 303);
      }
    }
    if (!access.allows(request.raw))
      return reply.code(401).type('text/html; charset=utf-8').send(LOCKED_PAGE);
  });
}

/** What a page needs to join: once per visit, by POST so that no link or image can ask for it. */
function joinRoute(app, api, options) {
  app.post('/api/join', async (request, reply) => {
    reply.header('cache-control', 'no-store');
    const [controlKey, authKey] = await Promise.all([api.controlKey(), api.visitKey()]);
    const origin = `http://${request.headers.host}`;
    const derp = `${origin.replace(/^http/, 'ws')}/derp`;
    return {
      controlURL: origin,
      controlKey,
      authKey,
      // The relay inside Headscale, by the names under which its DERP map may know it.
      derpURLs: Object.fromEntries(options.derpHosts.map((host) => [host, derp])),
      user: options.sshUser,
      tailnet: options.tailnet,
    };
  });
  app.get('/key', async (request, reply) => {
    const query = new URL(request.url, 'http://hub').search;
    const response = await fetch(`${api.url}/key${query}`, {
      signal: AbortSignal.timeout(10_000),
    });
    return reply
      .code(response.status)
      .type('application/json')
      .send(await response.text());
  });
}

function hostPort(url) {
  const {hostname, port, protocol} = new URL(url);
  return `${hostname}:${port || (protocol === 'https:' ? 443 : 80)}`;
}

/**
 * @param {{headscale: string, apiKey: string, user?: string, port?: number, dist: string,
 *   derpHosts?: string[], sshUser?: string, tailnet?: string}} options
 * @returns {Promise<{url: string, close: () => Promise<void>}>} url carries the token
 */
export async function startHub(options) {
  const access = new Access();
  const api = new HeadscaleApi(options.headscale, options.apiKey, options.user);
  await api.controlKey(); // an address that is wrong should be said now
  await api.userId();
  const app = fastify({logger: false, forceCloseConnections: true});
  const hosts = new Set();
  guard(app, access, hosts);
  joinRoute(app, api, {
    derpHosts: [hostPort(options.headscale), ...(options.derpHosts ?? [])],
    sshUser: options.sshUser ?? '',
    tailnet: options.tailnet ?? 'tailnet',
  });
  app.setErrorHandler((error, request, reply) => {
    const known = error instanceof HeadscaleError;
    reply.code(known ? 502 : (error.statusCode ?? 500));
    return {error: known ? error.message : 'The hub failed; see its terminal.'};
  });
  await app.register(fastifyStatic, {
    root: options.dist,
    preCompressed: true,
    setHeaders(reply, path) {
      const forever = IMMUTABLE.test(path.replace(/\.(br|gz)$/, ''));
      reply.header('cache-control', forever ? 'private, max-age=31536000, immutable' : 'no-cache');
    },
  });
  await app.listen({host: '127.0.0.1', port: options.port ?? 0});
  const {port} = app.server.address();
  for (const name of ['127.0.0.1', 'localhost']) hosts.add(`${name}:${port}`);
  const pass = passthrough(options.headscale);
  app.server.on('upgrade', (request, socket, head) => {
    const path = request.url.split('?')[0];
    const allowed = Access.isOurs(request, hosts) && access.allows(request);
    if (allowed && PASSED_THROUGH.has(path)) return pass(request, socket, head);
    socket.end(`HTTP/1.1 ${allowed ? '404 Not Found' : '403 Forbidden'}\r\n\r\n`);
  });
  return {
    url: `http://127.0.0.1:${port}/?token=${access.token}`,
    close: () => app.close(),
  };
}
