// Sockets to Headscale and to the relay that are cut: nothing inside of them is lost.
import {Sha256, assert, concat, runSSH, text, until} from '../kit.mjs';

const MB = 1_000_000;

function joinThroughDoor({env, join}) {
  const {doorURL} = env;
  return join({controlURL: doorURL, derpURLs: {'*': `${doorURL}/derp`}, hostname: 'cut'});
}

/** Of what comes, hashes all; calls cut() after every `every` bytes. */
function download(ipn, env, bytes, every, cut) {
  const hash = new Sha256();
  return runSSH(ipn, 'alpha', env.account, {
    command: `f=$(mktemp); head -c ${bytes} /dev/urandom >$f; sha256sum <$f >&2; cat $f; rm $f`,
    onData(chunk) {
      const before = Math.floor(hash.bytes / every);
      hash.update(chunk);
      if (hash.bytes < bytes && Math.floor(hash.bytes / every) > before) cut();
    },
  }).then((said) => ({...said, hash}));
}

export const cases = [
  {
    isCore: true,
    name: 'cut twice amid 30 MB, a shell beside it: every byte once, the shell goes on',
    async run(t) {
      const {env, deed} = t;
      const ipn = await joinThroughDoor(t);
      let cuts = 0;
      const shell = await runSSH(ipn, 'alpha', env.account, {
        onStart: async (session, s) => {
          const shown = () => text(concat(s.out));
          await until('the shell', () => s.type && shown());
          s.type('n=41\n');
          const cut = () => deed('cut', cuts++); // the second time the first to come back is refused
          const {hash, stderr, errors, exit} = await download(ipn, env, 30 * MB, 12 * MB, cut);
          assert.same([errors, exit], [[], {code: 0, signal: ''}]);
          assert.equal(hash.bytes, 30 * MB);
          assert.equal(hash.hex(), stderr.split(' ')[0]);
          s.type('echo still-$((n+1))\n');
          await until('the shell again', () => shown().includes('still-42'));
          s.type('exit\n');
        },
      });
      assert.same([shell.errors, shell.exit], [[], {code: 0, signal: ''}]);
      assert.equal(cuts, 2);
    },
  },
];
