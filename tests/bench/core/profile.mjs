// Where the time of some work goes: V8's sampling profiler, summed by function.
import {Session} from 'node:inspector';

const INTERVAL_US = 200;

/** Samples of several stretches of work. Within one process the inspector answers at once. */
export class Profile {
  #session = new Session();
  #times = new Map();
  #wasm = new Set();

  constructor() {
    this.#session.connect();
    this.#post('Profiler.enable');
    this.#post('Profiler.setSamplingInterval', {interval: INTERVAL_US});
  }

  #post(method, params) {
    let answer;
    this.#session.post(method, params, (error, result) => (answer = {error, result}));
    if (!answer || answer.error) throw new Error(`${method}: ${answer?.error?.message}`);
    return answer.result;
  }

  start() {
    this.#post('Profiler.start');
  }

  stop() {
    const {profile} = this.#post('Profiler.stop');
    const names = new Map(profile.nodes.map(({id, callFrame}) => [id, nameOf(callFrame)]));
    for (const {callFrame} of profile.nodes)
      if (isWasm(callFrame)) this.#wasm.add(nameOf(callFrame));
    profile.samples.forEach((id, i) => {
      const name = names.get(id);
      const us = name === '(idle)' ? 0 : Math.max(0, profile.timeDeltas[i]);
      this.#times.set(name, (this.#times.get(name) ?? 0) + us);
    });
  }

  /** [{name, self, isWasm}]: the share of each function, the largest first. */
  end() {
    this.#session.disconnect();
    const all = [...this.#times.values()].reduce((a, b) => a + b, 0);
    return [...this.#times]
      .map(([name, us]) => ({name, self: us / all, isWasm: this.#wasm.has(name)}))
      .sort((a, b) => b.self - a.self);
  }
}

const isWasm = ({url}) => url.startsWith('wasm:');

function nameOf(frame) {
  const name = frame.functionName || '(anonymous)';
  return isWasm(frame) || name.startsWith('(') ? name : `${name} [js]`;
}

/** The functions above a half percent, as lines. */
export function profileText(list, least = 0.005) {
  return list
    .filter(({self}) => self >= least)
    .map(({name, self}) => `${(100 * self).toFixed(1).padStart(6)} %  ${name}`)
    .join('\n');
}
