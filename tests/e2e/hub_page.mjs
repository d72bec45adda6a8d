/*
 * The hub page as a person has it: what a terminal shows, what is typed, what a card says.
 * .terminal-box has the xterm.js Terminal as its property "terminal".
 */
import assert from 'node:assert/strict';

const TIMEOUT_MS = 20_000;

export class HubPage {
  /** A page of a browser of its own (cookies, permissions), with what went wrong in it. */
  static async open(browser, url, {joined = true, ...context} = {}) {
    const viewport = {width: 1280, height: 800};
    const own = await browser.newContext({viewport, colorScheme: 'dark', ...context});
    return HubPage.openIn(own, url, joined);
  }

  /** One more page of a browser that has one. */
  static async openIn(context, url, joined = true) {
    const hub = new HubPage();
    hub.context = context;
    hub.page = await hub.context.newPage();
    hub.page.setDefaultTimeout(TIMEOUT_MS);
    hub.lines = [];
    hub.page.on('console', (m) => hub.lines.push(`${m.type()}: ${m.text()}`));
    hub.page.on('pageerror', (error) => hub.lines.push(`pageerror: ${error.message}`));
    await hub.page.goto(url);
    if (joined) await hub.row().waitFor();
    return hub;
  }

  row() {
    return this.page.locator('#machines .row').first();
  }

  tabs() {
    return this.page.locator('#tabs [role=tab]');
  }

  card() {
    return this.page.locator('.card:visible');
  }

  button(name) {
    return this.card().getByText(name, {exact: true});
  }

  /** All that the current terminal holds, wrapped lines joined. */
  text() {
    return this.page.evaluate(() => {
      const term = document.querySelector('.panel.current .terminal-box')?.terminal;
      const buffer = term?.buffer.active;
      let text = '';
      for (let y = 0; y < (buffer?.length ?? 0); y++) {
        const line = buffer.getLine(y);
        const isWrapped = buffer.getLine(y + 1)?.isWrapped ?? false;
        text += line.translateToString(!isWrapped) + (isWrapped ? '' : '\n');
      }
      return text;
    });
  }

  /** Resolves with the match once the terminal shows it. */
  async shows(pattern, timeoutMs = TIMEOUT_MS) {
    const end = Date.now() + timeoutMs;
    for (;;) {
      const text = await this.text();
      const match = pattern.exec(text);
      if (match) return match;
      if (Date.now() > end)
        assert.fail(`the terminal never showed ${pattern}:\n${text.trimEnd().slice(-1500)}`);
      await this.page.waitForTimeout(50);
    }
  }

  async prompt() {
    await this.page.waitForSelector('.tab.current .dot.ok');
    await this.shows(/[$#] *\n*$/);
  }

  async openShell() {
    await this.row().click();
    await this.prompt();
  }

  /** Types a line and resolves with the match of what came of it. */
  async enter(line, pattern) {
    await this.page.keyboard.type(`${line}\n`);
    return pattern && (await this.shows(pattern));
  }

  size() {
    return this.page.evaluate(() => {
      const {rows, cols} = document.querySelector('.panel.current .terminal-box').terminal;
      return {rows, cols};
    });
  }

  status() {
    return this.page.locator('footer').innerText();
  }

  close() {
    return this.context.close();
  }
}
