/*
 * The clients that run the cases: this process, and a page of a real browser. Each has
 * run(file, name) and stop(); a page also `engine`, `page` and reload().
 */
import {readFile} from 'node:fs/promises';
import {createServer} from 'node:http';
import path from 'node:path';
import {fileURLToPath} from 'node:url';
import {WebSocket} from 'ws';
import {Chromium} from '../support/chromium.mjs';
import {until} from '../support/process.mjs';

const here = path.dirname(fileURLToPath(import.meta.url));
const FOLDERS = {e2e: here, dist: path.join(here, '../../js/dist')};
const PAGE =
  '<!doctype html><meta charset="utf-8"><title>cases</title>' +
  '<script src="/e2e/probe.js"></script><script type="module" src="/e2e/page.js"></script>';
const POLICY =
  "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; " +
  "connect-src 'self' ws://127.0.0.1:* http://127.0.0.1:*";
const TYPES = {js: 'text/javascript', mjs: 'text/javascript', wasm: 'application/wasm'};

export async function nodeClient({env, deeds}) {
  await import('./probe.js');
  const {createIPN} = await import('../../js/dist/index.js');
  const {runCase, leave} = await import('./run_case.mjs');
  const deed = async (name, ...args) => deeds[name](...args);
  return {
    async run(file, name) {
      const {cases} = await import(`./cases/${file}`);
      await runCase({env, deed, createIPN, config: {WebSocket}, cases}, name);
    },
    stop: leave,
  };
}

async function fileOf(pathname) {
  const [, folder, ...names] = pathname.split('/');
  const bytes = await readFile(path.join(FOLDERS[folder], path.normalize(`/${names.join('/')}`)));
  if (pathname !== '/dist/worker.js') return bytes;
  return Buffer.concat([await readFile(path.join(here, 'probe.js')), bytes]);
}

async function doDeed(request, deeds) {
  let body = '';
  for await (const chunk of request) body += chunk;
  const [name, ...args] = JSON.parse(body);
  try {
    return {value: (await deeds[name](...args)) ?? null};
  } catch (error) {
    return {error: error.message};
  }
}

async function answer(request, response, deeds) {
  const {pathname} = new URL(request.url, 'http://x');
  const headers = {'content-security-policy': POLICY};
  if (pathname === '/deed') {
    const said = JSON.stringify(await doDeed(request, deeds));
    return response.writeHead(200, {'content-type': 'application/json'}).end(said);
  }
  if (pathname === '/') {
    headers['content-type'] = 'text/html; charset=utf-8';
    return response.writeHead(200, headers).end(PAGE);
  }
  try {
    const body = await fileOf(pathname);
    headers['content-type'] = TYPES[path.extname(pathname).slice(1)] ?? 'text/plain';
    response.writeHead(200, headers).end(body);
  } catch {
    response.writeHead(404).end();
  }
}

/** @param {() => object} start an engine, see tests/support/engines/firefox.mjs */
export async function pageClient({env, deeds}, start) {
  const server = createServer((request, response) => {
    answer(request, response, deeds).catch((error) => response.destroy(error));
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const end = () => {
    server.closeAllConnections();
    server.close();
  };
  try {
    return await openClient(await start(), `http://127.0.0.1:${server.address().port}/`, env, end);
  } catch (error) {
    end();
    throw error;
  }
}

async function openClient(engine, url, env, end) {
  const page = await engine.page(url);
  const ready = () => until('the page', () => page.evaluate('globalThis.cases !== undefined'));
  await ready();
  return {
    engine,
    page,
    url,
    async run(file, name) {
      const args = [file, name, env].map((value) => JSON.stringify(value)).join();
      const problem = await page.evaluate(`globalThis.cases.run(${args})`);
      if (problem) throw new Error(problem);
    },
    async reload() {
      await page.reload();
      await ready();
    },
    async stop() {
      await page.evaluate('globalThis.cases.leave()');
      await engine.close();
      end();
    },
  };
}

export function chromiumClient(bed) {
  return pageClient(bed, () => Chromium.start());
}
