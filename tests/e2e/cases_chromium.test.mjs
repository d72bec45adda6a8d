// The cases of tests/e2e/cases, in a page of a real Chromium.
import {runCases} from './cases.mjs';
import {chromiumClient} from './clients.mjs';

await runCases('the cases in Chromium', chromiumClient, import.meta.url);
