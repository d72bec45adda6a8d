// The server that the measured pages come from: on the same origin it passes /key, /ts2021 and
// /derp through to Headscale, as the hub does. Nothing is compressed or cached: it is loopback.
import {readFile} from 'node:fs/promises';
import {createServer} from 'node:http';
import path from 'node:path';
import {fileURLToPath} from 'node:url';
import {passthrough} from '../../web/server/passthrough.mjs';
import {floor} from './floor.mjs';

const PAGES = fileURLToPath(new URL('pages', import.meta.url));
const TYPES = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.wasm': 'application/wasm',
};
/** Only loopback is spoken to: no client sends its logs anywhere. */
const POLICY =
  "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; " +
  "connect-src 'self' ws://127.0.0.1:* http://127.0.0.1:*";

/** The probe runs in the worker too, before its own code. */
async function read(folders, pathname) {
  const [, folder, ...names] = pathname.split('/');
  const file = path.join(folders[folder] ?? '/nowhere', path.normalize(`/${names.join('/')}`));
  const bytes = await readFile(file);
  if (pathname !== '/ours/worker.js') return bytes;
  return Buffer.concat([await readFile(path.join(PAGES, 'probe.js')), bytes]);
}

async function answer(request, response, {folders, headscale}) {
  const {pathname, search} = new URL(request.url, 'http://x');
  if (pathname === '/key') {
    const key = await fetch(`${headscale}/key${search}`);
    response.writeHead(key.status, {'content-type': 'application/json'});
    return response.end(await key.text());
  }
  const body = await read(folders, pathname).catch(() => undefined);
  if (!body) return response.writeHead(404).end();
  response.writeHead(200, {
    'content-type': TYPES[path.extname(pathname)] ?? 'application/octet-stream',
    'content-security-policy': POLICY,
  });
  response.end(body);
}

/** @param {{headscale: string, ours: string, tsconnect?: string}} o the address, and the folders */
export async function startSite({headscale, ours, tsconnect}) {
  const folders = {pages: PAGES, ours, tsconnect};
  const server = createServer((request, response) => {
    answer(request, response, {folders, headscale}).catch((error) => response.destroy(error));
  });
  const [pass, pour] = [passthrough(headscale), floor()];
  server.on('upgrade', (request, ...rest) =>
    (request.url.startsWith('/floor?') ? pour : pass)(request, ...rest),
  );
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
}
