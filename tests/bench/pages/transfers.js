/*
 * Transfers beyond the interface of tsconnect: uploads, files, streams. Each resolves with {bytes,
 * streamMs, totalMs}; an upload's stream is from the moment that the far end is ready to read until
 * it says that it has read all.
 */
const PIECE = 65_536;

function* pieces(bytes) {
  const piece = crypto.getRandomValues(new Uint8Array(PIECE));
  for (let at = 0; at < bytes; at += PIECE) yield piece.slice(0, Math.min(PIECE, bytes - at));
}

/** Counts what flows by; `streamMs` is from the first chunk to the last. */
export function counter() {
  const c = {bytes: 0, first: undefined, last: undefined, began: performance.now()};
  c.add = (len) => {
    c.last = performance.now();
    c.first ??= c.last;
    c.bytes += len;
  };
  c.result = () => ({bytes: c.bytes, streamMs: c.last - c.first, totalMs: c.last - c.began});
  return c;
}

async function drain(readable, c) {
  const reader = readable.getReader();
  for (;;) {
    const {done, value} = await reader.read();
    if (done) return c.result();
    c.add(value.length);
  }
}

/** The far end writes one byte when it is ready and one when it has read `bytes`. */
async function uploadBetween(readable, writable, bytes) {
  const began = performance.now();
  const [reader, writer] = [readable.getReader(), writable.getWriter()];
  await reader.read();
  const first = performance.now();
  for (const piece of pieces(bytes)) await writer.write(piece);
  const {done} = await reader.read();
  const last = performance.now();
  if (done) throw new Error('the far end closed before it had read all');
  return {bytes, streamMs: last - first, totalMs: last - began};
}

export function uploadByCommand(ipn, host, user, bytes) {
  const command = `printf R; head -c ${bytes} > /dev/null; printf D`;
  const exec = ipn.exec(host, user, command, {timeoutSeconds: 20});
  exec.catch(() => {});
  return uploadBetween(exec.stdout, exec.stdin, bytes);
}

export function uploadByTcp(ipn, host, port, bytes) {
  const stream = ipn.tcp(host, port);
  return uploadBetween(stream.readable, stream.writable, bytes);
}

/** Without a tailnet: what the browser itself takes for as many messages. */
export async function downloadFloor(bytes) {
  const worker = new Worker('/pages/floor.js');
  const url = `${location.origin.replace('http', 'ws')}/floor?bytes=${bytes}`;
  try {
    return await new Promise((resolve, reject) => {
      worker.onerror = () => reject(new Error('its worker failed'));
      worker.onmessage = ({data}) =>
        data.problem ? reject(new Error(data.problem)) : resolve(data);
      worker.postMessage({url, bytes});
    });
  } finally {
    worker.terminate();
  }
}

export function downloadByTcp(ipn, host, port) {
  return drain(ipn.tcp(host, port).readable, counter());
}

export async function downloadBySftp(ipn, host, user, file) {
  const sftp = await ipn.sftp(host, user, {timeoutSeconds: 20});
  const result = await drain(sftp.read(file), counter());
  sftp.close();
  return result;
}

export async function uploadBySftp(ipn, host, user, file, bytes) {
  const sftp = await ipn.sftp(host, user, {timeoutSeconds: 20});
  const first = performance.now();
  const writer = sftp.write(file).getWriter();
  for (const piece of pieces(bytes)) await writer.write(piece);
  await writer.close();
  const ms = performance.now() - first;
  sftp.close();
  return {bytes, streamMs: ms, totalMs: ms};
}

/** What a client with nothing but a shell can do: `type` takes text, the far end counts blocks. */
export async function uploadInTerminal(shell, bytes) {
  const BLOCK = 262_144; // acknowledged one by one: Go's type() must never wait for a window
  const text = 'x'.repeat(16_384);
  const blocks = Math.ceil(bytes / BLOCK);
  let wake;
  let seen = 0;
  shell.onChunk = (chunk) => {
    const ack = typeof chunk === 'string' ? '\u0002' : 2;
    for (const unit of chunk) seen += unit === ack ? 1 : 0;
    wake?.();
  };
  const acknowledged = async (n) => {
    while (seen < n) await new Promise((resolve) => (wake = resolve));
  };
  const loop = `i=0; while [ $i -lt ${blocks} ]; do head -c ${BLOCK} >/dev/null; printf '\\002'`;
  shell.type(`stty raw -echo; printf '\\002'; ${loop}; i=$((i+1)); done; stty sane\n`);
  await acknowledged(1);
  const first = performance.now();
  for (let block = 0; block < blocks; block++) {
    for (let at = 0; at < BLOCK; at += text.length) shell.type(text);
    await acknowledged(block + 2);
  }
  const ms = performance.now() - first;
  shell.onChunk = () => {};
  return {bytes: blocks * BLOCK, streamMs: ms, totalMs: ms};
}
