// ipn.testSSH(): each step of a log-in with its time, and the step that failed.
import {assert} from '../kit.mjs';

const STEPS = ['name', 'route', 'tcp', 'version', 'kex', 'hostKey', 'auth'];

/** The steps as 'name' or '!name', with their order checked. */
function steps(result) {
  for (const {ms, detail, ok, error} of result.steps) {
    assert.ok(ms >= 0, 'each step has a time');
    assert.equal(typeof detail, 'string');
    if (!ok) assert.match(error, /\S/);
  }
  return result.steps.map(({step, ok}) => (ok ? step : `!${step}`));
}

function check({ipn, env}, options, host = 'alpha', user = env.account) {
  return ipn.testSSH(host, user, {
    verifyHostKey: () => true,
    timeoutSeconds: 10,
    reuse: false,
    ...options,
  });
}

/** What is tried, the last step that it gets to, and what is said of that. */
const FAILURES = [
  ['a name that nobody has', 'name', () => ({}), 'no-such-node'],
  ['a port where nobody listens', 'tcp', () => ({port: 1})],
  ['a server that is no SSH server', 'version', ({ports}) => ({port: ports.http})],
  [
    'a host key that is refused',
    'hostKey',
    ({ports}) => ({port: ports.go, verifyHostKey: () => false}),
  ],
  ['a wrong password', 'auth', ({ports}) => ({port: ports.openssh, password: 'wrong'})],
];

export const cases = [
  {
    name: 'all is well: OpenSSH by key, Tailscale SSH by none',
    async run(t) {
      const {ports, key} = t.env;
      const byKey = await check(t, {port: ports.openssh, privateKey: key.privateKey});
      assert.equal(byKey.ok, true);
      assert.same(steps(byKey), STEPS);
      assert.match(byKey.steps.find(({step}) => step === 'version').detail, /OpenSSH/);
      const byNone = await check(t, {});
      assert.equal(byNone.ok, true);
      assert.same(steps(byNone), STEPS);
    },
  },
  ...FAILURES.map(([name, step, options, host]) => ({
    name,
    alone: step === 'hostKey', // the others' is known by now
    async run(t) {
      const result = await check(t, options(t.env), host);
      assert.equal(result.ok, false);
      const expected = STEPS.slice(0, STEPS.indexOf(step));
      assert.same(steps(result), [...expected, `!${step}`]);
    },
  })),
];
