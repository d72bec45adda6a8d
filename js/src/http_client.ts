/*
 * ipn.fetch: HTTP/1.1 over a tailnet TCP stream, one request per connection (RFC 9112). The body
 * of the answer is streamed, so a page that does not read it stops the server.
 */
import type {IPNFetchInit, IPNTCPStream} from '../ipn.js';
import {checkObject, checkSeconds} from './callbacks.js';
import {ByteReader} from './byte_reader.js';

export type Connect = (host: string, port: number, timeoutMs: number) => IPNTCPStream;

const MAX_HEADER_BYTES = 64 * 1024;
const MAX_REDIRECTS = 10;
const DEFAULT_TIMEOUT_S = 10;
const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
const BODILESS = new Set([204, 205, 304]);

interface Request {
  method: string;
  url: URL;
  headers: Headers;
  body: Uint8Array | undefined;
}

interface Head {
  status: number;
  statusText: string;
  headers: Headers;
}

export async function fetchOverTcp(
  connect: Connect,
  url: string,
  init: IPNFetchInit = {},
): Promise<Response> {
  checkObject(init, 'init');
  const timeoutMs = checkSeconds(init.timeoutSeconds, 'timeoutSeconds', DEFAULT_TIMEOUT_S);
  let request = await makeRequest(url, init);
  for (let redirects = 0; ; redirects++) {
    const response = await exchange(connect, request, timeoutMs, init.signal);
    let target: URL | undefined;
    try {
      target = redirectTarget(response, request.url);
    } catch (error) {
      await response.body?.cancel();
      throw error;
    }
    if (!target || init.redirect === 'manual') return response;
    await response.body?.cancel();
    if (init.redirect === 'error')
      throw new TypeError(`${request.url.href} redirects to ${target.href}`);
    if (redirects === MAX_REDIRECTS)
      throw new TypeError(`${url} redirects more than ${MAX_REDIRECTS} times`);
    request = followRedirect(request, response.status, target);
  }
}

async function makeRequest(url: string, init: IPNFetchInit): Promise<Request> {
  const method = (init.method ?? 'GET').toUpperCase();
  if (!TOKEN.test(method)) throw new TypeError('method must be a token such as GET');
  const headers = new Headers(init.headers);
  let body: Uint8Array | undefined;
  if (init.body !== undefined && init.body !== null) {
    if (method === 'GET' || method === 'HEAD') throw new TypeError(`${method} cannot have a body`);
    const wrapped = new Response(init.body); // knows every kind of body, and its type
    body = new Uint8Array(await wrapped.arrayBuffer());
    const type = wrapped.headers.get('content-type');
    if (type && !headers.has('content-type')) headers.set('content-type', type);
  }
  return {method, url: parseURL(url), headers, body};
}

function parseURL(text: string, base?: URL): URL {
  let url: URL;
  try {
    url = new URL(text, base);
  } catch {
    throw new TypeError(`${text} is not a URL`);
  }
  if (url.protocol === 'https:') {
    throw new TypeError(
      'https: is not supported over the tailnet yet; the tailnet itself encrypts http:',
    );
  }
  if (url.protocol !== 'http:') throw new TypeError(`${url.protocol} is not supported, only http:`);
  return url;
}

function redirectTarget(response: Response, base: URL): URL | undefined {
  const location = response.headers.get('location');
  if (![301, 302, 303, 307, 308].includes(response.status) || !location) return undefined;
  return parseURL(location, base);
}

function followRedirect(request: Request, status: number, url: URL): Request {
  const headers = new Headers(request.headers);
  if (url.origin !== request.url.origin) {
    for (const name of ['authorization', 'cookie']) headers.delete(name);
  }
  const keeps =
    status === 307 || status === 308 || request.method === 'GET' || request.method === 'HEAD';
  if (keeps) return {...request, url, headers};
  headers.delete('content-type');
  return {method: 'GET', url, headers, body: undefined};
}

