/* global BroadcastChannel */
/*
 * The measuring side of a visit, the same for every client with tsconnect's interface. What is
 * delivered is a chunk: bytes or a string, whichever the client delivers. Times are in ms.
 */
import * as transfers from './transfers.js';

const {counter} = transfers;
const PROMPT = /[#$%>] $/;
const SSH_TIMEOUT_S = 20;
const START = 1; // the bytes around a download in a terminal
const END = 2;

let ipn, client, shell;

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

/** {session, prompted: when its prompt came}; onChunk gets what comes afterwards. */
function openShell(host, user) {
  const opened = {};
  opened.prompted = new Promise((resolve, reject) => {
    let text = '';
    opened.onChunk = (chunk) => {
      text = (text + textOf(chunk)).slice(-200);
      if (PROMPT.test(text)) resolve(performance.now());
    };
    opened.session = ipn.ssh(host, user, {
      ...client.output((chunk) => void opened.onChunk(chunk)),
      writeErrorFn: (error) => reject(new Error(error)),
      setReadFn: (type) => (opened.type = type),
      rows: 24,
      cols: 200,
      timeoutSeconds: SSH_TIMEOUT_S,
      onConnectionProgress() {},
      onConnected() {},
      onDone: () => reject(new Error(`the shell ended: ${text}`)),
    });
  });
  return opened;
}

/** From nothing to a prompt. */
async function visit({name, config, host, user}) {
  client = await import(`./${name}.js`);
  const began = performance.now();
  ipn = await client.load(config);
  const loaded = performance.now();
  const joined = await running();
  shell = openShell(host, user);
  const prompted = await shell.prompted;
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

/** n more shells at once: ms until the last has its prompt. */
async function sessions(host, user, n) {
  const began = performance.now();
  const shells = Array.from({length: n}, () => openShell(host, user));
  try {
    const prompted = await Promise.all(shells.map((one) => one.prompted));
    return {ms: Math.max(...prompted) - began};
  } finally {
    for (const {session} of shells) session.close();
  }
}

/** Leaves as well as the client can. */
async function leave() {
  shell?.session.close();
  await (ipn.close?.() ?? ipn.logout());
}

/** What the probe saw, in this page or in the client's worker. 'watch': wake-ups from now on. */
function probe(ask = 'tell') {
  return new Promise((resolve) => {
    globalThis.benchProbe.tell(ask, resolve);
    const channel = new BroadcastChannel('bench-probe');
    channel.onmessage = ({data}) => {
      if (typeof data === 'string') return;
      channel.close();
      resolve(data);
    };
    channel.postMessage(ask);
  });
}

globalThis.bench = {
  visit,
  probe,
  echo,
  downloadInTerminal,
  downloadByCommand,
  downloadFloor: transfers.downloadFloor,
  downloadByTcp: (...args) => transfers.downloadByTcp(ipn, ...args),
  downloadBySftp: (...args) => transfers.downloadBySftp(ipn, ...args),
  uploadByCommand: (...args) => transfers.uploadByCommand(ipn, ...args),
  uploadByTcp: (...args) => transfers.uploadByTcp(ipn, ...args),
  uploadBySftp: (...args) => transfers.uploadBySftp(ipn, ...args),
  uploadInTerminal: (bytes) => transfers.uploadInTerminal(shell, bytes),
  sessions,
  leave,
};
