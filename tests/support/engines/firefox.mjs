/*
 * Firefox by WebDriver BiDi. An engine has name, version, page(url) and close(); a page has
 * evaluate(expression), click(selector), type(text), reload(),
 * goto(url), beside(url), screenshot() and close(). What an expression resolves
 * with is JSON.
 */
import puppeteer from 'puppeteer-core';

/** None of them changes what a page can do. */
const QUIET = {
  'app.update.enabled': false,
  'browser.safebrowsing.downloads.enabled': false,
  'network.captive-portal-service.enabled': false,
  'network.connectivity-service.enabled': false,
};
const NO_LIMIT_MS = 30 * 60_000; // a test has its own

export async function startFirefox({prefs = {}} = {}) {
  const browser = await puppeteer.launch({
    browser: 'firefox',
    executablePath: process.env.FIREFOX ?? '/usr/bin/firefox-esr',
    headless: true,
    extraPrefsFirefox: {...QUIET, ...prefs},
    protocolTimeout: NO_LIMIT_MS,
  });
  return {
    name: 'Firefox',
    version: (await browser.version()).replace(/^\D*/, ''),
    browser,
    /** A page with cookies and storage of its own. */
    async page(url) {
      const context = await browser.createBrowserContext();
      const page = await context.newPage();
      await page.goto(url);
      return pageOf(page, context);
    },
    close: () => browser.close(),
  };
}

/** Who asks whether the page may be left hears yes. */
function pageOf(page, context) {
  page.on('dialog', (dialog) => void dialog.accept().catch(() => {}));
  return {
    page,
    evaluate: (expression) => page.evaluate(expression),
    click: (selector) => page.click(selector),
    type: (text) => page.keyboard.type(text),
    reload: () => page.reload(),
    goto: (url) => page.goto(url),
    screenshot: () => page.screenshot(),
    /** A tab beside it. */
    async beside(url) {
      const next = await context.newPage();
      await next.goto(url);
      return pageOf(next, context);
    },
    close: () => page.close(),
  };
}
