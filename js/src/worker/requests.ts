/* What the page asks of a core: flows, and questions that are answered once. */
import type {Core} from '../core/core.js';
import type {Flows} from './flows.js';
import type {FlowCommand, FlowOpening, Question} from './messages.js';
import {NOT_JOINED, type Questions} from './questions.js';

export type Request = FlowOpening | FlowCommand | Question;

const QUESTIONS: Record<Question['type'], true> = {
  ping: true,
  keygen: true,
  keyCheck: true,
  knownHosts: true,
  sessions: true,
  addKnownHosts: true,
  removeKnownHost: true,
};

function isQuestion(request: Request): request is Question {
  return request.type in QUESTIONS;
}

export class Requests {
  readonly #flows: Flows;
  readonly #questions: Questions;

  constructor(flows: Flows, questions: Questions) {
    this.#flows = flows;
    this.#questions = questions;
  }

  handle(core: Core, request: Request, now: number): void {
    if (isQuestion(request)) return this.#questions.ask(core, request, now);
    switch (request.type) {
      case 'sshOpen':
      case 'tcpOpen':
      case 'sftpOpen':
      case 'attach':
        return this.#flows.open(core, request, now);
      default:
        return this.#flows.command(core, request, now);
    }
  }

  /** There is no core to ask. What was secret in the request is wiped. */
  refuse(request: Request): void {
    if ('fields' in request) request.fields.fill(0);
    if (isQuestion(request)) return this.#questions.refuse(request);
    switch (request.type) {
      case 'sshOpen':
      case 'attach':
        return this.#flows.refuse('ssh', request.ref, 'not-joined', NOT_JOINED);
      case 'tcpOpen':
        return this.#flows.refuse('tcp', request.ref, 'not-joined', NOT_JOINED);
      case 'sftpOpen':
        return this.#flows.refuse('sftp', request.ref, 'not-joined', NOT_JOINED);
      default: // late, for what is over
        if (request.type === 'prompt') request.answers?.fill(0);
    }
  }
}
