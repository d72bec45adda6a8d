// A client in a fresh page of a real Chromium; what is measured happens in pages/bench.js.
import {until} from '../support/process.mjs';

export class BrowserClient {
  /** @param {{browser, site: string, name: 'ours' | 'tsconnect', config, host, user}} o */
  static async visit(o) {
    const client = Object.assign(new BrowserClient(), {o});
    client.page = await o.browser.page(`${o.site}/pages/bench.html`);
    await until('the page is there', () => client.page.evaluate('globalThis.bench !== undefined'));
    return client;
  }

  /** From nothing to a prompt: the times, the control server's share of them, the memory. */
  async measure() {
    const {name, config, host, user} = this.o;
    const visit = await this.page.call('visit', {name, config, host, user});
    const {control, memoryBytes} = await this.page.call('probe');
    return {...visit, ...controlShare(control, visit.runningAt), memoryBytes};
  }

  async memoryBytes() {
    return (await this.page.call('probe')).memoryBytes;
  }

  echo(n, pauseMs) {
    return this.page.call('echo', n, pauseMs);
  }

  downloadInTerminal(file) {
    return this.page.call('downloadInTerminal', file);
  }

  downloadByCommand(file) {
    return this.page.call('downloadByCommand', this.o.host, this.o.user, file);
  }

  downloadByTcp(port) {
    return this.page.call('downloadByTcp', this.o.host, port);
  }

  async leave() {
    const timeout = new Promise((resolve) => setTimeout(resolve, 3000).unref());
    await Promise.race([this.page.call('leave').catch(() => {}), timeout]);
    await this.page.close();
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
