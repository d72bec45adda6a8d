/*
 * The engine's half of SSH sessions, TCP streams and requests on files: the page's refs against the
 * core's ids, and the queue of bytes that the core does not take yet. The page bounds that queue
 * (Outgoing in flow_port.ts): it counts what it sent against what was accepted.
 *
 * A request on files is a flow of its own, on the session that carries it: its ref is its number.
 */
import type {Core} from '../core/core.js';
import type {FlowEvent, SftpEvent} from '../core/events.js';
import type {Clock} from '../core/pump.js';
import type {Batch} from './batch.js';
import type {FlowCommand, FlowOpening} from './messages.js';
import {ERR_ARG, ERR_FULL} from './questions.js';

const MAX_WRITE_BYTES = 64 * 1024; // at once: bounds the scratch buffer in wasm memory
const ACCEPTED_STEP_BYTES = 64 * 1024; // one message per key pressed would be waste
const ERR_CLOSED = -7;
export const NO_SESSION =
  'This session is not there any more: it ended, or another tab of this page has taken it over.';

type Kind = 'ssh' | 'tcp' | 'sftp';

interface Flow {
  readonly kind: Kind;
  readonly ref: number;
  /** Of a request on files: that of its session. */
  readonly id: number;
  readonly queue: Uint8Array[];
  accepted: number;
  isOpen: boolean;
  wantsEof: boolean;
  /** When the last step of a connection was done. */
  stepAt: number;
}

function openProblem(kind: Kind, code: number): string {
  if (kind === 'sftp') {
    if (code === ERR_FULL) return 'Too many requests are waiting.';
    return code === ERR_ARG ? 'The path cannot be used.' : 'The connection ended.';
  }
  if (code === ERR_FULL)
    return 'Too many connections are open in this tab: close some of them first.';
  if (code === ERR_ARG) return 'The host, user or port cannot be used.';
  return 'The connection could not be started: no memory is left, or the tailnet was not joined.';
}

export class Flows {
  readonly #batch: Batch;
  readonly #byRef = new Map<number, Flow>();
  /** Sessions and streams; requests are found by their ref. */
  readonly #byId = new Map<number, Flow>();

  constructor(batch: Batch) {
    this.#batch = batch;
  }

  get size(): number {
    return this.#byRef.size;
  }

  open(core: Core, message: FlowOpening, now: number): void {
    const {ref} = message;
    switch (message.type) {
      case 'tcpOpen': {
        const {host, port, timeoutMs} = message;
        return this.#add('tcp', ref, core.tcpOpen(host, port, timeoutMs, now), now);
      }
      case 'sftpOpen': {
        const session = this.#byRef.get(message.on);
        const code = session ? core.sftpRequest(session.id, message.fields, now) : ERR_CLOSED;
        message.fields.fill(0);
        if (code < 0 || !session)
          return this.refuse('sftp', ref, 'closed', openProblem('sftp', code));
        this.#keep('sftp', ref, session.id, now).isOpen = true;
        return;
      }
      case 'sshOpen':
        return this.#openSsh(core, message, now);
      case 'attach':
        return this.refuse('ssh', ref, 'no-session', NO_SESSION);
    }
  }

