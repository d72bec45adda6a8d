// ipn.sftp(): files on OpenSSH, on Dropbear (with OpenSSH's sftp-server) and on Tailscale SSH.
import {Sha256, assert, concat, generate, readAll, text, utf8} from '../kit.mjs';

const MB = 1_000_000;
const MEMORY = 24 * MB;

async function open({ipn, env}, server = 'openssh') {
  if (!env.ports[server]) return ipn.sftp(server, env.account, {timeoutSeconds: 20});
  return ipn.sftp('alpha', env.account, {
    port: env.ports[server],
    privateKey: env.key.privateKey,
    verifyHostKey: () => true,
    timeoutSeconds: 20,
  });
}

/** A folder of its own, gone afterwards. */
async function inFolder(t, server, body) {
  const sftp = await open(t, server);
  const folder = `${await sftp.realpath('.')}/case-${Math.random().toString(36).slice(2)}`;
  await sftp.mkdir(folder);
  try {
    await body(sftp, folder);
  } finally {
    for (const {name, type} of await sftp.readdir(folder))
      await (type === 'directory' ? sftp.rmdir : sftp.remove).call(sftp, `${folder}/${name}`);
    await sftp.rmdir(folder);
    sftp.close();
  }
}

async function everything(sftp, folder) {
  const file = `${folder}/zwölf 漢字.txt`;
  await sftp.writeFile(file, utf8('hello\0world'));
  assert.equal(text(await sftp.readFile(file)), 'hello\0world');
  const stat = await sftp.stat(file);
  assert.same([stat.type, stat.size], ['file', 11]);
  await sftp.chmod(file, 0o640);
  assert.equal((await sftp.stat(file)).mode, 0o640);
  await sftp.symlink('zwölf 漢字.txt', `${folder}/link`);
  assert.equal(await sftp.readlink(`${folder}/link`), 'zwölf 漢字.txt');
  assert.equal((await sftp.lstat(`${folder}/link`)).type, 'symlink');
  assert.equal((await sftp.stat(`${folder}/link`)).size, 11);
  await sftp.mkdir(`${folder}/sub`);
  const names = (await sftp.readdir(folder)).map(({name, type}) => [name, type]).sort();
  assert.same(names, [
    ['link', 'symlink'],
    ['sub', 'directory'],
    ['zwölf 漢字.txt', 'file'],
  ]);
  await sftp.rename(file, `${folder}/b`);
  await sftp.writeFile(`${folder}/c`, 'the other');
  await sftp.rename(`${folder}/b`, `${folder}/c`, {overwrite: true});
  assert.equal(text(await sftp.readFile(`${folder}/c`)), 'hello\0world');
  await sftp.truncate(`${folder}/c`, 5);
  assert.equal(text(await sftp.readFile(`${folder}/c`)), 'hello');
  assert.equal(await sftp.realpath(`${folder}/sub/..`), folder);
  await sftp.rmdir(`${folder}/sub`);
  await sftp.remove(`${folder}/link`);
}

/** Up, then down; the far side's sha256sum is asked as well. */
async function upAndDown(t, bytes) {
  await inFolder(t, 'openssh', async (sftp, folder) => {
    const file = `${folder}/big`;
    const [sent, came] = [new Sha256(), new Sha256()];
    let told = 0;
    const writer = sftp.write(file, {onProgress: (p) => (told = p.bytes)}).getWriter();
    await generate(bytes, (chunk) => (sent.update(chunk), writer.write(chunk)));
    await writer.close();
    assert.equal(told, bytes, 'progress');
    const there = await t.ipn.exec('alpha', t.env.account, `sha256sum '${file}'`, {
      port: t.env.ports.openssh,
      privateKey: t.env.key.privateKey,
      verifyHostKey: () => true,
    });
    assert.equal(there.text().split(' ')[0], sent.hex());
    let total;
    const onProgress = (p) => ((told = p.bytes), (total = p.total));
    const reader = sftp.read(file, {onProgress}).getReader();
    for (let next; !(next = await reader.read()).done;) came.update(next.value);
    assert.equal(came.bytes, bytes);
    assert.equal(came.hex(), sent.hex());
    assert.same([told, total], [bytes, bytes]);
    const memory = await t.memoryBytes();
    assert.ok(memory > 0 && memory < MEMORY, `${memory} bytes of wasm memory: below 24 MB`);
  });
}

