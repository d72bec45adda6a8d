// A client in a fresh page of a real Chromium; what is measured happens in pages/bench.js.

export class BrowserClient {
  /** @param {{browser, site: string, name: 'ours' | 'tsconnect', config, host, user}} o */
  static async visit(o) {
    const client = Object.assign(new BrowserClient(), {o, lines: []});
    client.context = await o.browser.newContext();
    client.page = await client.context.newPage();
    client.page.on('pageerror', (error) => client.lines.push(error.message));
    await client.page.goto(`${o.site}/pages/bench.html`);
    await client.page.waitForFunction(() => globalThis.bench !== undefined);
    return client;
  }

  /** From nothing to a prompt: the times, the control server's share of them, the memory. */
  async measure() {
    const {name, config, host, user} = this.o;
    const visit = await this.page.evaluate((o) => globalThis.bench.visit(o), {
      ...{name, config, host, user},
    });
    const {control, memoryBytes} = await this.#probe();
    return {...visit, ...controlShare(control, visit.runningAt), memoryBytes};
  }

  /** Where the core lives: the worker if there is one. */
  async #probe() {
    const [worker] = this.page.workers();
    return (worker ?? this.page).evaluate(() => ({
      control: globalThis.benchProbe.control,
      memoryBytes: globalThis.benchProbe.memories.reduce((n, m) => n + m.buffer.byteLength, 0),
    }));
  }

  async memoryBytes() {
    return (await this.#probe()).memoryBytes;
  }

  echo(n, pauseMs) {
    return this.page.evaluate(([n, pauseMs]) => globalThis.bench.echo(n, pauseMs), [n, pauseMs]);
  }

  downloadInTerminal(file) {
    return this.page.evaluate((file) => globalThis.bench.downloadInTerminal(file), file);
  }

  downloadByCommand(file) {
    return this.page.evaluate(
      ([host, user, file]) => globalThis.bench.downloadByCommand(host, user, file),
      [this.o.host, this.o.user, file],
    );
  }

  downloadByTcp(port) {
    return this.page.evaluate(
      ([host, port]) => globalThis.bench.downloadByTcp(host, port),
      [this.o.host, port],
    );
  }

  async leave() {
    const timeout = new Promise((resolve) => setTimeout(resolve, 3000).unref());
    const left = this.page.evaluate(() => globalThis.bench.leave()).catch(() => {});
    await Promise.race([left, timeout]);
    await this.context.close();
  }
}

/**
 * The control server's share: from the client's first request (its first message; the Noise
 * initiation is in the URL) to the last answer before Running. Between the two the client only
 * waits, but for the little it does between register's answer and the map's request.
 */
function controlShare(control, runningAt) {
  const first = control.find(({out}) => out > 0);
  const last = control.filter(({at, out}) => out === 0 && at <= runningAt).at(-1);
  return first && last ? {controlMs: last.at - first.at} : {};
}