  #openSsh(core: Core, message: Extract<FlowOpening, {type: 'sshOpen'}>, now: number): void {
    const {ref, fields} = message;
    const ids = new Map<string, number>();
    for (const name of ['on', 'via'] as const) {
      const other = message[name];
      if (other === undefined) continue;
      const id = this.#byRef.get(other)?.id;
      if (id === undefined) {
        fields.fill(0);
        return this.refuse('ssh', ref, 'closed', 'The connection that it should use is over.');
      }
      ids.set(name, id);
    }
    const all = withFields(fields, ids);
    const id = core.sshOpen(all, now);
    fields.fill(0);
    all.fill(0);
    this.#add('ssh', ref, id, now);
  }

  /** Ends what never began, or what the core no longer speaks for. */
  refuse(kind: Kind, ref: number, code: string, message: string): void {
    if (kind === 'sftp') {
      const words = {status: ERR_CLOSED, text: message, attrs: {}};
      return this.#batch.add({type: 'sftpDone', id: ref, request: ref, ...words});
    }
    if (kind === 'ssh') this.#batch.add({type: 'sshError', id: ref, code, message, isEarly: false});
    else this.#batch.add({type: 'tcpError', id: ref, code, message});
    this.#batch.add({type: `${kind}Done`, id: ref});
  }

  refuseAll(code: string, message: string): void {
    for (const flow of this.#byRef.values()) this.refuse(flow.kind, flow.ref, code, message);
    this.#byRef.clear();
    this.#byId.clear();
  }

  /** Commands for flows that are over are late, not wrong. */
  command(core: Core, command: FlowCommand, now: number): void {
    const flow = this.#byRef.get(command.ref);
    if (flow) this.#command(core, flow, command, now);
    if (command.type === 'prompt') command.answers?.fill(0);
  }

  #command(core: Core, flow: Flow, command: FlowCommand, now: number): void {
    switch (command.type) {
      case 'write':
        flow.queue.push(command.bytes);
        return this.#push(core, flow, now);
      case 'eof':
        flow.wantsEof = true;
        return this.#push(core, flow, now);
      case 'closeFlow':
        return close(core, flow, now);
      case 'credit':
        return credit(core, flow, command.n, now);
      default:
        if (flow.kind === 'ssh') commandSsh(core, flow.id, command, now);
    }
  }

  /** Passes an event on under the page's ref. True: bytes may be pushed now, by resume(). */
  event(event: FlowEvent, clock: Pick<Clock, 'now'>): boolean {
    if ('request' in event && event.type !== 'sshAgentSign') return this.#sftpEvent(event);
    const flow = this.#byId.get(event.id);
    if (!flow) return false;
    switch (event.type) {
      case 'sshData':
      case 'sshStderr':
      case 'tcpData':
        this.#batch.addData(event.type, flow.ref, event.bytes);
        return false;
      case 'sshWritable':
      case 'tcpWritable':
        return flow.isOpen;
      case 'sshOpen':
      case 'tcpOpen':
        flow.isOpen = true;
        this.#batch.add({...event, id: flow.ref});
        return true;
      case 'sshDone':
      case 'tcpDone':
        this.#end(flow);
        this.#batch.add({...event, id: flow.ref});
        return false;
      case 'sshStep':
      case 'sshError': {
        const now = clock.now();
        this.#batch.add({...event, id: flow.ref, ms: now - flow.stepAt});
        flow.stepAt = now;
        return false;
      }
      default:
        this.#batch.add({...event, id: flow.ref});
        return false;
    }
  }

  #sftpEvent(event: SftpEvent): boolean {
    const flow = this.#byRef.get(event.request);
    if (!flow || flow.id !== event.id) return false;
    if (event.type === 'sftpData') {
      this.#batch.addData(event.type, flow.ref, event.bytes);
      return false;
    }
    if (event.type === 'sftpDone') this.#byRef.delete(flow.ref);
    this.#batch.add({...event, id: flow.ref});
    return event.type === 'sftpWritable';
  }

  /** event() said so: the flow it was for takes bytes again. */
  resume(core: Core, event: FlowEvent, now: number): void {
    const isSftp = event.type === 'sftpWritable';
    const flow = isSftp ? this.#byRef.get(event.request) : this.#byId.get(event.id);
    if (flow) this.#push(core, flow, now);
  }

  #add(kind: 'ssh' | 'tcp', ref: number, id: number, now: number): void {
    if (id <= 0) return this.refuse(kind, ref, 'not-started', openProblem(kind, id));
    this.#byId.set(id, this.#keep(kind, ref, id, now));
  }

  #keep(kind: Kind, ref: number, id: number, now: number): Flow {
    const state = {queue: [], accepted: 0, isOpen: false, wantsEof: false, stepAt: now};
    const flow = {kind, ref, id, ...state};
    this.#byRef.set(ref, flow);
    return flow;
  }

  /** A session takes the requests on it along. */
  #end(flow: Flow): void {
    this.#byId.delete(flow.id);
    this.#byRef.delete(flow.ref);
    if (flow.kind === 'tcp') return;
    for (const other of [...this.#byRef.values()]) {
      if (other.kind !== 'sftp' || other.id !== flow.id) continue;
      this.#byRef.delete(other.ref);
      this.refuse('sftp', other.ref, 'closed', 'The connection ended.');
    }
  }

  /** As much as the core takes; the rest waits for WRITABLE. */
  #push(core: Core, flow: Flow, now: number): void {
    if (!flow.isOpen) return;
    for (let head; (head = flow.queue[0]);) {
      const taken = write(core, flow, head.subarray(0, MAX_WRITE_BYTES), now);
      if (taken === 0) break;
      // < 0: the far end reads no more. The bytes are lost, as in a closed pipe.
      const used = taken < 0 ? head.length : taken;
      flow.accepted += used;
      if (used === head.length) flow.queue.shift();
      else flow.queue[0] = head.subarray(used);
    }
    if (flow.accepted >= ACCEPTED_STEP_BYTES) {
      this.#batch.add({type: 'accepted', id: flow.ref, n: flow.accepted});
      flow.accepted = 0;
    }
    if (flow.wantsEof && flow.queue.length === 0) {
      flow.wantsEof = false;
      if (flow.kind === 'ssh') core.sshEof(flow.id, now);
      else if (flow.kind === 'tcp') core.tcpShutdown(flow.id, now);
      else core.sftpEnd(flow.id, flow.ref, now);
    }
  }
}

