// Agent forwarding: the far side logs in elsewhere with a key that stays in the page.
import {assert, text} from '../kit.mjs';

function exec({ipn, env}, command, options = {}) {
  return ipn.exec('alpha', env.account, command, {
    port: env.ports.openssh,
    privateKey: env.key.privateKey,
    verifyHostKey: () => true,
    timeoutSeconds: 20,
    reuse: false,
    ...options,
  });
}

/** From the far side to the Go server, whose user "key" is let in by that key only. */
const onward = ({ports}) =>
  `ssh -F none -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR ` +
  `-o PreferredAuthentications=publickey -p ${ports.go} key@127.0.0.1 echo two`;

export const cases = [
  {
    name: 'the far side sees the key, and logs in elsewhere with it, each use allowed',
    async run(t) {
      const asked = [];
      const options = {agentForward: true, onAgentSign: (key) => (asked.push(key), true)};
      const list = await exec(t, 'ssh-add -l', options);
      assert.match(list.text(), new RegExp(t.env.key.fingerprint.replace(/[+/]/g, '\\$&')));
      assert.equal(asked.length, 0);
      const there = await exec(t, onward(t.env), options);
      assert.equal(there.text(), 'two\n', text(there.stderr));
      assert.equal(asked.length, 1);
      assert.ok(asked[0].includes(t.env.key.fingerprint), asked[0]);
    },
  },
  {
    name: 'a use that is not allowed is none',
    async run(t) {
      const result = await exec(t, onward(t.env), {agentForward: true, onAgentSign: () => false});
      assert.equal(result.text(), '');
      assert.ok(result.code !== 0, 'ssh fails');
    },
  },
  {
    name: 'without agentForward there is no agent',
    async run(t) {
      const result = await exec(t, 'echo "[$SSH_AUTH_SOCK]"');
      assert.equal(result.text(), '[]\n');
    },
  },
];
