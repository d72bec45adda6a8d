/*
 * A core that does what the test says: it records calls as [name, ...args] without the time, and
 * hands out the events pushed to it. Implements Core of js/src/core/core.ts.
 */
/** The NUL-terminated texts of a block. */
function texts(block) {
  const all = new TextDecoder().decode(block);
  if (all !== '' && !all.endsWith('\0')) throw new Error('a text without its end');
  return all.split('\0').slice(0, -1);
}

/** NAME\0VALUE\0 … as an object; a name given twice has an array. */
export function readFields(block) {
  const fields = {};
  const list = texts(block);
  for (let i = 0; i < list.length; i += 2) {
    const [name, value] = [list[i], list[i + 1]];
    fields[name] = name in fields ? [fields[name], value].flat() : value;
  }
  return fields;
}

export class FakeCore {
  calls = [];
  events = [];
  deadline = Infinity;
  problem = undefined;
  nextId = 7;
  /** Bytes that ssh and tcp writes still take. */
  room = Infinity;
  written = [];
  /** name > function run on that call, e.g. to push an event or to trap. */
  on = {};

  push(...events) {
    this.events.push(...events);
  }

  names() {
    return this.calls.map(([name]) => name);
  }

  count(name) {
    return this.calls.filter(([other]) => other === name).length;
  }

  #call(name, ...args) {
    this.calls.push([name, ...args]);
    return this.on[name]?.(...args);
  }

  #write(name, id, bytes) {
    const taken = Math.min(bytes.length, this.room);
    if (taken < 0) return taken;
    this.room -= taken;
    this.written.push(...bytes.subarray(0, taken));
    this.calls.push([name, id, taken]);
    return taken;
  }

  #open(name, ...args) {
    const id = this.#call(name, ...args) ?? this.nextId++;
    this.lastId = id;
    return id;
  }

  create(config, wallOffset) {
    this.#call('create', config, wallOffset);
    return this.problem;
  }
  destroy() {
    this.#call('destroy');
  }
  run() {
    this.#call('run');
    return 0;
  }
  want(wanted) {
    this.#call('want', wanted);
  }
  login(authKey) {
    this.#call('login', authKey);
  }
  logout() {
    this.#call('logout');
  }
  closeStreams() {
    this.#call('closeStreams');
  }
  tick(now) {
    this.#call('tick', now);
  }
  rebind(wallOffset) {
    this.#call('rebind', wallOffset);
  }
  poll() {
    return this.events.shift();
  }
  nextDeadline() {
    return this.deadline;
  }
  socketOpened(id) {
    this.#call('socketOpened', id);
  }
  socketInput(id, bytes) {
    this.#call('socketInput', id, [...bytes]);
  }
  socketClosed(id, code, reason) {
    this.#call('socketClosed', id, code, reason);
  }
  httpDone(id, status, body) {
    this.#call('httpDone', id, status, [...body]);
  }
  sshOpen(fields) {
    this.lastBlock = fields; // wiped after the call
    return this.#open('sshOpen', readFields(fields));
  }
  sshWrite(id, bytes) {
    return this.#write('sshWrite', id, bytes);
  }
  sshEof(id) {
    this.#call('sshEof', id);
  }
  sshResize(id, rows, cols) {
    this.#call('sshResize', id, rows, cols);
  }
  sshCredit(id, n) {
    this.#call('sshCredit', id, n);
  }
  sshAnswerHostKey(id, accept) {
    this.#call('sshAnswerHostKey', id, accept);
  }
  sshAnswerPrompt(id, answers) {
    this.lastBlock = answers;
    this.#call('sshAnswerPrompt', id, answers && texts(answers));
  }
  sshAnswerAgent(id, request, allow) {
    this.#call('sshAnswerAgent', id, request, allow);
  }
  sshSignal(id, name) {
    this.#call('sshSignal', id, name);
  }
  sshClose(id) {
    this.#call('sshClose', id);
  }
  tcpOpen(host, port, timeoutMs) {
    return this.#open('tcpOpen', host, port, timeoutMs);
  }
  tcpWrite(id, bytes) {
    return this.#write('tcpWrite', id, bytes);
  }
  tcpShutdown(id) {
    this.#call('tcpShutdown', id);
  }
  tcpCredit(id, n) {
    this.#call('tcpCredit', id, n);
  }
  tcpClose(id) {
    this.#call('tcpClose', id);
  }
  sftpRequest(id, fields) {
    return this.#call('sftpRequest', id, readFields(fields)) ?? 0;
  }
  sftpWrite(id, request, bytes) {
    return this.#write('sftpWrite', id, bytes);
  }
  sftpEnd(id, request) {
    this.#call('sftpEnd', id, request);
  }
  sftpCredit(id, request, n) {
    this.#call('sftpCredit', id, request, n);
  }
  sftpCancel(id, request) {
    this.#call('sftpCancel', id, request);
  }
  knownHostsSet(text) {
    return this.#call('knownHostsSet', new TextDecoder().decode(text)) ?? 0;
  }
  knownHostsRemove(host, port) {
    return this.#call('knownHostsRemove', host, port) ?? 0;
  }
  sshKeyCheck(text) {
    return this.#open('sshKeyCheck', text);
  }

  sshKeygen(comment) {
    return this.#open('sshKeygen', comment);
  }
  ping(host) {
    return this.#open('ping', host);
  }
}
