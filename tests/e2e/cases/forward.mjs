// Local port forwarding as a stream, and a jump host: SSH within SSH.
import {Sha256, assert, generate, readAll, text, utf8} from '../kit.mjs';

const MB = 1_000_000;
const accept = () => true;

/** A shell on OpenSSH that is open; close it. */
function open({ipn, env}, options = {}) {
  return new Promise((resolve, reject) => {
    const session = ipn.ssh('alpha', env.account, {
      port: env.ports.openssh,
      privateKey: env.key.privateKey,
      verifyHostKey: accept,
      timeoutSeconds: 20,
      writeFn() {},
      writeErrorFn: (line) => reject(new Error(line)),
      onConnected: () => resolve(session),
      ...options,
    });
  });
}

export const cases = [
  {
    name: '5 MB go to an echo server behind the server, and come back',
    async run(t) {
      const session = await open(t);
      const stream = session.forward('127.0.0.1', t.env.ports.echo);
      const [sent, came] = [new Sha256(), new Sha256()];
      const reading = (async () => {
        const reader = stream.readable.getReader();
        for (let next; !(next = await reader.read()).done;) came.update(next.value);
      })();
      const writer = stream.writable.getWriter();
      await generate(5 * MB, (chunk) => (sent.update(chunk), writer.write(chunk)));
      await writer.close();
      await reading;
      assert.equal(came.bytes, 5 * MB);
      assert.equal(came.hex(), sent.hex());
      session.close();
    },
  },
  {
    name: 'many at once over one connection',
    async run(t) {
      const session = await open(t);
      const answers = await Promise.all(
        Array.from({length: 20}, async (_, i) => {
          const stream = session.forward('localhost', t.env.ports.echo);
          const writer = stream.writable.getWriter();
          await writer.write(utf8(`number ${i}`));
          await writer.close();
          return text(await readAll(stream.readable));
        }),
      );
      assert.same(
        answers,
        answers.map((_, i) => `number ${i}`),
      );
      session.close();
    },
  },
  {
    name: 'a port where nobody listens is an error that says so',
    async run(t) {
      const session = await open(t);
      const stream = session.forward('127.0.0.1', 1);
      await assert.rejects(stream.opened, /refused|127\.0\.0\.1/i);
      await assert.rejects(readAll(stream.readable), /\S/);
      session.close();
    },
  },
  {
    name: 'a jump host: a shell, a command and files within its connection',
    async run(t) {
      const {ipn, env} = t;
      const session = await open(t);
      const inner = (port) => session.forward('127.0.0.1', port);
      const result = await ipn.exec('inner', env.account, 'echo $SSH_CONNECTION; cat', {
        via: inner(env.ports.dropbear),
        port: env.ports.dropbear,
        password: env.password,
        verifyHostKey: accept,
        stdin: 'through two',
      });
      assert.match(
        result.text(),
        new RegExp(`^127\\.0\\.0\\.1 .* ${env.ports.dropbear}\nthrough two$`),
      );
      const go = await ipn.exec('inner', 'anybody', 'echo go', {
        via: inner(env.ports.go),
        port: env.ports.go,
        verifyHostKey: accept,
      });
      assert.equal(go.text(), 'go\n');
      session.close();
    },
  },
  {
    name: '20 MB through a jump host, with equal hashes',
    async run(t) {
      const {ipn, env} = t;
      const session = await open(t);
      const run = ipn.exec('inner', env.account, 'tee >(sha256sum >&2)', {
        via: session.forward('127.0.0.1', env.ports.both),
        port: env.ports.both,
        password: env.password,
        privateKey: env.key.privateKey,
        verifyHostKey: accept,
      });
      const sent = new Sha256();
      const writer = run.stdin.getWriter();
      const errors = readAll(run.stderr);
      const came = new Sha256();
      const reading = (async () => {
        const reader = run.stdout.getReader();
        for (let next; !(next = await reader.read()).done;) came.update(next.value);
      })();
      await generate(20 * MB, (chunk) => (sent.update(chunk), writer.write(chunk)));
      await writer.close();
      await reading;
      assert.equal(came.hex(), sent.hex());
      assert.equal(text(await errors).split(' ')[0], sent.hex());
      session.close();
    },
  },
  {
    name: 'what goes through a session ends with it, and nothing new is opened',
    async run(t) {
      const session = await open(t);
      const stream = session.forward('127.0.0.1', t.env.ports.echo);
      await stream.opened;
      session.close();
      await readAll(stream.readable).catch((error) => error);
      const late = session.forward('127.0.0.1', t.env.ports.echo);
      await assert.rejects(late.opened, /\S/);
    },
  },
];
