/* global BroadcastChannel */
/*
 * The measuring side of a visit, the same for every client with tsconnect's interface. What is
 * delivered is a chunk: bytes or a string, whichever the client delivers. Times are in ms.
 */
const PROMPT = /[#$%>] $/;
const SSH_TIMEOUT_S = 20;
const START = 1; // the bytes around a download in a terminal
const END = 2;

let ipn, shell;

const place = (chunk, code) =>
  chunk.indexOf(typeof chunk === 'string' ? String.fromCharCode(code) : code);
const textOf = (chunk) => (typeof chunk === 'string' ? chunk : new TextDecoder().decode(chunk));
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

function running() {
  const states = [];
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`not Running: ${states}`)), 60_000);
    ipn.run({
      notifyState(state) {
        states.push(state);
        if (state === 'NeedsLogin') ipn.login(); // as tsconnect's page does; the key is used then
        if (state !== 'Running') return;
        clearTimeout(timer);
        resolve(performance.now());
      },
      notifyNetMap() {},
      notifyBrowseToURL() {},
      notifyPanicRecover: (error) => reject(new Error(error)),
      notifyError: ({message, retrying}) => retrying || reject(new Error(message)),
    });
  });
}

/** Opens a shell; resolves at the prompt. Afterwards `shell.onChunk` gets what comes. */
function openShell(client, host, user) {
  return new Promise((resolve, reject) => {
    let text = '';
    shell = {
      onChunk(chunk) {
        text = (text + textOf(chunk)).slice(-200);
        if (PROMPT.test(text)) resolve(performance.now());
      },
    };
    shell.session = ipn.ssh(host, user, {
      ...client.output((chunk) => void shell.onChunk(chunk)),
      writeErrorFn: (error) => reject(new Error(error)),
      setReadFn: (type) => (shell.type = type),
      rows: 24,
      cols: 200,
      timeoutSeconds: SSH_TIMEOUT_S,
      onConnectionProgress() {},
      onConnected() {},
      onDone: () => reject(new Error(`the shell ended: ${text}`)),
    });
  });
}

/** From nothing to a prompt. */
async function visit({name, config, host, user}) {
  const client = await import(`./${name}.js`);
  const began = performance.now();
  ipn = await client.load(config);
  const loaded = performance.now();
  const joined = await running();
  const prompted = await openShell(client, host, user);
  return {
    loadMs: loaded - began,
    pageToRunningMs: joined - began,
    promptMs: prompted - joined,
    runningAt: performance.timeOrigin + joined,
  };
}

/** Types a key and waits for it to come back, n times, a pause between; ms of each. */
async function echo(n, pauseMs) {
  const samples = [];
  for (let i = 0; i < n; i++) {
    await sleep(pauseMs);
    const came = new Promise((resolve) => (shell.onChunk = () => resolve(performance.now())));
    const began = performance.now();
    shell.type('x');
    samples.push((await came) - began);
    if (i % 40 === 39) await clearLine();
  }
  await clearLine();
  return samples;
}

/** Ctrl-U, and whatever the shell draws for it. */
async function clearLine() {
  shell.onChunk = () => {};
  shell.type('\x15');
  await sleep(100);
}

/** Counts what flows by; `took` is from the first chunk to the last. */
function counter() {
  const c = {bytes: 0, first: undefined, last: undefined, began: performance.now()};
  c.add = (len) => {
    c.last = performance.now();
    c.first ??= c.last;
    c.bytes += len;
  };
  c.result = () => ({bytes: c.bytes, streamMs: c.last - c.first, totalMs: c.last - c.began});
  return c;
}

/** A file through the terminal: raw, so that nothing is added; what lies between START and END. */
function downloadInTerminal(file) {
  return new Promise((resolve) => {
    const c = counter();
    let started = false;
    shell.onChunk = (chunk) => {
      if (!started) {
        const at = place(chunk, START);
        if (at < 0) return;
        started = true;
        chunk = chunk.slice(at + 1);
      }
      const end = place(chunk, END);
      c.add(end < 0 ? chunk.length : end);
      if (end >= 0) {
        shell.onChunk = () => {};
        resolve(c.result());
      }
    };
    shell.type(`stty raw -echo; printf '\\001'; cat ${file}; printf '\\002'; stty sane\n`);
  });
}

/** A file through SSH without a terminal. */
function downloadByCommand(host, user, file) {
  return new Promise((resolve, reject) => {
    const c = counter();
    ipn.ssh(host, user, {
      command: `cat ${file}`,
      timeoutSeconds: SSH_TIMEOUT_S,
      onData: (bytes) => c.add(bytes.length),
      writeErrorFn: (error) => reject(new Error(error)),
      onDone: () => resolve(c.result()),
    });
  });
}

/** What a TCP server sends until it closes. */
async function downloadByTcp(host, port) {
  const c = counter();
  const reader = ipn.tcp(host, port).readable.getReader();
  for (;;) {
    const {done, value} = await reader.read();
    if (done) return c.result();
    c.add(value.length);
  }
}

/** Leaves as well as the client can. */
async function leave() {
  shell?.session.close();
  await (ipn.close?.() ?? ipn.logout());
}

/** What the probe saw, in this page or in the client's worker. */
function probe() {
  return new Promise((resolve) => {
    globalThis.benchProbe.tell(resolve);
    const channel = new BroadcastChannel('bench-probe');
    channel.onmessage = ({data}) => {
      if (data === 'tell') return;
      channel.close();
      resolve(data);
    };
    channel.postMessage('tell');
  });
}

globalThis.bench = {
  visit,
  probe,
  echo,
  downloadInTerminal,
  downloadByCommand,
  downloadByTcp,
  leave,
};
