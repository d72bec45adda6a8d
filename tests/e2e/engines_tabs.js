/* global DOMException, IDBFactory */
/* A page that joins, and keeps what it is told: for engines_tabs.test.mjs. */
import {createIPN, sealedState} from '/dist/index.js';
import {runSSH, text, until} from '/e2e/kit.mjs';

const HOST = 'node1';
let ipn, user, netMap, state;
const problems = [];
const shells = [];

/** What an engine may lack, or a person have switched off. */
const WITHOUT = {
  storage() {
    IDBFactory.prototype.open = () => {
      throw new DOMException('no', 'SecurityError');
    };
  },
  SharedWorker: () => delete globalThis.SharedWorker,
};

/** Resolves with the node's key. */
export async function join({account, isSealed, without, ...config}) {
  user = account;
  if (without) WITHOUT[without]();
  ipn = await createIPN({...config, ...(isSealed ? {stateStorage: sealedState()} : {})});
  ipn.run({
    notifyState: (next) => (state = next),
    notifyNetMap: (json) => (netMap = JSON.parse(json)),
    notifyBrowseToURL() {},
    notifyPanicRecover: (error) => problems.push(`panic: ${error}`),
    notifyError: ({code}) => problems.push(code),
  });
  return running();
}

export async function running() {
  await until(`Running, ${problems.join()}`, () => state === 'Running' && netMap);
  return netMap.self.nodeKey;
}

export const told = () => problems;
export const keepsSessions = () => ipn.keepsSessions;
/** Whether the node is in a SharedWorker: no tab leads. */
export async function isShared() {
  const {held} = await navigator.locks.query();
  return !held.some(({name}) => name.endsWith(' leads'));
}

export const close = () => ipn.close();
export const sessions = () => ipn.sessions();

export async function exec(command) {
  return (await ipn.exec(HOST, user, command, {timeoutSeconds: 20})).text();
}

/** Resolves with its number once it has shown something. */
export async function shell(command) {
  const at = shells.push({text: ''}) - 1;
  void runSSH(ipn, HOST, user, {
    command,
    onData: (bytes) => void (shells[at].text += text(bytes)),
  });
  await until('the shell', () => shells[at].text);
  return at;
}

export function attach(id) {
  const shell = {text: ''};
  const add = (bytes) => void (shell.text += text(bytes));
  ipn.attach(id, {rows: 30, cols: 100, onScrollback: add, onData: add});
  return shells.push(shell) - 1;
}

/** Resolves with all of it once it has the line. */
export async function shows(at, line) {
  await until(line, () => shells[at].text.split(/\r?\n/).includes(line));
  return shells[at].text;
}
