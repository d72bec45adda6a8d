// The names of the errors that programs meet, in the package as it is built: js/dist is minified.
import assert from 'node:assert/strict';
import {test} from 'node:test';
import {createIPN} from '../../js/dist/index.js';

const called = (error, name) => {
  assert.ok(error instanceof Error);
  assert.equal(error.name, name);
  assert.equal(error.constructor.name, name);
  assert.match(String(error), new RegExp(`^${name}: \\S`));
  return true;
};

test('IPNSSHError of a command, a shell and SFTP', async () => {
  const ipn = await createIPN({controlURL: 'http://127.0.0.1:9', worker: 'none'});
  ipn.run({
    notifyState() {},
    notifyNetMap() {},
    notifyBrowseToURL() {},
    notifyPanicRecover() {},
  });
  await assert.rejects(ipn.exec('nobody', 'me', 'true'), (e) => called(e, 'IPNSSHError'));
  await assert.rejects(ipn.sftp('nobody', 'me'), (e) => called(e, 'IPNSSHError'));
  const error = await new Promise((onError) =>
    ipn.ssh('nobody', 'me', {writeFn() {}, writeErrorFn() {}, setReadFn() {}, onError}),
  );
  called(error, 'IPNSSHError');
  await ipn.close();
});
