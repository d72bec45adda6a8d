// Logging in to real servers with every method, kind of key and order of questions that they have.
//
//   ssh_drive ── loopback ── OpenSSH (keys, certificates, PAM) | Dropbear | sshd-go (odd sequences)
import assert from 'node:assert/strict';
import {execFileSync} from 'node:child_process';
import {mkdtempSync, readFileSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {after, before, describe, test} from 'node:test';
import {fileURLToPath} from 'node:url';

import {DRIVE, assertUsed, drive, has} from '../support/ssh_drive.mjs';
import {
  authorizeKey,
  expirePassword,
  makeAccount,
  makeKey,
  opensshMissing,
  removeAccount,
  startDropbear,
  startOpenSSH,
  startServers,
} from '../support/ssh_servers.mjs';

const VECTORS = fileURLToPath(new URL('../vectors/ssh_keys/', import.meta.url));
const PASSPHRASE = 'correct horse';
const IN = ['--command', 'echo in'];

/** Options that answer questions one after the other. */
const answers = (...texts) => texts.flatMap((text) => ['--answer', text]);

const errorOf = (result) => result.events.find((event) => event.startsWith('error')) ?? '';
const prompts = (result) =>
  result.events.filter((event) => event.startsWith('prompt ')).map((event) => event.slice(7));

/** In by this method; no secret shows in what was told. */
async function assertIn(port, user, options, method, secrets = []) {
  const result = await drive(port, user, [...options, ...IN]);
  assert.equal(result.out, 'in\n', result.err);
  assertUsed(result, ` ${method}`);
  assert.ok(result.events.at(-1).endsWith(` ${method}`), result.events.at(-1));
  for (const secret of secrets) assert.ok(!result.err.includes(secret), result.err);
  return result;
}

async function assertRefused(port, user, options, sentence) {
  const result = await drive(port, user, [...options, ...IN]);
  assert.match(errorOf(result), sentence, result.err);
  assert.equal(result.out, '');
  assert.equal(result.code, 255);
  return result;
}

describe('logging in', {skip: opensshMissing() ?? false}, () => {
  let servers, dir, key;

  before(async () => {
    servers = await startServers();
    dir = mkdtempSync(join(tmpdir(), 'meshterm-auth-'));
    key = file('key', servers.key.privateKey);
  });
  after(async () => {
    await servers?.stop();
    rmSync(dir, {recursive: true, force: true});
  });

  /** The path of a new file with this text. */
  function file(name, text) {
    writeFileSync(join(dir, name), text);
    return join(dir, name);
  }

  async function withOpenSSH(lines, body) {
    const server = await startOpenSSH({lines});
    try {
      await body(server);
    } finally {
      await server.stop();
    }
  }

  describe('password', () => {
    for (const name of ['openssh', 'dropbear', 'go']) {
      const user = () => (name === 'go' ? 'password' : servers.account);

      test(`${name}: given`, () =>
        assertIn(servers[name].port, user(), ['--password', servers.password], 'password', [
          servers.password,
        ]));

      test(`${name}: asked for, right the third time`, async () => {
        const options = answers('no', 'never', servers.password);
        const result = await assertIn(servers[name].port, user(), options, 'password');
        assert.deepEqual(prompts(result), [
          `2 ||0Password of ${user()}|`,
          ...Array(2).fill(`2 |That was refused.|0Password of ${user()}|`),
        ]);
      });

      test(`${name}: wrong, once given and three times asked for`, async () => {
        const result = await drive(servers[name].port, user(), [
          ...['--password', 'wrong'],
          ...answers('a', 'b', 'c', 'd'),
        ]);
        assert.ok(prompts(result).length <= 3);
        assert.match(errorOf(result), /^error 3 .*refused.* the password/, result.err);
      });
    }

    test('given up', () =>
      assertRefused(
        servers.openssh.port,
        servers.account,
        ['--password', 'wrong', ...answers('wrong')],
        /^error 3 Logging in was cancelled\.$/,
      ));

    test('nobody answers: the server hangs up first', () =>
      withOpenSSH(['LoginGraceTime 2'], ({port}) =>
        assertRefused(
          port,
          servers.account,
          ['--no-answer'],
          /^error 3 (The server waited no longer|The server ended the connection)/,
        ),
      ));
  });

  describe('publickey', () => {
    const keys = [
      ['ed25519', ['openssh', 'openssh.aes256-ctr', 'openssh.chacha20-poly1305']],
      ['ed25519o', ['pkcs8', 'pkcs8.default']],
      ['p256', ['openssh', 'pem', 'pem.keygen', 'pkcs8', 'pkcs8.aes192']],
      ['p384', ['openssh', 'pem.aes256', 'pkcs8']],
      ['p521', ['openssh.aes256-ctr', 'pem', 'pkcs8.keygen']],
      ['rsa1024', ['pem', 'pkcs8.SHA1', 'pkcs8.SHA512']],
      ['rsa2048', ['openssh', 'openssh.aes256-ctr', 'pem.aes128', 'pkcs8']],
      ['rsa8192', ['openssh', 'pkcs8']],
    ];
    let account;

    before(() => {
      account = makeAccount({password: 'unused'});
      for (const [type] of keys)
        authorizeKey(account, readFileSync(join(VECTORS, `${type}.pub`), 'utf8').trim());
    });
    after(() => removeAccount(account));

    for (const [type, formats] of keys)
      test(`OpenSSH takes ${type} as ${formats.join(', ')}`, async () => {
        for (const format of formats) {
          const options = ['--key', join(VECTORS, `${type}.${format}`)];
          if (/\./.test(format)) options.push('--passphrase', PASSPHRASE);
          await assertIn(servers.openssh.port, account, options, 'publickey', [PASSPHRASE]);
        }
      });

    // Dropbear takes RSA of 1024 to 4096 bits.
    for (const type of ['ed25519', 'p256', 'p384', 'p521', 'rsa2048'])
      test(`Dropbear takes ${type}`, () =>
        assertIn(
          servers.dropbear.port,
          account,
          ['--key', join(VECTORS, `${type}.openssh`)],
          'publickey',
        ));

    // The other way round is Dropbear's: it knows rsa-sha2-256 alone.
    test('a server with rsa-sha2-512 alone', () =>
      withOpenSSH(['PubkeyAcceptedAlgorithms rsa-sha2-512'], ({port}) =>
        assertIn(port, account, ['--key', join(VECTORS, 'rsa2048.pem')], 'publickey'),
      ));

    test('x/crypto/ssh', () => assertIn(servers.go.port, 'key', ['--key', key], 'publickey'));

    test('the passphrase is asked for when the server takes the key, and not before', async () => {
      const locked = ['--key', join(VECTORS, 'p256.openssh.aes256-ctr')];
      const result = await assertIn(
        servers.openssh.port,
        account,
        [...locked, ...answers('wrong', PASSPHRASE)],
        'publickey',
      );
      const [first, second] = prompts(result);
      assert.match(first, /^3 \|\|0Passphrase of the key SHA256:[A-Za-z0-9+/]{43}\|$/);
      assert.match(second, /^3 \|The passphrase does not open the private key\.\|0Passphrase/);

      const other = await drive(servers.openssh.port, servers.account, [
        ...locked,
        ...answers(servers.password),
        ...IN,
      ]);
      assert.equal(other.out, 'in\n', other.err);
      assert.deepEqual(prompts(other), [`2 ||0Password of ${servers.account}|`]);
    });

    test('keys that are refused, then a password', async () => {
      const options = ['ed25519.openssh', 'p256.pem', 'rsa2048.pkcs8'].flatMap((name) => [
        '--key',
        join(VECTORS, name),
      ]);
      options.push('--password', servers.password);
      for (const name of ['openssh', 'dropbear'])
        await assertIn(servers[name].port, servers.account, options, 'password');
    });

    test('a refusal names the keys, and those that could not be tried', () =>
      assertRefused(
        servers.openssh.port,
        servers.account,
        [
          ...['--key', join(VECTORS, 'ed25519.openssh')],
          ...['--key', join(VECTORS, 'p256.pkcs8.keygen')],
          ...['--key', join(VECTORS, 'refused/public.line')],
        ],
        new RegExp(
          '^error 3 The server wants ".*" to log in by publickey,password\\S*; it refused the key ' +
            'SHA256:.{43}\\. Key 2 was left out: The private key is encrypted; its passphrase is ' +
            'needed\\. Key 3 was left out: This is a public key',
        ),
      ));

    test('more keys than the server lets us try', () =>
      withOpenSSH(['MaxAuthTries 2'], ({port}) =>
        assertRefused(
          port,
          servers.account,
          ['ed25519.openssh', 'p256.pem', 'p384.pem', 'p521.pem'].flatMap((name) => [
            '--key',
            join(VECTORS, name),
          ]),
          /Too many authentication failures.*had refused the key SHA256:/,
        ),
      ));
  });

  describe('certificates', () => {
    let ca;

    before(() => {
      ca = file('ca', makeKey({comment: 'ca'}).privateKey);
      execFileSync('chmod', ['600', ca]);
      execFileSync('chmod', ['755', dir]);
      writeFileSync(`${ca}.pub`, execFileSync('ssh-keygen', ['-y', '-f', ca]));
    });

    /** A key for nobody, and its certificate for a principal. */
    function certified(type, principal) {
      const made = makeKey({type});
      const path = file(`certified-${type}-${principal}`, made.privateKey);
      writeFileSync(`${path}.pub`, `${made.publicKey}\n`);
      execFileSync('ssh-keygen', ['-q', '-s', ca, '-I', 'x', '-n', principal, `${path}.pub`]);
      return {key: path, cert: `${path}-cert.pub`};
    }

    for (const type of ['ed25519', 'ecdsa', 'rsa'])
      test(`${type}: beside the key, and in one text with it`, () =>
        withOpenSSH([`TrustedUserCAKeys ${ca}.pub`], async ({port}) => {
          const {key: own, cert} = certified(type, servers.account);
          await assertIn(port, servers.account, ['--key', own, '--key', cert], 'publickey');
          const both = file('both', readFileSync(cert, 'utf8') + readFileSync(own, 'utf8'));
          await assertIn(port, servers.account, ['--key', both], 'publickey');
          await assertRefused(port, servers.account, ['--key', own], /it refused the key/);
        }));

    test('one for somebody else is refused, and the bare key tried', () =>
      withOpenSSH([`TrustedUserCAKeys ${ca}.pub`], async ({port}) => {
        const {key: own, cert} = certified('ed25519', 'somebody');
        await assertRefused(
          port,
          servers.account,
          ['--key', own, '--key', cert],
          /it refused the certificate of SHA256:.{43}, the key SHA256:/,
        );
      }));
  });

  describe('keyboard-interactive', () => {
    test('PAM asks for the password: given, or by a person', async () => {
      const {port} = servers.pam;
      const given = ['--password', servers.password];
      await assertIn(port, servers.account, given, 'keyboard-interactive', [servers.password]);
      const result = await assertIn(
        port,
        servers.account,
        answers('no', servers.password),
        'keyboard-interactive',
      );
      assert.deepEqual(prompts(result), Array(2).fill('1 ||0Password: |'));
    });

    test('PAM refuses three times', async () => {
      const result = await assertRefused(
        servers.pam.port,
        servers.account,
        answers('a', 'b', 'c', 'd'),
        /^error 3 .*refused.* keyboard-interactive/,
      );
      assert.equal(prompts(result).length, 3);
    });

    test('PAM wants a new password: asked for the old one and twice for the new one', async () => {
      const account = makeAccount({password: 'first horse battery'});
      try {
        expirePassword(account);
        const options = [
          'first horse battery',
          'first horse battery',
          ...Array(2).fill('staple2 Y'),
        ];
        const result = await drive(servers.pam.port, account, [...answers(...options), ...IN]);
        assert.match(prompts(result).join('\n'), /New password/, result.err);
        assert.equal(result.out, 'in\n', result.err);
        await assertIn(
          servers.pam.port,
          account,
          ['--password', 'staple2 Y'],
          'keyboard-interactive',
        );
      } finally {
        removeAccount(account);
      }
    });

    test('two questions at once, one of them shown, then something to read', async () => {
      const result = await assertIn(
        servers.go.port,
        'questions',
        answers(servers.password, 'blue'),
        'keyboard-interactive',
      );
      assert.deepEqual(prompts(result), [
        '1 Two questions|Answer both of them.|0Password: |1Favourite colour: |',
      ]);
      assert.ok(has(result, 'banner 0 That is right.'), result.err);
    });

    test('questions that nobody can answer', () =>
      assertRefused(
        servers.go.port,
        'questions',
        ['--password', servers.password],
        /The server asks "Password:", and nobody can answer that here|it refused the password/,
      ));
  });

  describe('one after the other', () => {
    test('OpenSSH: a key and a password', async () => {
      const {port} = servers.both;
      const method = 'publickey,password';
      await assertIn(port, servers.account, ['--key', key, '--password', servers.password], method);
      await assertIn(port, servers.account, ['--key', key, ...answers(servers.password)], method);
      await assertRefused(
        port,
        servers.account,
        ['--key', key],
        /The server accepted publickey, and wants ".*" to log in by password as well\.$/,
      );
      await assertRefused(
        port,
        servers.account,
        ['--password', servers.password],
        /wants ".*" to log in by publickey, which is not what was given for it/,
      );
    });

    test('Dropbear: a key and a password', async () => {
      const server = await startDropbear({flags: ['-t']});
      try {
        await assertIn(
          server.port,
          servers.account,
          ['--key', key, '--password', servers.password],
          'publickey,password',
        );
      } finally {
        await server.stop();
      }
    });

    test('OpenSSH: two keys', () =>
      withOpenSSH(['AuthenticationMethods publickey,publickey'], async ({port}) => {
        const second = makeKey({type: 'ecdsa'});
        authorizeKey(servers.account, second.publicKey);
        await assertIn(
          port,
          servers.account,
          ['--key', key, '--key', file('second', second.privateKey)],
          'publickey,publickey',
        );
        await assertRefused(port, servers.account, ['--key', key], /accepted publickey, and wants/);
      }));

    test('OpenSSH: a key, then what PAM asks', () =>
      withOpenSSH(
        [
          'UsePAM yes',
          'KbdInteractiveAuthentication yes',
          'AuthenticationMethods publickey,keyboard-interactive',
        ],
        async ({port}) => {
          const method = 'publickey,keyboard-interactive';
          const given = ['--password', servers.password];
          await assertIn(port, servers.account, ['--key', key, ...given], method);
          const asked = answers(servers.password);
          await assertIn(port, servers.account, ['--key', key, ...asked], method);
        },
      ));

    test('x/crypto/ssh: a key, two questions, a password', async () => {
      const result = await assertIn(
        servers.go.port,
        'steps',
        ['--key', key, ...answers(servers.password, 'blue', servers.password)],
        'publickey,keyboard-interactive,password',
      );
      assert.equal(prompts(result).length, 2);
    });
  });
});

describe('private keys', () => {
  let dir;

  before(() => (dir = mkdtempSync(join(tmpdir(), 'meshterm-key-'))));
  after(() => rmSync(dir, {recursive: true, force: true}));

  /** What ssh_drive wrote: a private key, which ssh-keygen reads, and its public line. */
  function check(written) {
    const at = written.indexOf('-----END OPENSSH PRIVATE KEY-----\n') + 34;
    const path = join(dir, 'key');
    writeFileSync(path, written.slice(0, at), {mode: 0o600});
    const line = execFileSync('ssh-keygen', ['-y', '-f', path], {encoding: 'utf8'});
    assert.equal(line, written.slice(at));
    execFileSync('ssh-keygen', ['-Y', 'sign', '-q', '-n', 'test', '-f', path], {input: 'text'});
    return line;
  }

  test('one made here is one for ssh-keygen', () => {
    const line = check(execFileSync(DRIVE, ['--keygen', 'me at home'], {encoding: 'utf8'}));
    assert.match(line, /^ssh-ed25519 \S+ me at home\n$/);
  });

  for (const name of ['ed25519o.pkcs8', 'p256.pem', 'p384.pkcs8', 'p521.pem', 'rsa2048.pem'])
    test(`${name}, written anew, is one for ssh-keygen`, () => {
      const written = execFileSync(DRIVE, ['--convert', join(VECTORS, name)], {encoding: 'utf8'});
      const pub = readFileSync(join(VECTORS, `${name.split('.')[0]}.pub`), 'utf8');
      assert.equal(check(written).trim(), pub.split(' ').slice(0, 2).join(' ').trim());
    });
});
