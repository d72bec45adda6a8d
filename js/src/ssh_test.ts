/* ipn.testSSH: the way to a server, step by step, each with its time; nothing is opened there. */
import type {IPNSSHAccess, IPNSSHTest, IPNSSHTestStep} from '../ipn.js';
import {abortReason, deferred, onAbort} from './callbacks.js';
import type {Calls} from './calls.js';
import type {FlowHandler, FlowMessage, FlowPort} from './flow_port.js';
import {SshDialog} from './ssh_dialog.js';
import {checkAccess, type Access} from './ssh_options.js';

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

class SshTest implements FlowHandler {
  readonly #result = deferred<IPNSSHTest>();
  readonly #dialog: SshDialog;
  readonly #steps: IPNSSHTestStep[] = [];
  readonly #stopListening: () => void;
  /** How many of STEPS are done. */
  #done = 0;
  #errorMs = 0;

  constructor(access: Access, port: FlowPort) {
    this.#dialog = new SshDialog(access, port);
    const {signal} = access; // and nothing else of it: it holds secrets
    this.#stopListening = onAbort(signal, () => {
      port.post({type: 'closeFlow'});
      this.#result.reject(abortReason(signal));
    });
  }

  get result(): Promise<IPNSSHTest> {
    return this.#result.promise;
  }

  handle(message: FlowMessage): void {
    switch (message.type) {
      case 'sshStep': {
        const step = STEPS[message.step - 1];
        if (!step) return;
        const {detail, ms = 0} = message;
        if (message.step <= this.#done) this.#steps.length = 0; // a retry begins anew
        this.#done = message.step;
        this.#steps.push({step, ok: true, ms, detail});
        return;
      }
      case 'sshError':
        this.#errorMs = message.ms ?? 0;
        return this.#dialog.handle(message);
      case 'sshDone':
        return this.#end();
      default:
        return this.#dialog.handle(message);
    }
  }

  fail(message: string): void {
    this.#dialog.fail(message);
    this.#end();
  }

  #end(): void {
    this.#stopListening();
    const {error} = this.#dialog;
    if (error) {
      const step = STEPS[this.#done] ?? 'auth';
      this.#steps.push({step, ok: false, ms: this.#errorMs, detail: '', error: error.message});
    }
    this.#result.resolve({ok: !error, steps: this.#steps});
  }
}
