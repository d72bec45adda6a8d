// A reporter for node --test, beside the one that people read: which files ran, and how many tests
// of each passed. What was skipped did not run. A test whose name begins with two paths
// ("tests/e2e/cases/sftp.mjs by tests/e2e/cases_node.test.mjs: …") counts for the first as well, as
// run by the second: Node tells where a test is defined, not who started it.
import path from 'node:path';
import {ROOT} from './setup.mjs';

const NAMED_FILES = /^(tests\/\S+\.mjs) by (tests\/\S+\.mjs): /;

export default async function* ran(source) {
  const files = {};
  const count = (file, by, passed) => {
    const of = ((files[file] ??= {})[by] ??= {passed: 0, failed: 0});
    of[passed ? 'passed' : 'failed']++;
  };
  for await (const {type, data} of source) {
    if (type !== 'test:pass' && type !== 'test:fail') continue;
    if (data.skip !== undefined || data.todo !== undefined || !data.file) continue;
    if (data.details?.type === 'suite' && type === 'test:pass') continue;
    const by = path.relative(ROOT, data.file);
    count(by, by, type === 'test:pass');
    const [, file, runner] = NAMED_FILES.exec(data.name) ?? [];
    if (file) count(file, runner, type === 'test:pass');
  }
  yield JSON.stringify(files);
}
