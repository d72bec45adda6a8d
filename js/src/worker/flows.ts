/*
 * The engine's half of SSH sessions and TCP streams: the page's refs against the core's ids, and
 * the queue of bytes that the core does not take yet. The page bounds that queue (MAX_QUEUED_BYTES
 * in outgoing.ts): it counts what it sent against what was accepted.
 */
import type {Core, SshOpenOptions} from '../core/core.js';
import type {FlowEvent} from '../core/events.js';
import type {Batch} from './batch.js';
import type {FlowCommand} from './messages.js';

const MAX_WRITE_BYTES = 64 * 1024; // at once: bounds the scratch buffer in wasm memory
const ACCEPTED_STEP_BYTES = 64 * 1024; // one message per key pressed would be waste

type Kind = 'ssh' | 'tcp';

interface Flow {
  readonly kind: Kind;
  readonly ref: number;
  readonly id: number;
  readonly queue: Uint8Array[];
  accepted: number;
  isOpen: boolean;
  wantsEof: boolean;
}

export const ERR_FULL = -2;
const ERR_ARG = -6;

function openProblem(code: number): string {
  if (code === ERR_FULL) return 'Too many connections are open in this tab.';
  if (code === ERR_ARG) return 'The host, user or port cannot be used.';
  return 'The connection could not be started: no memory is left, or the tailnet was not joined.';
}

export class Flows {
  readonly #batch: Batch;
  readonly #byRef = new Map<number, Flow>();
  readonly #byId = {ssh: new Map<number, Flow>(), tcp: new Map<number, Flow>()};

  constructor(batch: Batch) {
    this.#batch = batch;
  }

  get size(): number {
    return this.#byRef.size;
  }

  openSsh(core: Core, ref: number, options: SshOpenOptions, now: number): void {
    this.#add('ssh', ref, core.sshOpen(options, now));
  }

  openTcp(
    core: Core,
    ref: number,
    host: string,
    port: number,
    timeoutMs: number,
    now: number,
  ): void {
    this.#add('tcp', ref, core.tcpOpen(host, port, timeoutMs, now));
  }

  /** Ends what never began, or what the core no longer speaks for. */
  refuse(kind: Kind, ref: number, code: string, message: string): void {
    this.#batch.add({type: `${kind}Error`, id: ref, code, message});
    this.#batch.add({type: `${kind}Done`, id: ref});
  }

  refuseAll(code: string, message: string): void {
    for (const flow of this.#byRef.values()) this.refuse(flow.kind, flow.ref, code, message);
    this.#byRef.clear();
    this.#byId.ssh.clear();
    this.#byId.tcp.clear();
  }

  closeAll(core: Core, now: number): void {
    for (const flow of this.#byRef.values()) close(core, flow, now);
  }

  /** Commands for flows that are over are late, not wrong. */
  command(core: Core, command: FlowCommand, now: number): void {
    const flow = this.#byRef.get(command.ref);
    if (!flow) return;
    switch (command.type) {
      case 'write':
        flow.queue.push(command.bytes);
        return this.#push(core, flow, now);
      case 'eof':
        flow.wantsEof = true;
        return this.#push(core, flow, now);
      case 'closeFlow':
        return close(core, flow, now);
      case 'resize':
        if (flow.kind === 'ssh') core.sshResize(flow.id, command.rows, command.cols, now);
        return;
      case 'hostKey':
        if (flow.kind === 'ssh') core.sshAnswerHostKey(flow.id, command.accept, now);
        return;
      case 'credit':
        if (flow.kind === 'ssh') core.sshCredit(flow.id, command.n, now);
        else core.tcpCredit(flow.id, command.n, now);
        return;
    }
  }

  /** Passes an event on under the page's ref. True: bytes may be pushed now, by resume(). */
  event(event: FlowEvent): boolean {
    const kind: Kind = event.type.startsWith('ssh') ? 'ssh' : 'tcp';
    const flow = this.#byId[kind].get(event.id);
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
        this.#byId[kind].delete(event.id);
        this.#byRef.delete(flow.ref);
        this.#batch.add({...event, id: flow.ref});
        return false;
      default:
        this.#batch.add({...event, id: flow.ref});
        return false;
    }
  }

  resume(core: Core, kind: Kind, id: number, now: number): void {
    const flow = this.#byId[kind].get(id);
    if (flow) this.#push(core, flow, now);
  }

  #add(kind: Kind, ref: number, id: number): void {
    if (id <= 0) return this.refuse(kind, ref, 'not-started', openProblem(id));
    const flow = {kind, ref, id, queue: [], accepted: 0, isOpen: false, wantsEof: false};
    this.#byRef.set(ref, flow);
    this.#byId[kind].set(id, flow);
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
      else core.tcpShutdown(flow.id, now);
    }
  }
}

function write(core: Core, flow: Flow, bytes: Uint8Array, now: number): number {
  return flow.kind === 'ssh'
    ? core.sshWrite(flow.id, bytes, now)
    : core.tcpWrite(flow.id, bytes, now);
}

function close(core: Core, flow: Flow, now: number): void {
  if (flow.kind === 'ssh') core.sshClose(flow.id, now);
  else core.tcpClose(flow.id, now);
}
