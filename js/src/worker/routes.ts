/*
 * Which page each session, stream, request and question of a shared node belongs to. Pages choose
 * their refs for themselves, so the engine gets others: one route each.
 *
 *   page A, ref 1 ── route 7 ─┐
 *   page B, ref 1 ── route 8 ─┼── engine
 *        (nobody) ── route 9 ─┘     a shell whose page was left: kept for the next one
 */
import type {FlowEvent} from '../core/events.js';
import type {
  DetachedSession,
  FlowCommand,
  FlowOpening,
  FromEngine,
  Question,
  ToEngine,
} from './messages.js';
import {NO_SESSION} from './flows.js';
import {KeptSession} from './kept_session.js';
import type {NodeClient} from './node_client.js';

export interface Route {
  /** The engine's. */
  readonly ref: number;
  client: NodeClient | undefined;
  clientRef: number;
  readonly isQuestion: boolean;
  readonly session: KeptSession | undefined;
  /** Those that carry it. */
  readonly uses: number[];
  /** Its page is gone, and it is kept for what it carries. */
  isOrphan: boolean;
}

type Attach = Extract<FlowOpening, {type: 'attach'}>;
type FlowMessage = FlowEvent | Extract<FromEngine, {type: 'accepted' | 'answer'}>;

const NOBODY = -1; // a ref that the engine does not know
const LAST = ['sshDone', 'tcpDone', 'sftpDone', 'answer'];

export class Routes {
  readonly #engine: (message: ToEngine) => void;
  readonly #all = new Map<number, Route>();
  #next = 1;

  constructor(engine: (message: ToEngine) => void) {
    this.#engine = engine;
  }

  /** The engine is gone, and told the pages so. */
  clear(): void {
    for (const route of this.#all.values()) route.client?.routes.delete(route.clientRef);
    this.#all.clear();
  }

  open(client: NodeClient, message: FlowOpening): void {
    switch (message.type) {
      case 'attach':
        return this.#attach(client, message);
      case 'tcpOpen':
        return this.#engine({...message, ref: this.#add(client, message.ref).ref});
      case 'sftpOpen': {
        const on = this.#refOf(client, message.on);
        const {ref} = this.#add(client, message.ref, {uses: [on]});
        return this.#engine({...message, ref, on, fields: withRequest(message.fields, ref)});
      }
      case 'sshOpen': {
        const {label, ...rest} = message;
        const [on, via] = [message.on, message.via].map((other) =>
          other === undefined ? undefined : this.#refOf(client, other),
        );
        const uses = [on, via].filter((other) => other !== undefined);
        const session = label && new KeptSession(label);
        const {ref} = this.#add(client, message.ref, {uses, session});
        return this.#engine({...rest, ref, on, via});
      }
    }
  }

  ask(client: NodeClient, question: Question): void {
    if (question.type === 'sessions') {
      const value = this.#detached(client.tab);
      return client.say({type: 'answer', id: question.ref, value});
    }
    this.#engine({...question, ref: this.#add(client, question.ref, {isQuestion: true}).ref});
  }

  command(client: NodeClient, command: FlowCommand): void {
    const route = client.routes.get(command.ref);
    if (!route && command.type === 'prompt') command.answers?.fill(0);
    if (!route) return;
    if (command.type === 'credit') route.session?.tape.take(command.n);
    if (command.type === 'write') route.session?.wrote(command.bytes.length);
    this.#engine({...command, ref: route.ref});
  }

  /** From the engine. buffer: it may be handed on to the page. */
  deliver(message: FlowMessage, buffer: ArrayBuffer | undefined): void {
    const ref = message.type.startsWith('sftp')
      ? (message as {request: number}).request
      : message.id;
    const route = this.#all.get(ref);
    if (!route) return;
    const told = this.#record(route, message);
    const {client, clientRef: id} = route;
    // A shell that ends while no page has it waits for one as if it had not.
    if (LAST.includes(message.type) && (client || !route.session?.departure)) this.#forget(route);
    if (!client || !told) return;
    const request = message.type.startsWith('sftp') ? {request: id} : {};
    client.push({...told, id, ...request}, buffer);
  }

  /** What is to be told to the page, if there is one: all but what an earlier page is owed. */
  #record({session, client}: Route, message: FlowMessage): FlowMessage | undefined {
    if (!session) return message;
    switch (message.type) {
      case 'answer':
        return message;
      case 'accepted': {
        const n = session.accepted(message.n);
        return n > 0 ? {...message, n} : undefined;
      }
      case 'sshData':
      case 'sshStderr':
        session.tape.push(message.type, message.bytes);
        return message;
      case 'sshOpen':
        session.details = message;
        return message;
      default:
        if (!client) session.keep(message);
        return message;
    }
  }

