// Logging in: what OpenSSH (password, key, both, PAM), Dropbear and a Go server want to have.
import {assert, runSSH} from '../kit.mjs';

const WHO = 'id -un';
const accept = () => true;

/** Logs in to a server of the bed by `access`; resolves with the command's result. */
function login({ipn, env}, server, access, account = env.account) {
  return ipn.exec('alpha', account, WHO, {
    port: env.ports[server],
    verifyHostKey: accept,
    timeoutSeconds: 20,
    reuse: false,
    ...access,
  });
}

/** ... and it is the account that it runs as. */
async function letIn(t, server, access, method) {
  const result = await login(t, server, access);
  assert.equal(result.text(), `${t.env.account}\n`);
  if (method) assert.equal(result.code, 0);
}

/** Answers prompts by what they ask for, and keeps them. */
function answering(env, asked, colour = 'blue') {
  return (prompt) => {
    asked.push(prompt);
    return prompt.prompts.map(({text}) => (/colour/i.test(text) ? colour : env.password));
  };
}

const KEYS = [
  ['ed25519', {}],
  ['ed25519, encrypted', {passphrase: 'open sesame ✓'}],
  ['ecdsa 256', {type: 'ecdsa', bits: 256}],
  ['ecdsa 384, encrypted', {type: 'ecdsa', bits: 384, passphrase: 'pässword'}],
  ['ecdsa 521, PEM', {type: 'ecdsa', bits: 521, format: 'PEM'}],
  ['rsa 2048', {type: 'rsa', bits: 2048}],
  ['rsa 3072, PEM', {type: 'rsa', bits: 3072, format: 'PEM'}],
  ['rsa 2048, PKCS#8', {type: 'rsa', bits: 2048, format: 'PKCS8'}],
  ['ecdsa 256, PKCS#8', {type: 'ecdsa', bits: 256, format: 'PKCS8'}],
];

const keyCases = KEYS.map(([name, options]) => ({
  name: `a key: ${name}`,
  async run(t) {
    const key = await t.deed('makeKey', options);
    await t.deed('authorize', key.publicKey);
    await letIn(t, 'openssh', {privateKey: key.privateKey, passphrase: options.passphrase});
  },
}));

const serverCases = ['openssh', 'dropbear'].flatMap((server) => [
  {
    name: `${server}: a password`,
    run: (t) => letIn(t, server, {password: t.env.password}),
  },
  {
    name: `${server}: a key`,
    run: (t) => letIn(t, server, {privateKey: t.env.key.privateKey}),
  },
  {
    name: `${server}: a wrong password is a sentence and the end`,
    async run(t) {
      const error = await assert.rejects(login(t, server, {password: 'wrong'}), /password/i);
      assert.equal(error.beforeAuthentication, false);
    },
  },
  {
    name: `${server}: nothing to log in with is a sentence that says what it takes`,
    run: (t) => assert.rejects(login(t, server, {}), /password/i),
  },
  {
    name: `${server}: the password is asked for, and asked again`,
    async run(t) {
      const asked = [];
      await letIn(t, server, {
        onPrompt: (prompt) => {
          asked.push(prompt);
          return [asked.length === 1 ? 'wrong' : t.env.password];
        },
      });
      assert.same(
        asked.map(({kind, prompts}) => [kind, prompts.map(({echo}) => echo)]),
        [
          ['password', [false]],
          ['password', [false]],
        ],
      );
    },
  },
]);

