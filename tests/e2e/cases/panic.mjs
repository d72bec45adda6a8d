// A trap in the module, a real one: its memory is spoilt under it.
import {assert, until} from '../kit.mjs';

/** What is given as `worker`: by default a page has one of its own, Node none. */
const WAYS = [undefined, 'none'];

export const cases = WAYS.map((worker) => ({
  name: `a trap reaches the page, all that runs ends, createIPN works again: ${worker ?? 'default'}`,
  async run(t) {
    const panics = [];
    const ipn = await t.join({worker}, {notifyPanicRecover: (error) => panics.push(error)});
    assert.equal((await ipn.exec('alpha', t.env.account, 'echo before')).text(), 'before\n');
    const running = assert.rejects(ipn.exec('alpha', t.env.account, 'sleep 100'), /fault/);
    await t.spoilMemory();
    ipn.ping('alpha').catch(() => {}); // the next call into it, if no packet is
    await until('the panic', () => panics.length > 0);
    assert.match(panics[0], /^The tailnet client stopped by a fault of its own: ./);
    await running;
    await assert.rejects(ipn.exec('alpha', t.env.account, 'true'), /./);

    const again = await t.join({worker});
    assert.equal((await again.exec('alpha', t.env.account, 'echo again')).text(), 'again\n');
    assert.equal(panics.length, 1);
  },
}));