  /** The page wants no more of anything that it began. */
  closeAll(client: NodeClient): void {
    for (const route of client.routes.values()) this.#abandon(route);
    client.routes.clear();
  }

  /** The page is gone: its shells are kept, and what carries them. */
  detach(client: NodeClient, taken: Array<[number, number]>, departure: number): void {
    for (const [ref, n] of taken) if (n > 0) this.command(client, {type: 'credit', ref, n});
    const kept = new Set<Route>();
    const keep = (route: Route | undefined): void => {
      if (!route || kept.has(route)) return;
      kept.add(route);
      for (const ref of route.uses) keep(this.#all.get(ref));
    };
    for (const route of client.routes.values()) if (route.session?.details) keep(route);
    for (const route of client.routes.values()) {
      route.client = undefined;
      if (!kept.has(route)) this.#abandon(route);
      else if (route.session?.details) route.session.detach(client.tab, departure);
      else route.isOrphan = true;
    }
    client.routes.clear();
  }

  /** Nobody came for those that were left then. */
  expire(departure: number): void {
    for (const route of [...this.#all.values()]) {
      if (route.client || route.session?.departure !== departure) continue;
      this.#abandon(route);
      this.#forget(route);
    }
  }

  #abandon(route: Route): void {
    route.client = undefined;
    if (!route.isQuestion) this.#engine({type: 'closeFlow', ref: route.ref});
  }

  #detached(tab: string): DetachedSession[] {
    const found: DetachedSession[] = [];
    for (const {ref: id, client, session} of this.#all.values())
      if (!client && session?.details && session.departure)
        found.push({...session.label, id, sameTab: session.tab === tab && tab !== ''});
    return found;
  }

  #attach(client: NodeClient, {ref, session: id, rows, cols}: Attach): void {
    const route = this.#all.get(id);
    const {session} = route ?? {};
    if (!route || route.client || !session?.details) {
      const error = {
        type: 'sshError',
        id: ref,
        code: 'no-session',
        message: NO_SESSION,
        isEarly: false,
      };
      client.push(error as FromEngine);
      return client.say({type: 'sshDone', id: ref});
    }
    route.client = client;
    route.clientRef = ref;
    session.departure = 0;
    client.routes.set(ref, route);
    const {tape} = session;
    client.push({...session.details, id: ref});
    client.push({type: 'scrollback', id: ref, bytes: tape.scrollback()});
    for (const data of tape.unseen()) client.push({...data, id: ref});
    for (const event of session.takeEvents()) {
      client.push({...event, id: ref});
      if (event.type === 'sshDone') this.#forget(route);
    }
    client.flush();
    // A screen whose beginning is lost has to be drawn again; programs do that for a new size.
    if (tape.isCut)
      this.#engine({type: 'resize', ref: route.ref, rows, cols: cols > 1 ? cols - 1 : 2});
    this.#engine({type: 'resize', ref: route.ref, rows, cols});
  }

  /** It is over; so is what was kept only to carry it. */
  #forget(route: Route): void {
    this.#all.delete(route.ref);
    route.client?.routes.delete(route.clientRef);
    for (const ref of route.uses) {
      const carrier = this.#all.get(ref);
      const isUsed = [...this.#all.values()].some(({uses}) => uses.includes(ref));
      if (carrier?.isOrphan && !isUsed) this.#abandon(carrier);
    }
  }

  #refOf(client: NodeClient, clientRef: number): number {
    return client.routes.get(clientRef)?.ref ?? NOBODY;
  }

  #add(client: NodeClient, clientRef: number, rest: Partial<Route> = {}): Route {
    const ref = this.#next++;
    const {isQuestion = false, session, uses = []} = rest;
    const route: Route = {ref, client, clientRef, isQuestion, session, uses, isOrphan: false};
    this.#all.set(ref, route);
    client.routes.set(clientRef, route);
    return route;
  }
}

/** The fields of a request on files begin with its number, which the core tells it by: see calls.ts. */
function withRequest(fields: Uint8Array, ref: number): Uint8Array {
  const start = fields.indexOf(0) + 1;
  const end = fields.indexOf(0, start);
  const head = new TextEncoder().encode(`request\0${ref}`);
  const all = new Uint8Array(head.length + fields.length - end);
  all.set(head);
  all.set(fields.subarray(end), head.length);
  return all;
}