export const cases = [
  ...serverCases,
  ...keyCases,
  {
    name: 'a shell by password, on OpenSSH',
    async run({ipn, env}) {
      const said = await runSSH(ipn, 'alpha', env.account, {
        command: WHO,
        port: env.ports.openssh,
        password: env.password,
        verifyHostKey: accept,
      });
      assert.same(said.errors, []);
      assert.equal(said.text, `${env.account}\n`);
      assert.equal(said.info.authMethod, 'password');
    },
  },
  {
    name: 'several keys: the one that fits is found',
    async run(t) {
      const other = await t.deed('makeKey', {});
      const privateKey = [other.privateKey, t.env.key.privateKey];
      await letIn(t, 'openssh', {privateKey});
    },
  },
  {
    name: 'an encrypted key: its passphrase is asked for, and asked again',
    async run(t) {
      const key = await t.deed('makeKey', {passphrase: 'open sesame'});
      await t.deed('authorize', key.publicKey);
      const asked = [];
      await letIn(t, 'openssh', {
        privateKey: key.privateKey,
        onPrompt: (prompt) => {
          asked.push(prompt.kind);
          return [asked.length === 1 ? 'wrong' : 'open sesame'];
        },
      });
      assert.same(asked, ['passphrase', 'passphrase']);
    },
  },
  {
    name: 'an encrypted key without its passphrase is a sentence',
    async run(t) {
      const {privateKey, publicKey} = await t.deed('makeKey', {passphrase: 'open sesame'});
      await t.deed('authorize', publicKey);
      await assert.rejects(login(t, 'openssh', {privateKey}), /passphrase/i);
      const passphrase = 'wrong';
      await assert.rejects(login(t, 'openssh', {privateKey, passphrase}), /passphrase/i);
    },
  },
  {
    name: 'a key that is none is a sentence',
    run: (t) => assert.rejects(login(t, 'openssh', {privateKey: 'rubbish'}), /key/i),
  },
  {
    name: 'a key is looked at before it is used',
    async run(t) {
      const {privateKey, publicKey, fingerprint} = t.env.key;
      const plain = {encrypted: false, fingerprint, publicKey: publicKey.trim()};
      assert.same(await t.ipn.checkSSHKey(`\n ${privateKey}`), plain);
      const locked = await t.deed('makeKey', {passphrase: 'open sesame'});
      const {encrypted, ...known} = await t.ipn.checkSSHKey(locked.privateKey);
      assert.same(encrypted, true);
      assert.same(known.publicKey, locked.publicKey.split(' ', 2).join(' ')); // but its comment
      await assert.rejects(t.ipn.checkSSHKey(publicKey), /public key/);
      await assert.rejects(t.ipn.checkSSHKey(privateKey.slice(0, -40)), /cut off/);
      await assert.rejects(t.ipn.checkSSHKey(''), /not a private key/);
    },
  },
  {
    name: 'a key made in the page',
    async run(t) {
      const key = await t.ipn.generateSSHKey({comment: 'made in the page'});
      assert.match(key.publicKey, /^ssh-ed25519 AAAA\S+ made in the page$/);
      await t.deed('authorize', key.publicKey);
      await letIn(t, 'openssh', {privateKey: key.privateKey});
    },
  },
  {
    name: 'a key, then the password: both given',
    run: (t) => letIn(t, 'both', {privateKey: t.env.key.privateKey, password: t.env.password}),
  },
  {
    name: 'a key, then the password, which is asked for',
    async run(t) {
      const asked = [];
      await letIn(t, 'both', {
        privateKey: t.env.key.privateKey,
        onPrompt: answering(t.env, asked),
      });
      assert.same(
        asked.map(({kind}) => kind),
        ['password'],
      );
    },
  },
  {
    name: 'a key, and no password where both are wanted',
    run: (t) => assert.rejects(login(t, 'both', {privateKey: t.env.key.privateKey}), /password/i),
  },
  {
    name: 'PAM by keyboard-interactive: asked',
    async run(t) {
      const asked = [];
      await letIn(t, 'pam', {onPrompt: answering(t.env, asked)});
      const [{kind, prompts}] = asked;
      assert.equal(kind, 'keyboard-interactive');
      assert.match(prompts[0].text, /password/i);
      assert.equal(prompts[0].echo, false);
    },
  },
  {
    name: 'PAM by keyboard-interactive: a password does where one is all it asks',
    run: (t) => letIn(t, 'pam', {password: t.env.password}),
  },
  {
    name: 'PAM: an expired password is changed, prompt by prompt',
    async run(t) {
      const account = await t.deed('expiredAccount');
      const next = 'a new one, much longer 7';
      const asked = [];
      const onPrompt = ({prompts}) =>
        prompts.map(({text}) => {
          asked.push(text);
          return /new/i.test(text) ? next : t.env.password;
        });
      const result = await login(t, 'pam', {onPrompt}, account);
      assert.equal(result.text(), `${account}\n`);
      assert.ok(asked.filter((text) => /new/i.test(text)).length >= 2, asked.join());
      const again = await login(t, 'pam', {password: next}, account);
      assert.equal(again.text(), `${account}\n`);
    },
  },
  {
    name: 'two questions at once, one of them shown as it is typed',
    async run(t) {
      const asked = [];
      const result = await login(t, 'go', {onPrompt: answering(t.env, asked)}, 'questions');
      assert.equal(result.code, 0);
      assert.equal(asked[0].name, 'Two questions');
      assert.equal(asked[0].instruction, 'Answer both of them.');
      assert.same(asked[0].prompts, [
        {text: 'Password: ', echo: false},
        {text: 'Favourite colour: ', echo: true},
      ]);
    },
  },
  {
    name: 'a wrong answer is a sentence',
    run: (t) =>
      assert.rejects(login(t, 'go', {onPrompt: answering(t.env, [], 'red')}, 'questions'), /\S/),
  },
  {
    name: 'who gives up at a prompt is out, and is not asked again',
    async run(t) {
      let asked = 0;
      const onPrompt = () => (asked++, null);
      await assert.rejects(login(t, 'go', {onPrompt}, 'questions'), /\S/);
      assert.equal(asked, 1);
    },
  },
  {
    name: 'a key, then questions, then the password',
    async run(t) {
      const asked = [];
      const access = {privateKey: t.env.key.privateKey, onPrompt: answering(t.env, asked)};
      const result = await login(t, 'go', access, 'steps');
      assert.equal(result.code, 0);
      assert.same(
        asked.map(({kind}) => kind).filter((kind, i, all) => kind !== all[i - 1]),
        ['keyboard-interactive', 'password'],
      );
    },
  },
];
