// ipn.exec(): commands as promises and as streams, on OpenSSH, Dropbear and Tailscale SSH.
import {Sha256, assert, generate, readAll, sleep, text, utf8} from '../kit.mjs';

const MB = 1_000_000;
const MEMORY = 24 * MB;

/** A command on OpenSSH by key; every case shares the connection. */
function exec({ipn, env}, command, options = {}) {
  const {server = 'openssh', ...rest} = options;
  return ipn.exec('alpha', env.account, command, {
    port: env.ports[server],
    privateKey: env.key.privateKey,
    verifyHostKey: () => true,
    timeoutSeconds: 20,
    ...rest,
  });
}

async function* pieces(bytes) {
  for (let at = 0; at < bytes.length; at += 1000) yield bytes.subarray(at, at + 1000);
}

/** Up and down at once through cat, hashed on both sides; memory stays bounded. */
async function bothWays(t, bytes, options) {
  const run = exec(t, 'tee >(sha256sum >&2)', {...options, timeoutSeconds: 60});
  const [sent, came] = [new Sha256(), new Sha256()];
  const writer = run.stdin.getWriter();
  const reading = (async () => {
    const reader = run.stdout.getReader();
    for (let next; !(next = await reader.read()).done;) came.update(next.value);
  })();
  const errors = readAll(run.stderr);
  await generate(bytes, (chunk) => (sent.update(chunk), writer.write(chunk)));
  await writer.close();
  await reading;
  assert.equal(came.bytes, bytes);
  assert.equal(came.hex(), sent.hex());
  assert.equal(text(await errors).split(' ')[0], sent.hex());
  assert.equal((await run.exit).code, 0);
  const memory = await t.memoryBytes();
  assert.ok(memory > 0 && memory < MEMORY, `${memory} bytes of wasm memory: below 24 MB`);
}

export const cases = [
  ...['openssh', 'dropbear'].map((server) => ({
    name: `${server}: stdout and stderr apart, exit code, bytes clean`,
    async run(t) {
      const command = "printf '\\000\\377\\n\\r\\n'; echo oops >&2; exit 7";
      const result = await exec(t, command, {server});
      assert.same([...result.stdout], [0, 255, 10, 13, 10]);
      assert.equal(text(result.stderr), 'oops\n');
      assert.equal(result.code, 7);
      assert.equal(result.signal, '');
    },
  })),
  {
    name: 'Tailscale SSH: the same call without credentials',
    async run({ipn, env}) {
      for (const host of ['alpha', 'old']) {
        const result = await ipn.exec(host, env.account, 'cat; exit 3', {stdin: 'in'});
        assert.equal(result.text(), 'in');
        assert.equal(result.code, 3);
      }
    },
  },
  {
    name: 'stdin in every form',
    async run(t) {
      const bytes = utf8('zwölf 漢字 👩‍💻\0'.repeat(2000));
      for (const stdin of [
        text(bytes),
        bytes,
        bytes.buffer,
        new Blob([bytes]),
        new Blob([bytes]).stream(),
        pieces(bytes),
      ]) {
        const result = await exec(t, 'cat', {stdin});
        assert.equal(text(result.stdout), text(bytes));
      }
    },
  },
  {
    name: 'without stdin a command reads its end at once',
    async run(t) {
      assert.equal((await exec(t, 'wc -c')).text().trim(), '0');
    },
  },
  {
    name: '100 MB up and down at once with equal hashes',
    alone: true,
    run: (t) => bothWays(t, 100 * MB),
  },
  {
    name: '1 GB up and down at once with equal hashes',
    alone: true,
    isLong: true,
    run: (t) => bothWays(t, 1000 * MB),
  },
  {
    name: 'a program that ends before its input does',
    async run(t) {
      const run = exec(t, 'head -c 3');
      const writer = run.stdin.getWriter();
      const writing = (async () => {
        for (;;) await writer.write(new Uint8Array(100_000).fill(65));
      })().catch((error) => error);
      assert.equal(text(await readAll(run.stdout)), 'AAA');
      assert.equal((await run.exit).code, 0);
      assert.ok((await writing) !== undefined, 'the writer is told');
    },
  },
  {
    name: 'a reader that stops stops the program, and loses nothing',
    async run(t) {
      const run = exec(t, `head -c ${30 * MB} /dev/zero | tee >(wc -c >&2)`);
      const reader = run.stdout.getReader();
      let bytes = (await reader.read()).value.length;
      await sleep(1500);
      for (let next; !(next = await reader.read()).done;) bytes += next.value.length;
      assert.equal(bytes, 30 * MB);
      assert.equal(text(await readAll(run.stderr)).trim(), String(30 * MB));
    },
  },
  {
    name: 'a program that reads slowly gets all of it',
    async run({ipn, env}) {
      const hash = new Sha256();
      const parts = [];
      await generate(3 * MB, (chunk) => (hash.update(chunk), parts.push(chunk)));
      const result = await ipn.exec('alpha', 'slow', 'sha256sum', {
        port: env.ports.go,
        verifyHostKey: () => true,
        stdin: new Blob(parts),
      });
      assert.equal(result.text().trim(), hash.hex());
    },
  },
  {
    name: 'a signal ends it',
    async run(t) {
      const run = exec(t, 'echo up; exec sleep 1000');
      const reader = run.stdout.getReader();
      assert.equal(text((await reader.read()).value), 'up\n');
      assert.equal(run.kill('TERM'), true);
      assert.same(await run.exit, {code: -1, signal: 'TERM'});
    },
  },
  {
    name: 'an abort ends it, with its reason',
    async run(t) {
      const stop = new AbortController();
      const run = exec(t, 'echo up; exec sleep 1000', {signal: stop.signal});
      const reason = new Error('no more of this');
      setTimeout(() => stop.abort(reason), 500);
      assert.equal(await assert.rejects(run), reason);
      const late = exec(t, 'true', {signal: AbortSignal.abort(reason)});
      assert.equal(await assert.rejects(late), reason);
    },
  },
  {
    name: 'more than may be collected is an error, not memory',
    async run(t) {
      const run = exec(t, 'head -c 2000000 /dev/zero', {maxBuffer: MB});
      assert.equal((await assert.rejects(run)).code, 'max-buffer');
    },
  },
  {
    name: 'a terminal and an environment, where asked for',
    async run(t) {
      const result = await exec(t, 'stty size; echo $TERM $COLORTERM', {
        pty: true,
        rows: 33,
        cols: 77,
        env: {COLORTERM: 'x'},
      });
      assert.equal(result.text(), '33 77\r\nxterm-256color x\r\n');
    },
  },
  {
    name: 'a command that does not exist says so itself',
    async run(t) {
      const result = await exec(t, '/no/such/thing');
      assert.equal(result.code, 127);
      assert.match(text(result.stderr), /No such file/);
    },
  },
  {
    name: 'many commands share one connection; reuse: false has its own',
    alone: true,
    async run(t) {
      const logins = async () =>
        (await t.deed('log', 'openssh')).split('Accepted publickey').length;
      const before = await logins();
      await exec(t, 'true');
      await Promise.all(Array.from({length: 9}, () => exec(t, 'true')));
      assert.equal((await logins()) - before, 1);
      await exec(t, 'true', {reuse: false});
      assert.equal((await logins()) - before, 2);
    },
  },
];
