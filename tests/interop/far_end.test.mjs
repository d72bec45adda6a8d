/*
 * The far end dies: that, and only that, ends a session, with a sentence, and the next one works.
 *
 *   page ── Headscale (control, DERP) ── alpha: tailscaled, killed and started again
 */
import assert from 'node:assert/strict';
import {userInfo} from 'node:os';
import {after, before, describe, test} from 'node:test';
import {until} from '../support/process.mjs';
import {Testnet} from '../support/testnet.mjs';

const user = userInfo().username;

describe('the far end', () => {
  let net, alpha, page;

  before(async () => {
    net = await Testnet.start();
    alpha = await net.node('alpha');
    page = await net.page();
  });
  after(() => net?.stop());

  /** A shell that runs; `ended` resolves with all that it said. */
  async function shell() {
    let said;
    const ended = page.ssh('alpha', user, {
      timeoutSeconds: 30,
      onError: (error) => (said.failure = error),
      onStart: (_, s) => (said = s),
    });
    await until('the shell', () => said.type && said.out.length > 0);
    return {said, ended};
  }

  test("the shell's server process is killed: the session ends at once", async () => {
    const {said, ended} = await shell();
    said.type('kill -9 $PPID\n');
    const {exit, failure} = await ended;
    assert.ok(exit ?? failure, 'it says how it ended');
  });

  test('the node is killed and comes back: the session ends with a reason, a new one opens', async () => {
    const {said, ended} = await shell();
    alpha.daemon.child.kill('SIGKILL');
    await alpha.daemon.ended;
    said.type('echo into the void\n');
    await alpha.launch();
    const {errors, failure, exit} = await ended;
    assert.equal(exit, undefined);
    assert.equal(failure.code, 'connection-lost');
    assert.match(errors.join(''), /^[A-Z].*\.\r\n$/s);
    const {text} = await page.ssh('alpha', user, {timeoutSeconds: 30, command: 'echo again'});
    assert.match(text, /again/);
    assert.equal(page.states.at(-1), 'Running');
  });
});