export const cases = [
  ...['openssh', 'dropbear', 'alpha', 'old'].map((server) => ({
    name: `files, folders, links, names and modes (${server})`,
    run: (t) => inFolder(t, server, everything),
  })),
  {
    name: '100 MB up and down with equal hashes',
    alone: true,
    run: (t) => upAndDown(t, 100 * MB),
  },
  {
    name: '1 GB up and down with equal hashes',
    alone: true,
    isLong: true,
    run: (t) => upAndDown(t, 1000 * MB),
  },
  {
    name: 'a folder of 3000 entries',
    async run(t) {
      const sftp = await open(t);
      const run = (command) =>
        t.ipn.exec('alpha', t.env.account, command, {
          port: t.env.ports.openssh,
          privateKey: t.env.key.privateKey,
          verifyHostKey: () => true,
        });
      await run('mkdir -p many && cd many && seq -f "file %05g" 3000 | xargs -d "\\n" touch');
      const names = [];
      for await (const {name} of sftp.list('many')) names.push(name);
      assert.equal(names.length, 3000);
      assert.equal(names.sort()[2999], 'file 03000');
      await run('rm -r many');
      sftp.close();
    },
  },
  {
    name: 'part of a file; a download and an upload that are resumed',
    run: (t) =>
      inFolder(t, 'openssh', async (sftp, folder) => {
        const parts = [];
        await generate(3 * MB, (chunk) => parts.push(chunk));
        const bytes = concat(parts);
        const file = `${folder}/file`;
        await sftp.writeFile(file, bytes.subarray(0, MB));
        await sftp.writeFile(file, bytes.subarray(MB), {offset: MB});
        assert.equal((await sftp.stat(file)).size, 3 * MB);
        const middle = await sftp.readFile(file, {offset: MB - 5, length: 10});
        assert.same([...middle], [...bytes.subarray(MB - 5, MB + 5)]);
        const head = await sftp.readFile(file, {length: MB});
        const tail = await readAll(sftp.read(file, {offset: MB}));
        const whole = new Sha256().update(head).update(tail).hex();
        assert.equal(whole, new Sha256().update(bytes).hex());
        assert.equal((await sftp.readFile(file, {offset: 9 * MB})).length, 0);
        await sftp.writeFile(file, 'end', {flags: 'a'});
        assert.equal((await sftp.stat(file)).size, 3 * MB + 3);
      }),
  },
  {
    name: 'a transfer that is cancelled leaves the others alone',
    run: (t) =>
      inFolder(t, 'openssh', async (sftp, folder) => {
        const file = `${folder}/file`;
        await sftp.writeFile(file, new Uint8Array(20 * MB));
        const stop = new AbortController();
        const reader = sftp.read(file, {signal: stop.signal}).getReader();
        const other = sftp.readFile(file);
        await reader.read();
        const reason = new Error('enough');
        stop.abort(reason);
        const error = await assert.rejects(
          (async () => {
            while (!(await reader.read()).done);
          })(),
        );
        assert.equal(error, reason);
        assert.equal((await other).length, 20 * MB);
        const half = sftp.read(file).getReader();
        await half.read();
        await half.cancel();
        assert.equal((await sftp.stat(file)).size, 20 * MB);
      }),
  },
  {
    name: 'several transfers at once, each its own bytes',
    run: (t) =>
      inFolder(t, 'openssh', async (sftp, folder) => {
        await Promise.all(
          Array.from({length: 8}, async (_, i) => {
            const hash = new Sha256();
            const parts = [];
            await generate(MB + i, (chunk) => (hash.update(chunk), parts.push(chunk)), {
              seed: i + 1,
            });
            await sftp.writeFile(`${folder}/${i}`, new Blob(parts));
            const back = await sftp.readFile(`${folder}/${i}`);
            assert.equal(new Sha256().update(back).hex(), hash.hex());
          }),
        );
      }),
  },
  {
    name: 'what fails says why, for programs and for people',
    run: (t) =>
      inFolder(t, 'openssh', async (sftp, folder) => {
        const fails = async (promise, code) => {
          const error = await assert.rejects(promise, /\S/);
          assert.equal(error.code, code);
          assert.equal(error.name, 'IPNSFTPError');
          assert.equal(error.constructor.name, 'IPNSFTPError');
        };
        await fails(sftp.stat(`${folder}/none`), 'ENOENT');
        await fails(sftp.readFile(`${folder}/none`), 'ENOENT');
        await fails(sftp.readdir(`${folder}/none`), 'ENOENT');
        await fails(sftp.writeFile('/proc/version', 'x'), 'EACCES');
        await fails(sftp.readFile('/etc/shadow'), 'EACCES');
        await sftp.writeFile(`${folder}/there`, 'x', {flags: 'wx'});
        await assert.rejects(sftp.writeFile(`${folder}/there`, 'y', {flags: 'wx'}), /\S/);
        assert.equal(text(await sftp.readFile(`${folder}/there`)), 'x');
        await assert.rejects(sftp.rename(`${folder}/there`, '/nowhere/at/all'), /\S/);
        await assert.rejects(sftp.rmdir('/etc'), /\S/);
      }),
  },
  {
    name: 'closed is closed',
    async run(t) {
      const sftp = await open(t);
      sftp.close();
      await assert.rejects(sftp.stat('.'), /\S/);
    },
  },
];
