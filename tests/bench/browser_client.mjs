// A client in a fresh page of a real Chromium; what is measured happens in pages/bench.js.
import {until} from '../support/process.mjs';
import {threadSwitches, treeCpuSeconds} from './cpu.mjs';

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

  /** {timers, messages} since watch(). */
  async wakeUps() {
    return (await this.page.call('probe')).wakeUps;
  }

  watch() {
    return this.page.call('probe', 'watch');
  }

  /** @param {{how: string, bytes, file, upload, tcpPort, sinkPort}} o */
  transfer({how, bytes, file, upload, tcpPort, sinkPort}) {
    const {host, user} = this.o;
    const calls = {
      command: () => this.page.call('downloadByCommand', host, user, file),
      terminal: () => this.page.call('downloadInTerminal', file),
      sftp: () => this.page.call('downloadBySftp', host, user, file),
      tcp: () => this.page.call('downloadByTcp', host, tcpPort),
      floor: () => this.page.call('downloadFloor', bytes),
      commandUp: () => this.page.call('uploadByCommand', host, user, bytes),
      terminalUp: () => this.page.call('uploadInTerminal', bytes),
      sftpUp: () => this.page.call('uploadBySftp', host, user, upload, bytes),
      tcpUp: () => this.page.call('uploadByTcp', host, sinkPort, bytes),
    };
    return calls[how]();
  }

  sessions(n) {
    return this.page.call('sessions', this.o.host, this.o.user, n);
  }

  /** Seconds on a core so far, of all of Chromium's processes. */
  cpuSeconds() {
    return treeCpuSeconds(this.o.browser.child.pid);
  }

  /** What the system says of the thread that the client's core runs in; undefined in a page's own. */
  threadWakeUps() {
    return threadSwitches(this.o.browser.child.pid, 'DedicatedWorker');
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
