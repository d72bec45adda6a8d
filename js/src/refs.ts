/* Everything of one node that has a ref: sessions, streams, requests and questions. */
import type {FlowHandler, FlowMessage} from './flow_port.js';
import type {FromEngine} from './worker/messages.js';

type Answer = Extract<FromEngine, {type: 'answer'}>;

interface PendingQuestion {
  resolve(value: unknown): void;
  reject(error: Error): void;
}

const LAST = ['sshDone', 'tcpDone', 'sftpDone'];

export class Refs {
  readonly #flows = new Map<number, FlowHandler>();
  readonly #questions = new Map<number, PendingQuestion>();
  #next = 1;

  take(): number {
    return this.#next++;
  }

  addFlow(ref: number, handler: FlowHandler): void {
    this.#flows.set(ref, handler);
  }

  addQuestion(ref: number, pending: PendingQuestion): void {
    this.#questions.set(ref, pending);
  }

  handleFlow(message: FlowMessage): void {
    const handler = this.#flows.get(message.id);
    if (LAST.includes(message.type)) this.#flows.delete(message.id);
    handler?.handle(message);
  }

  handleAnswer({id: ref, value, error}: Answer): void {
    const pending = this.#questions.get(ref);
    this.#questions.delete(ref);
    if (error === undefined) pending?.resolve(value);
    else pending?.reject(new Error(error));
  }

  /** The page closes the node: nothing waits for it to take what is left. */
  dropAll(): void {
    for (const flow of this.#flows.values()) flow.drop?.();
  }

  /** What each has taken without giving credit for it. */
  uncredited(): Array<[ref: number, n: number]> {
    return [...this.#flows].map(([ref, flow]) => [ref, flow.uncredited ?? 0]);
  }

  /** The engine is gone. */
  failAll(why: string): void {
    const flows = [...this.#flows.values()];
    const questions = [...this.#questions.values()];
    this.#flows.clear();
    this.#questions.clear();
    for (const flow of flows) flow.fail(why);
    for (const question of questions) question.reject(new Error(why));
  }
}
