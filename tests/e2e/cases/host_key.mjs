// Host keys: the tailnet vouches for Tailscale SSH's; any other is asked about.
import {assert, runSSH} from '../kit.mjs';

const COMMAND = {command: 'echo in'};

export const cases = [
  {
    name: 'one that the tailnet vouches for is not asked about',
    async run({ipn, env}) {
      const said = await runSSH(ipn, 'alpha', env.account, {
        ...COMMAND,
        verifyHostKey: () => assert.fail('it asked'),
      });
      assert.equal(said.text, 'in\n');
    },
  },
  {
    name: 'an unknown one is refused where nobody is asked',
    alone: true,
    async run({ipn, env}) {
      const said = await runSSH(ipn, 'alpha', 'anybody', {...COMMAND, port: env.ports.go});
      assert.equal(said.connected, false);
      assert.equal(said.errors.length, 1);
      assert.match(said.errors[0], /host key/i);
    },
  },
  {
    name: 'an unknown one is asked about, with its fingerprint; no means no, yes means yes',
    alone: true,
    async run({ipn, env}) {
      const asked = [];
      const attempt = (answer) =>
        runSSH(ipn, 'alpha', 'anybody', {
          ...COMMAND,
          port: env.ports.go,
          verifyHostKey: async (key) => {
            asked.push(key);
            return answer;
          },
        });
      const refused = await attempt(false);
      assert.equal(refused.connected, false);
      assert.match(refused.errors[0], /host key/i);
      const accepted = await attempt(true);
      assert.equal(accepted.text, 'in\n');
      assert.equal(asked[0].type, 'ssh-ed25519');
      assert.equal(asked[0].host, 'alpha');
      assert.equal(asked[0].port, env.ports.go);
      assert.equal(asked[0].known, false);
      const blob = Uint8Array.from(atob(env.pins.go.split(' ')[1]), (c) => c.charCodeAt(0));
      const hash = new Uint8Array(await crypto.subtle.digest('SHA-256', blob));
      const base64 = btoa(String.fromCharCode(...hash)).replace(/=+$/, '');
      assert.equal(asked[0].fingerprint, `SHA256:${base64}`);
    },
  },
];
