// Tailscale SSH that asks a person: Headscale's check rule, its address in a banner.
import {assert, authIdIn, runSSH, sleep, until} from '../kit.mjs';

function checked({ipn, env}, person) {
  return runSSH(ipn, 'check', env.account, {
    command: 'echo in',
    timeoutSeconds: 1,
    reuse: false,
    onStart: async (session, said) => {
      const id = await until('the address to visit', () => authIdIn(said.banners));
      await person(id, session);
    },
  });
}

export const cases = [
  {
    name: 'waits for the person, longer than any timeout',
    async run(t) {
      const said = await checked(t, async (id) => {
        await sleep(2500);
        await t.deed('approve', id);
      });
      assert.same(said.errors, []);
      assert.equal(said.text, 'in\n');
    },
  },
  {
    name: 'refused by the person',
    async run(t) {
      const said = await checked(t, (id) => t.deed('reject', id));
      assert.equal(said.connected, false);
      assert.equal(said.errors.length, 1);
    },
  },
  {
    name: 'given up by the one who asked',
    async run(t) {
      const said = await checked(t, (id, session) => assert.equal(session.close(), true));
      assert.equal(said.connected, false);
      assert.same(said.errors, []);
    },
  },
];
