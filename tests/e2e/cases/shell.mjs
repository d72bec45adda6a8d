// Shells and commands on Tailscale SSH, by ipn.ssh(), on both releases of Tailscale.
import {Sha256, assert, feed, generate, runSSH, text, concat, until} from '../kit.mjs';

const MB = 1_000_000;

async function shell({ipn, env}, host) {
  const said = await runSSH(ipn, host, env.account, {
    rows: 30,
    cols: 100,
    onStart: async (session, s) => {
      const shown = () => text(concat(s.out));
      await until('the shell', () => s.type && shown());
      s.type('stty size; echo $TERM\n');
      await until('the size', () => /30 100\r\nxterm-256color/.test(shown()));
      assert.equal(session.resize(41, 123), true);
      await until('the new size', () => s.type('stty size\n') ?? shown().includes('41 123'));
      s.type('echo zwölf-漢字-👩‍💻\n');
      await until('the text', () => shown().split('zwölf-漢字-👩‍💻').length > 2);
      s.type('exit\n');
    },
  });
  assert.same(said.errors, []);
  assert.same(said.exit, {code: 0, signal: ''});
}

/** What ran in a tab that was closed does not live on because another tab is open. */
async function closing({ipn, env}, host) {
  const shownBy = (s) => text(concat(s.out));
  const shell = (onStart) => runSSH(ipn, host, env.account, {rows: 30, cols: 100, onStart});
  await shell(async (first, s) => {
    await until('the shell', () => s.type && shownBy(s));
    s.type('sleep 600 & echo pid=$$\n');
    const pid = await until('its number', () => /pid=(\d+)/.exec(shownBy(s))?.[1]);
    await shell(async (_, other) => {
      await until('the other shell', () => other.type && shownBy(other));
      first.close();
      other.type(`while kill -0 ${pid} 2>/dev/null; do sleep 0.1; done; echo it is ov''er\n`);
      await until('the end of the first', () => shownBy(other).includes('it is over'));
      other.type('exit\n');
    });
  });
}

async function command({ipn, env}, host) {
  const said = await runSSH(ipn, host, env.account, {
    command: "printf '\\000\\377\\n\\r\\n'; echo oops >&2; exit 7",
  });
  assert.same([...said.bytes], [0, 255, 10, 13, 10]);
  assert.equal(said.stderr, 'oops\n');
  assert.same(said.exit, {code: 7, signal: ''});
  assert.match(said.info.hostKeyType, /^ssh-ed25519$/);
}

/** The hash of what comes is what the far side says it sent. */
async function download({ipn, env}, host, bytes) {
  const hash = new Sha256();
  const said = await runSSH(ipn, host, env.account, {
    command: `f=$(mktemp); head -c ${bytes} /dev/urandom >$f; sha256sum <$f >&2; cat $f; rm $f`,
    onData: (chunk) => void hash.update(chunk),
  });
  assert.equal(hash.bytes, bytes);
  assert.equal(hash.hex(), said.stderr.split(' ')[0]);
}

async function upload({ipn, env}, host, bytes) {
  const hash = new Sha256();
  const said = await runSSH(ipn, host, env.account, {
    command: 'sha256sum',
    onStart: async (session, s) => {
      await until('the command', () => s.type);
      await feed(session, (take) =>
        generate(bytes, (chunk) => {
          hash.update(chunk);
          return take(chunk);
        }),
      );
    },
  });
  assert.same(said.errors, []);
  assert.equal(said.text.split(' ')[0], hash.hex());
}

const perRelease = ['alpha', 'old'].flatMap((host) => {
  const isCore = host === 'alpha';
  return [
    {name: `a shell: types, resizes, leaves (${host})`, isCore, run: (t) => shell(t, host)},
    {name: `a shell that is closed beside another ends (${host})`, run: (t) => closing(t, host)},
    {name: `a command: exit code, bytes clean (${host})`, isCore, run: (t) => command(t, host)},
    {name: `10 MB up with equal hashes (${host})`, isCore, run: (t) => upload(t, host, 10 * MB)},
  ];
});

export const cases = [
  ...perRelease,
  {name: '30 MB down with equal hashes', isCore: true, run: (t) => download(t, 'alpha', 30 * MB)},
  {
    name: 'the environment of a terminal arrives',
    async run({ipn, env}) {
      const said = await runSSH(ipn, 'alpha', env.account, {
        pty: true,
        command: 'echo $TERM $LANG $COLORTERM $LC_X',
        env: {LC_X: 'x', REFUSED: 'y'},
      });
      assert.match(said.text, /xterm-256color C\.UTF-8 truecolor x\r\n/);
    },
  },
  {
    name: 'a refused account is a sentence and the end',
    async run({ipn}) {
      const said = await runSSH(ipn, 'alpha', 'nobody-like-this', {command: 'true'});
      assert.equal(said.errors.length, 1);
      assert.match(said.errors[0], /nobody-like-this.*\r\n$/);
      assert.equal(said.connected, false);
    },
  },
  {
    name: '100 sessions at once on one node, each its own bytes',
    alone: true,
    async run({ipn, env, memoryBytes}) {
      const all = await Promise.all(
        Array.from({length: 100}, (_, i) =>
          runSSH(ipn, 'alpha', env.account, {
            command: `read line; echo "$line"; echo ${i} >&2; exit ${i}`,
            timeoutSeconds: 60,
            onStart: async (session, s) => {
              await until('the command', () => s.type || s.isOver, {timeout: 90_000});
              s.type(`line ${i}\n`);
            },
          }),
        ),
      );
      assert.same(
        all.map((said) => [said.errors, said.text, said.stderr, said.exit?.code]),
        all.map((_, i) => [[], `line ${i}\n`, `${i}\n`, i]),
      );
      const memory = await memoryBytes();
      assert.ok(memory > 0 && memory < 24 * MB, `${memory} bytes of wasm memory: below 24 MB`);
    },
  },
];