function write(core: Core, flow: Flow, bytes: Uint8Array, now: number): number {
  if (flow.kind === 'ssh') return core.sshWrite(flow.id, bytes, now);
  if (flow.kind === 'tcp') return core.tcpWrite(flow.id, bytes, now);
  return core.sftpWrite(flow.id, flow.ref, bytes, now);
}

function close(core: Core, flow: Flow, now: number): void {
  if (flow.kind === 'ssh') core.sshClose(flow.id, now);
  else if (flow.kind === 'tcp') core.tcpClose(flow.id, now);
  else core.sftpCancel(flow.id, flow.ref, now);
}

function credit(core: Core, flow: Flow, n: number, now: number): void {
  if (flow.kind === 'ssh') core.sshCredit(flow.id, n, now);
  else if (flow.kind === 'tcp') core.tcpCredit(flow.id, n, now);
  else core.sftpCredit(flow.id, flow.ref, n, now);
}

type SshCommand = Extract<
  FlowCommand,
  {type: 'resize' | 'hostKey' | 'prompt' | 'agent' | 'signal'}
>;

function commandSsh(core: Core, id: number, command: SshCommand, now: number): void {
  switch (command.type) {
    case 'resize':
      return core.sshResize(id, command.rows, command.cols, now);
    case 'hostKey':
      return core.sshAnswerHostKey(id, command.accept, now);
    case 'prompt':
      return core.sshAnswerPrompt(id, command.answers, now);
    case 'agent':
      return core.sshAnswerAgent(id, command.request, command.allow, now);
    case 'signal':
      return core.sshSignal(id, command.name, now);
  }
}

/** The fields, and behind them those of the engine. */
function withFields(fields: Uint8Array, more: Map<string, number>): Uint8Array {
  const tail = new TextEncoder().encode(
    [...more].map(([name, value]) => `${name}\0${value}\0`).join(''),
  );
  const all = new Uint8Array(fields.length + tail.length);
  all.set(fields);
  all.set(tail, fields.length);
  return all;
}
