// The hub's server: the page, a key per visit, and the way through to Headscale on the same origin.
// Bound to loopback. It sees no plaintext: what it passes through is encrypted from the page to
// Headscale (control) and from the page to the node (WireGuard, SSH).
import {createHash} from 'node:crypto';
import {readFile} from 'node:fs/promises';
import path from 'node:path';
import fastify from 'fastify';
import fastifyStatic from '@fastify/static';
import {Access} from './access.mjs';
import {HeadscaleApi, HeadscaleError} from './headscale_api.mjs';
import {passthrough, refuse} from './passthrough.mjs';
import {StaleNodes} from './stale_nodes.mjs';

const PASSED_THROUGH = new Set(['/ts2021', '/derp']);
const LITE = '/lite.html'; // the one page whose script is within it
/** Names with a hash of what is inside: of a file, or of the folder it lies in. */
const IMMUTABLE = /\.[0-9a-zA-Z]{8}(\.(js|css)|\/[a-z]+\.(js|wasm))$/;

/** The sources under which a Content-Security-Policy lets the scripts within a page run. */
async function inlineScripts(file) {
  const html = await readFile(file, 'utf8').catch(() => '');
  const scripts = html.matchAll(/<script type="module">([^]*?)<\/script>/g);
  const hash = (text) => createHash('sha256').update(text).digest('base64');
  return [...scripts].map(([, text]) => `'sha256-${hash(text)}'`);
}

