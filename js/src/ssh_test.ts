/* ipn.testSSH: the way to a server, step by step, each with its time; nothing is opened there. */
import type {IPNSSHAccess, IPNSSHTest, IPNSSHTestStep} from '../ipn.js';
import {deferred} from './callbacks.js';
import type {Calls} from './calls.js';
import type {FlowMessage} from './flow_port.js';
import {DialogFlow} from './ssh_dialog.js';
import {checkAccess} from './ssh_options.js';

/** enum ipn_ssh_step, from 1 on. */
const STEPS = ['name', 'route', 'tcp', 'version', 'kex', 'hostKey', 'auth'] as const;

export async function testSsh(
  calls: Calls,
  host: unknown,
  user: unknown,
  options: IPNSSHAccess,
): Promise<IPNSSHTest> {
  const access = checkAccess(host, user, options);
  // On a connection of its own: a shared one has most steps behind it.
  const fields = access.fields.filter(([name]) => name !== 'reuse');
  fields.push(['kind', 'test'], ['reuse', 0]);
  return calls.connect(access, fields, (port) => new SshTest(access, port)).result;
}

class SshTest extends DialogFlow {
  readonly #result = deferred<IPNSSHTest>();
  readonly #steps: IPNSSHTestStep[] = [];
  /** How many of STEPS are done. */
  #done = 0;
  #errorMs = 0;

  get result(): Promise<IPNSSHTest> {
    return this.#result.promise;
  }

  override handle(message: FlowMessage): void {
    if (message.type === 'sshStep') return this.#handleStep(message);
    if (message.type === 'sshError') this.#errorMs = message.ms ?? 0;
    super.handle(message);
  }

  #handleStep(message: Extract<FlowMessage, {type: 'sshStep'}>): void {
    const step = STEPS[message.step - 1];
    if (!step) return;
    const {detail, ms = 0} = message;
    if (message.step <= this.#done) this.#steps.length = 0; // a retry begins anew
    this.#done = message.step;
    this.#steps.push({step, ok: true, ms, detail});
  }

  protected aborted(reason: unknown): void {
    this.#result.reject(reason);
  }

  protected ended(): void {
    const {error} = this.dialog;
    if (error) {
      const step = STEPS[this.#done] ?? 'auth';
      this.#steps.push({step, ok: false, ms: this.#errorMs, detail: '', error: error.message});
    }
    this.#result.resolve({ok: !error, steps: this.#steps, ...(error && {error})});
  }
}
