/*
 * A shell and a transfer each way for a long time, with a fault every few seconds drawn from a seed:
 * not a byte is lost and memory stays flat. 75 seconds in npm test; in test:long half an hour, with
 * faults 10 to 60 s apart. MESHTERM_SOAK_SECONDS overrides, MESHTERM_SEED repeats a run.
 *
 *   page ─┬─ FaultProxy ── Headscale, control
 *         └─ FaultProxy ── Headscale, DERP ── alpha: shell, TCP server
 */
import assert from 'node:assert/strict';
import {userInfo} from 'node:os';
import {after, before, test} from 'node:test';
import {FaultProxy, FaultSchedule, chooseSeed} from '../support/fault_proxy.mjs';
import {until} from '../support/process.mjs';
import {Testnet} from '../support/testnet.mjs';
import {Shell, Transfer} from '../support/traffic.mjs';

const isLong = Boolean(process.env.MESHTERM_LONG);
const SECONDS = Number(process.env.MESHTERM_SOAK_SECONDS ?? (isLong ? 1800 : 75));
const PAUSE_MS = isLong ? [10_000, 60_000] : [3000, 9000];
const WARM_UP_SECONDS = Math.min(SECONDS / 3, 300);
const MB = 1 << 20;
// What the page itself may grow by after its warm-up: less than a byte in thirty that went through.
const MAX_WASM_GROWTH = 1 * MB; // one more window that was never full before
const MAX_HEAP_GROWTH = 8 * MB; // V8 rounds

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const seed = chooseSeed();
let net, control, derp, shell, transfer, faults;

/** The instance is in this process: its memories are seen where WebAssembly makes them. */
const memories = new Set();
const {instantiate} = WebAssembly;
WebAssembly.instantiate = async (...args) => {
  const result = await instantiate(...args);
  const {memory} = (result.instance ?? result).exports;
  if (memory) memories.add(memory);
  return result;
};

/** The least heap of several looks is what is in use. */
async function measure() {
  let heap = Infinity;
  for (let i = 0; i < 5; i++) {
    globalThis.gc?.();
    await sleep(100);
    const {heapUsed, arrayBuffers} = process.memoryUsage();
    heap = Math.min(heap, heapUsed + arrayBuffers - wasmBytes());
  }
  return {heap, wasm: wasmBytes()};
}

function wasmBytes() {
  return [...memories].reduce((sum, {buffer}) => sum + buffer.byteLength, 0);
}

before(async () => {
  (await import('node:v8')).setFlagsFromString('--expose-gc');
  globalThis.gc ??= (await import('node:vm')).runInNewContext('gc');
  net = await Testnet.start();
  await net.node('alpha');
  control = await FaultProxy.start(net.headscale.port);
  derp = await FaultProxy.start(net.headscale.port);
});
after(async () => {
  clearInterval(shell?.timer);
  await faults?.stop();
  await net?.stop();
  await control?.close();
  await derp?.close();
});

function check() {
  const problem = shell.problem ?? transfer.error?.message;
  assert.equal(problem, undefined);
  assert.equal(transfer.up.wrongAt ?? transfer.down.wrongAt, undefined, 'a wrong byte');
}

test(`${SECONDS} s of faults`, async () => {
  const {ipn} = await net.page({
    authKey: await net.headscale.authKey({ephemeral: false}),
    controlURL: control.url,
    derpURLs: {'*': `${derp.url}/derp`},
  });
  shell = await Shell.start({ipn, host: 'alpha', user: userInfo().username, everyMs: 1000});
  transfer = await Transfer.start({ipn, host: 'alpha', bytesPerSecond: 60_000});
  faults = new FaultSchedule([control, derp], {
    seed,
    pauseMs: PAUSE_MS,
    extra: {
      'Headscale restarts': () => net.headscale.restart(),
      'nothing, for a while': () => sleep(1000),
    },
  });
  const started = process.cpuUsage();
  let warm;
  try {
    for (let second = 0; second < SECONDS; second++) {
      await sleep(1000);
      check();
      if (!warm && second >= WARM_UP_SECONDS) warm = await measure();
    }
    await faults.stop();
    [control, derp].forEach((proxy) => proxy.up());
    // What the far end had sent last waits for its own timer: two minutes at most.
    const {typed} = shell;
    const bytes = transfer.sent.down;
    await until(
      'all goes on after the last fault',
      () => (check(), shell.answered > typed && transfer.down.bytes > bytes),
      {timeout: 150_000},
    );
    const end = await measure();
    await shell.stop(); // fails if a line is missing
    await transfer.stop();
    report(warm, end, process.cpuUsage(started));
    assert.equal(transfer.up.wrongAt ?? transfer.down.wrongAt ?? transfer.error, undefined);
    assert.equal(transfer.up.bytes, transfer.sent.up);
    assert.equal(transfer.down.bytes, transfer.sent.down);
    assert.ok(faults.log.length >= SECONDS / 60, `only ${faults.log.length} faults`);
    assert.ok(
      end.wasm - warm.wasm <= MAX_WASM_GROWTH,
      `wasm grew from ${warm.wasm} to ${end.wasm}`,
    );
    assert.ok(
      end.heap - warm.heap <= MAX_HEAP_GROWTH,
      `heap grew from ${warm.heap} to ${end.heap}`,
    );
  } catch (error) {
    console.log(`MESHTERM_SEED=${seed}\n${faults.log.map((f) => JSON.stringify(f)).join('\n')}`);
    throw error;
  }
});

function report(warm, end, cpu) {
  const mb = (n) => (n / MB).toFixed(1);
  console.log(
    `${faults.log.length} faults, ${shell.answered} lines, ${mb(transfer.up.bytes)} MB up, ` +
      `${mb(transfer.down.bytes)} MB down; wasm ${mb(warm.wasm)} > ${mb(end.wasm)} MB, ` +
      `heap ${mb(warm.heap)} > ${mb(end.heap)} MB; ${((cpu.user + cpu.system) / 1e6).toFixed(0)} s CPU`,
  );
}
