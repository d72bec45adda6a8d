// The cases of tests/e2e/cases, in this process.
import {runCases} from './cases.mjs';
import {nodeClient} from './clients.mjs';

await runCases('the cases in Node', nodeClient, import.meta.url);