function securityHeaders(reply, host, {scripts = [], connect = []}) {
  reply.headers({
    'content-security-policy': [
      "default-src 'none'",
      `script-src ${["'self'", "'wasm-unsafe-eval'", ...scripts].join(' ')}`,
      "worker-src 'self'",
      `connect-src ${["'self'", `ws://${host}`, ...connect].join(' ')}`,
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

const TITLE = '<!doctype html><meta charset="utf-8"><title>meshterm hub</title>';
const LOCKED_PAGE = `${TITLE}
<p>This hub opens with the address that it printed when it was started.</p>
<p>It may have been restarted since: look at its terminal for the new one.</p>`;
const NO_PAGE = `${TITLE}
<p>There is no such page here. <a href="/">Go to the machines</a>.</p>`;

function sendPage(reply, status, page) {
  reply.code(status).header('cache-control', 'no-store').type('text/html; charset=utf-8');
  return reply.send(page);
}

/** Who asks, and with what right: before every answer. Sends one, unless the request may go on. */
function guard({access, hosts, policy}, request, reply) {
  const name = request.url.split('?')[0];
  const scripts = name === LITE ? policy.scripts : [];
  securityHeaders(reply, request.headers.host, {...policy, scripts});
  if (!Access.isOurs(request.raw, hosts)) return reply.code(403).send('Not this host.\n');
  const {token, ...rest} = request.query ?? {};
  if (token !== undefined) {
    const cookie = access.exchange(token);
    if (cookie) reply.header('set-cookie', cookie);
    if (cookie || access.allows(request.raw)) {
      const query = new URLSearchParams(rest).toString();
      const page = /^\/[\w.-]*$/.test(name) ? name : '/'; // a path of ours, never another host
      return reply.redirect(page + (query ? `?${query}` : ''), 303);
    }
  }
  return access.allows(request.raw) ? undefined : sendPage(reply, 401, LOCKED_PAGE);
}

/** A server whose every answer is guarded, to addresses that are none too. */
function guardedServer(rules) {
  const app = fastify({
    logger: false,
    forceCloseConnections: true,
    frameworkErrors: (_, request, reply) =>
      guard(rules, request, reply) ?? sendPage(reply, 400, NO_PAGE),
  });
  app.addHook('onRequest', async (request, reply) => guard(rules, request, reply));
  app.setNotFoundHandler((_, reply) => sendPage(reply, 404, NO_PAGE));
  app.setErrorHandler((error, request, reply) => {
    if (error instanceof HeadscaleError) return reply.code(502).send({error: error.message});
    const status = error.statusCode ?? 500;
    if (status < 500) return reply.code(status).send({error: error.message});
    console.error(error);
    return reply.code(status).send({error: 'The hub failed; see its terminal.'});
  });
  return app;
}

/** What a page needs to join: once per visit, by POST so that no link or image can ask for it. */
function joinRoute(app, api, stale, options) {
  app.post('/api/join', async (request, reply) => {
    reply.header('cache-control', 'no-store');
    const [controlKey, visit] = await Promise.all([api.controlKey(), api.visitKey()]);
    stale.note(visit.id);
    const origin = `http://${request.headers.host}`;
    const derp = `${origin.replace(/^http/, 'ws')}/derp`;
    return {
      controlURL: origin,
      controlKey,
      authKey: visit.key,
      // The relay inside Headscale, by the names under which its DERP map may know it.
      derpURLs: Object.fromEntries(options.derpHosts.map((host) => [host, derp])),
      user: options.sshUser,
      tailnet: options.tailnet,
      loginServer: api.url,
    };
  });
  app.get('/key', async (request, reply) => {
    const query = new URL(request.url, 'http://hub').search;
    const {status, text} = await api.key(query);
    return reply.code(status).type('application/json').send(text);
  });
}

function hostPort(url) {
  const {hostname, port, protocol} = new URL(url);
  return `${hostname}:${port || (protocol === 'https:' ? 443 : 80)}`;
}

/**
 * @param {{headscale: string, apiKey: string, user?: string, port?: number, dist: string,
 *   derpHosts?: string[], sshUser?: string, tailnet?: string, connect?: string[]}} options
 *   connect: further sources of connect-src, for relays that are not passed through
 * @returns {Promise<{url: string, sweep: (now?: number) => Promise<string[]>,
 *   close: () => Promise<void>}>} url carries the token; sweep deletes what visitors left behind
 */
export async function startHub(options) {
  const access = new Access();
  const api = new HeadscaleApi(options.headscale, options.apiKey, options.user);
  await api.controlKey(); // an address that is wrong should be said now
  await api.userId();
  const hosts = new Set();
  const scripts = await inlineScripts(path.join(options.dist, LITE));
  const app = guardedServer({access, hosts, policy: {scripts, connect: options.connect}});
  const stale = new StaleNodes(api);
  joinRoute(app, api, stale, {
    derpHosts: [hostPort(options.headscale), ...(options.derpHosts ?? [])],
    sshUser: options.sshUser ?? '',
    tailnet: options.tailnet ?? 'tailnet',
  });
  app.get('/favicon.ico', (_, reply) => reply.code(204).send()); // lite.html names no icon
  await app.register(fastifyStatic, {
    root: options.dist,
    preCompressed: true,
    setHeaders(reply, file) {
      const forever = IMMUTABLE.test(file.replace(/\.br$/, ''));
      reply.header('cache-control', forever ? 'private, max-age=31536000, immutable' : 'no-cache');
    },
  });
  await app.listen({host: '127.0.0.1', port: options.port ?? 0});
  const {port} = app.server.address();
  for (const name of ['127.0.0.1', 'localhost']) hosts.add(`${name}:${port}`);
  const pass = passthrough(options.headscale);
  app.server.on('upgrade', (request, socket, head) => {
    socket.on('error', () => socket.destroy()); // a browser that goes away is no fault of ours
    const name = request.url.split('?')[0];
    const allowed = Access.isOurs(request, hosts) && access.allows(request);
    if (allowed && PASSED_THROUGH.has(name)) return pass(request, socket, head);
    return allowed ? refuse(socket, 404, 'Not Found') : refuse(socket, 403, 'Forbidden');
  });
  stale.start();
  return {
    url: `http://127.0.0.1:${port}/?token=${access.token}`,
    sweep: (now) => stale.sweep(now),
    close: () => {
      stale.stop();
      pass.close();
      return app.close();
    },
  };
}