async function exchange(
  connect: Connect,
  request: Request,
  timeoutMs: number,
  signal: AbortSignal | undefined,
): Promise<Response> {
  signal?.throwIfAborted();
  const {hostname, port} = request.url;
  const stream = connect(hostname.replace(/^\[|\]$/g, ''), Number(port || 80), timeoutMs);
  const abort = (): void => stream.close();
  signal?.addEventListener('abort', abort, {once: true});
  try {
    await stream.opened;
    const sent = send(stream, request);
    sent.catch(() => {}); // a server may answer and close before it has read everything
    const reader = new ByteReader(stream.readable.getReader(), MAX_HEADER_BYTES);
    const head = await readHead(reader);
    return makeResponse(head, request.method, reader, stream);
  } catch (error) {
    stream.close();
    signal?.throwIfAborted();
    throw error;
  }
}

async function send(stream: IPNTCPStream, request: Request): Promise<void> {
  const {method, url, body} = request;
  const headers = new Headers(request.headers);
  headers.set('host', url.host);
  headers.set('connection', 'close');
  headers.set('accept-encoding', 'identity');
  headers.delete('transfer-encoding');
  headers.delete('content-length');
  if (body || !['GET', 'HEAD'].includes(method))
    headers.set('content-length', String(body?.length ?? 0));
  let text = `${method} ${url.pathname}${url.search} HTTP/1.1\r\n`;
  headers.forEach((value, name) => (text += `${name}: ${value}\r\n`));
  const writer = stream.writable.getWriter();
  await writer.write(Uint8Array.from(`${text}\r\n`, (c) => c.charCodeAt(0)));
  if (body) await writer.write(body);
}

async function readHead(reader: ByteReader): Promise<Head> {
  for (;;) {
    const status = /^HTTP\/1\.[01] ([1-5]\d\d)(?: (.*))?$/.exec(await reader.line());
    if (!status) throw new Error('The server did not answer in HTTP/1.');
    const headers = new Headers();
    for (let line; (line = await reader.line()) !== '';) {
      const colon = line.indexOf(':');
      const name = line.slice(0, Math.max(colon, 0));
      if (!TOKEN.test(name)) throw new Error('The server sent a malformed header.');
      headers.append(name, line.slice(colon + 1).trim());
    }
    const code = Number(status[1]);
    if (code === 101) throw new Error('The server switched protocols unasked.');
    if (code >= 200) return {status: code, statusText: status[2] ?? '', headers};
  }
}

function makeResponse(
  head: Head,
  method: string,
  reader: ByteReader,
  stream: IPNTCPStream,
): Response {
  const {status, statusText, headers} = head;
  const chunks = bodyChunks(head, method, reader);
  if (!chunks) {
    stream.close();
    return new Response(null, {status, statusText, headers});
  }
  const body = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          const next = await chunks.next();
          if (!next.done) return controller.enqueue(next.value);
          stream.close();
          controller.close();
        } catch (error) {
          stream.close();
          throw error;
        }
      },
      cancel: () => stream.close(),
    },
    {highWaterMark: 0},
  );
  return new Response(body as BodyInit, {status, statusText, headers});
}

/** undefined: there is no body (RFC 9112, 6.3). */
function bodyChunks(
  head: Head,
  method: string,
  reader: ByteReader,
): AsyncGenerator<Uint8Array> | undefined {
  if (method === 'HEAD' || BODILESS.has(head.status)) return undefined;
  const coding = head.headers.get('transfer-encoding');
  if (coding !== null) {
    if (coding.trim().toLowerCase() !== 'chunked')
      throw new Error(`The server used transfer coding ${coding}.`);
    return chunkedBody(reader);
  }
  const length = head.headers.get('content-length');
  if (length === null) return reader.rest();
  const lengths = new Set(length.split(',').map((part) => part.trim()));
  const [first = ''] = lengths;
  if (lengths.size !== 1 || !/^\d{1,15}$/.test(first))
    throw new Error('The server sent a malformed content-length.');
  return reader.exactly(Number(first));
}

async function* chunkedBody(reader: ByteReader): AsyncGenerator<Uint8Array> {
  for (;;) {
    const size = /^([0-9a-f]{1,12})[ \t]*(?:;.*)?$/i.exec(await reader.line());
    if (!size) throw new Error('The server sent a malformed chunk.');
    const len = parseInt(size[1]!, 16);
    if (len === 0) break;
    yield* reader.exactly(len);
    if ((await reader.line()) !== '') throw new Error('The server sent a malformed chunk.');
  }
  while ((await reader.line()) !== ''); // trailers are of no use here
}
