// Known hosts: one node under all its names, and over the life of a page.
import {assert} from '../kit.mjs';

const NAMES = ['alpha', 'alpha.tail.test', 'ALPHA.Tail.Test.'];

function storage() {
  const kept = new Map();
  return {
    setState: (id, value) => void kept.set(id, value),
    getState: (id) => kept.get(id) ?? '',
  };
}

function login(ipn, env, host, verifyHostKey) {
  return ipn.exec(host, 'anybody', 'echo in', {
    port: env.ports.go,
    timeoutSeconds: 20,
    reuse: false,
    ...(verifyHostKey ? {verifyHostKey} : {}),
  });
}

export const cases = [
  {
    name: 'accepted under one name of a node, it is known under the others, and after a reload',
    async run({env, join}) {
      const stateStorage = storage();
      const ipn = await join({stateStorage, hostname: 'names'});
      await login(ipn, env, 'alpha', () => true);
      const text = await ipn.knownHosts.export();
      assert.ok(text.startsWith(`[alpha.tail.test]:${env.ports.go} ssh-ed25519 `), text);
      for (const host of NAMES) assert.equal((await login(ipn, env, host)).text(), 'in\n');
      await ipn.close();
      const again = await join({stateStorage, hostname: 'names'});
      assert.equal(await again.knownHosts.export(), text);
      assert.equal((await login(again, env, 'alpha')).text(), 'in\n');
      assert.equal(await again.knownHosts.remove('alpha', env.ports.go), true);
      assert.equal(await again.knownHosts.export(), '');
      await assert.rejects(login(again, env, 'alpha'), /is not known/);
    },
  },
];
