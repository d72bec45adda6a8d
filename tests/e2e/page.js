/*
 * The page that cases run in: tests/e2e is served under /e2e/, js/dist under /dist/. The worker gets
 * probe.js put before its own code.
 */
import {createIPN} from '/dist/index.js';
import {leave, runCase} from '/e2e/run_case.mjs';

async function deed(name, ...args) {
  const answer = await fetch('/deed', {method: 'POST', body: JSON.stringify([name, ...args])});
  const {value, error} = await answer.json();
  if (error !== undefined) throw new Error(`${name}: ${error}`);
  return value;
}

globalThis.cases = {
  async run(file, name, env) {
    const {cases} = await import(`/e2e/cases/${file}`);
    try {
      await runCase({env, deed, createIPN, config: {}, cases}, name);
      return '';
    } catch (error) {
      const said = String(error);
      const stack = error?.stack ?? '';
      return stack.includes(said) ? stack : `${said}\n${stack}`; // only Chromium's begins with it
    }
  },
  leave,
};
