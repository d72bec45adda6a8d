// A real Chromium, and a server of static files for it with a Content-Security-Policy.
import {readFile} from 'node:fs/promises';
import {createServer} from 'node:http';
import path from 'node:path';
import {chromium} from 'playwright-core';

const FLAGS =
  '--headless=new --no-sandbox --disable-gpu --disable-quic --no-first-run ' +
  '--disable-background-networking --disable-component-update --disable-sync';

function options(args) {
  const executablePath = process.env.CHROMIUM ?? '/usr/bin/chromium';
  return {executablePath, args: [...FLAGS.split(' '), ...args]};
}

export function launchChromium(...args) {
  return chromium.launch(options(args));
}

/** A context whose profile lies in a folder, as a person's does. */
export function launchProfile(dir, ...args) {
  return chromium.launchPersistentContext(dir, options(args));
}

const TYPES = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.wasm': 'application/wasm',
};

/**
 * Serves folders and texts: {'/dist/': '/path/to/dist', '/page.html': '<!doctype html>…'}. csp
 * may be a function of the path.
 */
export async function serveStatic(routes, csp = () => undefined) {
  const server = createServer(async (request, response) => {
    const {pathname} = new URL(request.url, 'http://x');
    try {
      const body = await find(routes, pathname);
      const policy = csp(pathname);
      response.writeHead(200, {
        'content-type': TYPES[path.extname(pathname)] ?? 'application/octet-stream',
        ...(policy ? {'content-security-policy': policy} : {}),
      });
      response.end(body);
    } catch {
      response.writeHead(404).end();
    }
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
}

function find(routes, pathname) {
  if (pathname in routes) return routes[pathname];
  const prefix = Object.keys(routes).find((p) => p.endsWith('/') && pathname.startsWith(p));
  if (!prefix) throw new Error('not found');
  const name = path.normalize(pathname.slice(prefix.length));
  if (name.startsWith('..')) throw new Error('not found');
  return readFile(path.join(routes[prefix], name));
}
