/* Everything of one node that has a ref: sessions, streams and pings. */
import type {IPNPong} from '../ipn.js';
import type {FlowHandler, FlowMessage} from './flow_port.js';
import type {FromEngine} from './worker/messages.js';

type PongMessage = Extract<FromEngine, {type: 'pong'}>;

interface PendingPing {
  resolve(pong: IPNPong): void;
  reject(error: Error): void;
}

export class Refs {
  readonly #flows = new Map<number, FlowHandler>();
  readonly #pings = new Map<number, PendingPing>();
  #next = 1;

  take(): number {
    return this.#next++;
  }

  addFlow(ref: number, handler: FlowHandler): void {
    this.#flows.set(ref, handler);
  }

  addPing(ref: number, pending: PendingPing): void {
    this.#pings.set(ref, pending);
  }

  handleFlow(message: FlowMessage): void {
    const handler = this.#flows.get(message.id);
    if (message.type === 'sshDone' || message.type === 'tcpDone') this.#flows.delete(message.id);
    handler?.handle(message);
  }

  handlePong({id: ref, ms, region, why}: PongMessage): void {
    const pending = this.#pings.get(ref);
    this.#pings.delete(ref);
    if (ms >= 0) pending?.resolve({ms, region});
    else pending?.reject(new Error(why ?? 'The node did not answer.'));
  }

  /** The page closes the node: nothing waits for it to take what is left. */
  dropAll(): void {
    for (const flow of this.#flows.values()) flow.drop?.();
  }

  /** The engine is gone. */
  failAll(why: string): void {
    const flows = [...this.#flows.values()];
    const pings = [...this.#pings.values()];
    this.#flows.clear();
    this.#pings.clear();
    for (const flow of flows) flow.fail(why);
    for (const ping of pings) ping.reject(new Error(why));
  }
}
