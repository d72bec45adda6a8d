/*
 * Runs a case of tests/e2e/cases, in Node or in a page. A case is {name, run(t), isLong?, isCore?,
 * alone?}, one of the core runs in every engine:
 *
 *   t.ipn             a client that has joined: one for all cases, or the case's own (`alone`)
 *   t.env, t.deed     see bed.mjs; t.deed('approve', id) resolves with what the deed does
 *   t.join(config, callbacks)    a further client, closed after the case; callbacks of ipn.run()
 *   t.memoryBytes()   how much memory the wasm module of the last client has
 *   t.spoilMemory()   fills it, so that the next call into the module traps
 */
let shared;

async function join({env, deed, createIPN, config}, more = {}, callbacks = {}) {
  const ipn = await createIPN({
    controlURL: env.controlURL,
    controlKey: env.controlKey,
    authKey: await deed('authKey'),
    hostname: 'client',
    ...config,
    ...more,
  });
  const problems = [];
  await new Promise((resolve, reject) => {
    const timer = setTimeout(
      () => reject(new Error(`not joined: ${JSON.stringify(problems)}`)),
      20_000,
    );
    ipn.run({
      notifyState: (state) => state === 'Running' && (clearTimeout(timer), resolve()),
      notifyNetMap() {},
      notifyBrowseToURL() {},
      notifyPanicRecover: (error) => problems.push({code: 'panic', message: error}),
      notifyError: (problem) => problems.push(problem),
      ...callbacks,
    });
  });
  return {ipn, problems};
}

/** @param {{env, deed, createIPN, config: object, cases: object[]}} world */
export async function runCase(world, name) {
  const found = world.cases.find((c) => c.name === name);
  if (!found) throw new Error(`no case is called "${name}"`);
  const joined = [];
  const joinAnother = async (more, callbacks) => {
    const client = await join(world, more, callbacks);
    joined.push(client.ipn);
    return client.ipn;
  };
  try {
    const ipn = found.alone ? await joinAnother() : (shared ??= await join(world)).ipn;
    await found.run({
      ipn,
      env: world.env,
      deed: world.deed,
      join: joinAnother,
      memoryBytes: () => globalThis.wasmMemoryBytes(),
      spoilMemory: () => globalThis.spoilWasmMemory(),
    });
  } finally {
    for (const ipn of joined) await ipn.close();
  }
}

export async function leave() {
  await shared?.ipn.close();
  shared = undefined;
}
