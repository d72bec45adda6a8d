/*
 * What each test file of the hub has: the demo (Headscale, a node, the hub's server) and Chromium for
 * all of its tests, and pages that are closed after each of them.
 */
import {after, afterEach, before} from 'node:test';
import {launchChromium} from '../support/browser.mjs';
import {startDemo} from '../../web/demo.mjs';
import {HubPage} from './hub_page.mjs';

/** Its members are there once the tests run; skip: what tells that none of them does. */
export function hubBed({skip = false} = {}) {
  const bed = {
    demo: undefined,
    browser: undefined,
    /** Whatever is in it has close(). */
    pages: [],
    /** where: the path, without the slash at its front. */
    async open(options = {}, where = '') {
      const url = bed.demo.url.replace('/?', `/${where}?`);
      const hub = await HubPage.open(bed.browser, url, options);
      bed.pages.push(hub);
      return hub;
    },
  };
  before(async () => {
    if (skip) return;
    bed.demo = await startDemo({prepared: true, say: () => {}});
    bed.browser = await launchChromium();
  });
  afterEach(async () => {
    for (const page of bed.pages.splice(0)) await page.close();
  });
  after(async () => {
    await bed.browser?.close();
    await bed.demo?.stop();
  });
  return bed;
}
