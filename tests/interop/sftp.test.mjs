// The SFTP client (tests/support/sftp/sftp_drive.c, sanitizers on) against real servers.
//
//   sftp_drive --pipes--> OpenSSH's sftp-server
//                    \--> sftp-go: github.com/pkg/sftp, on files and on files in memory
//   sftp_drive --SSH, a channel of ssh_session--> OpenSSH with internal-sftp, with sftp-server
//
// MESHTERM_SFTP_DRIVE names the program; without it, the one of build/native. MESHTERM_LONG=1 takes
// 1 GB up and down instead of 200 MB.
import assert from 'node:assert/strict';
import {execFileSync} from 'node:child_process';
import {createHash, randomBytes} from 'node:crypto';
import {
  chmodSync,
  createReadStream,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
  writeSync,
  closeSync,
} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {after, before, describe, test} from 'node:test';

import {makeAccount, opensshMissing, removeAccount, startOpenSSH} from '../support/ssh_servers.mjs';
import {drive, goServer, opensshServer, word} from '../support/sftp/sftp_servers.mjs';

const MB = 1 << 20;
const BIG = process.env.MESHTERM_LONG === '1' ? 1024 * MB : 200 * MB;
/** Everything the client may have allocated at once, transfers in both directions included. */
const PEAK = 4 * MB;
const CREATE = 8, TRUNCATE = 16, EXCLUSIVE = 32, APPEND = 4; // prettier-ignore

function fileHash(path) {
  return new Promise((resolve, reject) => {
    const hash = createHash('sha256');
    createReadStream(path)
      .on('data', (data) => hash.update(data))
      .on('end', () => resolve(hash.digest('hex')))
      .on('error', reject);
  });
}

/** A file of random bytes; its pieces differ. */
function makeFile(path, size) {
  const fd = openSync(path, 'w');
  const piece = randomBytes(MB);
  for (let at = 0; at < size; at += MB) {
    piece.writeBigUInt64LE(BigInt(at));
    writeSync(fd, piece, 0, Math.min(MB, size - at));
  }
  closeSync(fd);
}

/** OpenSSH on a port, and its account. */
async function startSSH(lines) {
  const user = makeAccount();
  const server = await startOpenSSH({lines});
  return {
    command: ['--ssh', String(server.port), user],
    async stop() {
      await server.stop();
      removeAccount(user);
    },
  };
}

const onPipes = (command) => ({command, stop: async () => {}});

const servers = [
  {
    name: 'OpenSSH',
    skip: opensshServer ? false : 'OpenSSH has no sftp-server here',
    start: async () => onPipes([opensshServer]),
  },
  {name: 'pkg/sftp', skip: false, start: async () => onPipes([goServer()])},
  {
    name: 'OpenSSH over SSH, internal-sftp',
    skip: opensshMissing() ?? false,
    start: () => startSSH(['Subsystem sftp internal-sftp', 'MaxSessions 1']),
  },
];

for (const {name, skip, start} of servers) {
  describe(name, {skip}, () => {
    const isGo = name === 'pkg/sftp';
    const isPipe = !name.includes('SSH,');
    let dir, at, server, umask;

    before(async () => {
      umask = process.umask(0); // the account on the server writes here too
      server = await start();
      dir = mkdtempSync(join(tmpdir(), 'meshterm-sftp-'));
      chmodSync(dir, 0o777);
      at = (file) => join(dir, file);
    });
    after(async () => {
      await server.stop();
      rmSync(dir, {recursive: true, force: true});
      process.umask(umask);
    });

    async function run(script) {
      const result = await drive(server.command, script);
      assert.ok(result.open, result.err);
      assert.equal(result.left, 0, 'everything was freed');
      return result;
    }

    test('every operation', async () => {
      writeFileSync(at('source'), 'hello');
      const r = await run([
        `mkdir 1 ${at('d')} 750`, 'wait 1',
        `write 2 ${at('d/a')} 0 640 ${CREATE | EXCLUSIVE} ${at('source')}`, 'wait 2',
        `stat 3 ${at('d/a')}`,
        `setstat 4 ${at('d/a')} 4 0 600`, 'wait 4',
        `setstat 5 ${at('d/a')} 1 3 0`, 'wait 5',
        `stat 6 ${at('d/a')}`,
        `symlink 7 ${at('d/l')} a`, 'wait 7',
        `readlink 8 ${at('d/l')}`, `lstat 9 ${at('d/l')}`, `stat 10 ${at('d/l')}`,
        `rename 11 ${at('d/a')} ${at('d/b')} 0`, 'wait 11',
        `write 12 ${at('d/c')} 0 0 ${CREATE} ${at('source')}`, 'wait 12',
        `rename 13 ${at('d/b')} ${at('d/c')} 0`, 'wait 13',
        `rename 14 ${at('d/b')} ${at('d/c')} 1`, 'wait 14',
        `list 15 ${at('d')}`, 'wait 15',
        `realpath 16 ${at('d/../d')}`,
        `read 17 ${at('d/c')} 0 0 ${at('back')}`, 'wait 17',
        `remove 18 ${at('d/c')}`, `remove 19 ${at('d/l')}`, 'wait 19',
        `rmdir 20 ${at('d')}`,
      ]); // prettier-ignore
      for (const request of Object.keys(r.done))
        if (request !== '13') assert.equal(r.done[request].code, 0, r.done[request].text);
      assert.equal(Object.keys(r.done).length, 20);
      assert.equal(r.done[3].attrs.size, 5n);
      assert.equal(r.done[3].attrs.mode & 0o170000, 0o100000);
      assert.equal(r.done[6].attrs.size, 3n);
      assert.equal(r.done[6].attrs.mode & 0o777, 0o600);
      assert.equal(r.done[8].text, 'a');
      assert.equal(r.done[9].attrs.mode & 0o170000, 0o120000);
      assert.equal(r.done[10].attrs.mode & 0o170000, 0o100000);
      assert.equal(r.done[12].attrs.size, 5n);
      assert.equal(r.done[13].code, 11);
      assert.match(r.done[13].text, /d\/b could not be renamed to .*d\/c: that name is taken\.$/);
      assert.deepEqual(r.entries[15].map((entry) => String(entry.name)).sort(), ['c', 'l']);
      assert.equal(r.done[16].text, at('d'));
      assert.equal(readFileSync(at('back'), 'utf8'), 'hel');
      assert.ok(!existsSync(at('d')));
    });

    test(`${BIG / MB} MB down and up, at the same time a second time`, async () => {
      makeFile(at('big'), BIG);
      const r = await run([
        `read 1 ${at('big')} 0 0 ${at('down')}`, 'wait 1',
        `write 2 ${at('up')} 0 644 ${CREATE | TRUNCATE} ${at('big')}`, 'wait 2',
        `read 3 ${at('up')} 0 0 ${at('down2')}`,
        `write 4 ${at('up2')} 0 644 ${CREATE} ${at('big')}`, 'waitall',
      ]); // prettier-ignore
      const hash = await fileHash(at('big'));
      for (const file of ['down', 'up', 'down2', 'up2']) {
        assert.equal(await fileHash(at(file)), hash, file);
        rmSync(at(file));
      }
      assert.equal(r.attrs[1].size, BigInt(BIG));
      assert.equal(r.done[2].attrs.size, BigInt(BIG));
      assert.ok(r.peak < PEAK, `${r.peak} bytes at most`);
    });

    test('a download and an upload go on where they were cut', async () => {
      makeFile(at('cut'), 20 * MB);
      const hash = await fileHash(at('cut'));
      const first = await drive(server.command, [
        `read 1 ${at('cut')} 0 0 ${at('part')}`, 'waitdata 1 3000000', 'kill', 'wait 1',
      ]); // prettier-ignore
      assert.equal(first.done[1].code, -7);
      assert.match(first.done[1].text, /from byte \d+ on: the connection was closed\.$/);
      const length = statSync(at('part')).size;
      assert.ok(length >= 3000000 && length < 20 * MB);
      await run([`read 1 ${at('cut')} ${length} 0 ${at('rest')}`, 'wait 1']);
      const whole = Buffer.concat([readFileSync(at('part')), readFileSync(at('rest'))]);
      assert.equal(createHash('sha256').update(whole).digest('hex'), hash);

      const up = await drive(server.command, [
        `write 1 ${at('up')} 0 644 ${CREATE} ${at('cut')}`, 'waitdata 1 5000000', 'kill', 'wait 1',
      ]); // prettier-ignore
      assert.equal(up.done[1].code, -7);
      const acked = Number(up.done[1].attrs.size);
      assert.ok(acked > 0 && acked <= statSync(at('up')).size, 'never more than is written');
      await run([`write 1 ${at('up')} ${acked} 0 0 ${at('cut')}`, 'wait 1']);
      assert.equal(await fileHash(at('up')), hash);
    });

    test('cancelled in the middle; the next requests are served', async () => {
      const r = await run([
        `read 1 ${at('big')} 0 0 ${at('part')}`, 'waitdata 1 2000000', 'cancel 1',
        `write 2 ${at('w')} 0 644 ${CREATE} ${at('big')}`, 'waitdata 2 2000000', 'cancel 2',
        `stat 3 ${at('big')}`, 'wait 1', 'wait 2',
        `stat 4 ${at('w')}`, `read 5 ${at('cut')} 0 0 ${at('x')}`, 'waitall',
      ]); // prettier-ignore
      for (const request of [1, 2]) {
        assert.equal(r.done[request].code, -7);
        assert.match(r.done[request].text, /it was cancelled\.$/);
      }
      assert.equal(r.done[3].code, 0);
      assert.equal(r.done[4].attrs.size, r.done[2].attrs.size, 'acknowledged and no byte more');
      assert.equal(await fileHash(at('x')), await fileHash(at('cut')));
    });

    test('a directory of 10,000 entries', async () => {
      mkdirSync(at('many'));
      for (let i = 0; i < 10000; i++) closeSync(openSync(at(`many/file ${i}`), 'w'));
      const r = await run([`list 1 ${at('many')}`, 'waitall']);
      assert.equal(new Set(r.entries[1].map((entry) => String(entry.name))).size, 10000);
      assert.equal(r.entries[1].length, 10000);
      assert.ok(r.peak < MB, `${r.peak} bytes at most`);
    });

    test('names of 255 bytes and of odd bytes, as they are', async () => {
      mkdirSync(at('odd'));
      const names = [
        'x'.repeat(255),
        ' leading',
        '"\\\'$(x)',
        'a\nb\tc',
        'ünï',
        Buffer.from([0xff, 0xfe, 0x80]),
      ];
      writeFileSync(at('source'), 'x');
      const r = await run([
        ...names.map((file, i) => `write ${i} ${word(Buffer.concat([Buffer.from(at('odd/')), Buffer.from(file)]))} 0 0 8 ${at('source')}`),
        'waitall', `list 99 ${at('odd')}`, 'waitall',
      ]); // prettier-ignore
      const hex = (list) => list.map((file) => Buffer.from(file).toString('hex')).sort();
      assert.deepEqual(hex(r.entries[99].map((entry) => entry.name)), hex(names));
    });

    test('20 small files at once, up and down', async () => {
      mkdirSync(at('small'));
      const script = [];
      for (let i = 0; i < 20; i++) {
        writeFileSync(at(`s${i}`), randomBytes(1 + i * 7919));
        script.push(`write ${i} ${at(`small/${i}`)} 0 0 ${CREATE} ${at(`s${i}`)}`);
      }
      script.push('waitall');
      for (let i = 0; i < 20; i++)
        script.push(`read ${100 + i} ${at(`small/${i}`)} 0 0 ${at(`t${i}`)}`);
      await run([...script, 'waitall']);
      for (let i = 0; i < 20; i++)
        assert.ok(readFileSync(at(`s${i}`)).equals(readFileSync(at(`t${i}`))), `file ${i}`);
    });

    test('100 transfers and 90 questions', async () => {
      const script = [];
      for (let i = 0; i < 100; i++) script.push(`read ${i} ${at(`s${i % 20}`)} 0 0 ${at(`r${i}`)}`);
      for (let i = 0; i < 90; i++) script.push(`stat ${1000 + i} ${at(`s${i % 20}`)}`);
      const r = await run([...script, 'waitall']);
      assert.equal(Object.values(r.done).filter(({code}) => code === 0).length, 190);
      for (let i = 0; i < 100; i++)
        assert.ok(readFileSync(at(`r${i}`)).equals(readFileSync(at(`s${i % 20}`))));
    });

    test('190 questions at once: those that wait for their turn get it', async () => {
      const script = [];
      for (let i = 0; i < 190; i++) script.push(`lstat ${i} ${dir}`);
      const r = await run([...script, 'waitall']);
      assert.equal(Object.values(r.done).filter(({code}) => code === 0).length, 190);
    });

    test('a reader without credit stops itself alone', async () => {
      const r = await run([
        `read 1 ${at('big')} 0 0 ${at('held')}`, 'hold 1', `waitdata 1 ${MB}`,
        `read 2 ${at('cut')} 0 0 ${at('free')}`, `list 3 ${at('small')}`, 'wait 2', 'wait 3',
        `stat 4 ${at('held')}`, 'wait 4',
        'release 1', 'waitall',
      ]); // prettier-ignore
      assert.ok(Number(r.done[4].attrs.size) <= MB, 'no more than its credit');
      assert.equal(r.done[2].code, 0);
      assert.equal(await fileHash(at('held')), await fileHash(at('big')));
      rmSync(at('held'));
      assert.ok(r.peak < PEAK, `${r.peak} bytes at most`);
    });

    test('ranges, appending, holes, sizes of terabytes', async () => {
      writeFileSync(at('source'), '0123456789');
      closeSync(openSync(at('hole'), 'w'));
      truncateSync(at('hole'), 5e12);
      const r = await run([
        `read 1 ${at('source')} 3 4 ${at('r1')}`, `read 2 ${at('source')} 8 100 ${at('r2')}`,
        `read 3 ${at('source')} 10 0 ${at('r3')}`, `read 4 ${at('source')} 99 5 ${at('r4')}`,
        `write 5 ${at('app')} 0 0 ${CREATE | APPEND} ${at('source')}`, 'wait 5',
        `write 6 ${at('app')} 7 0 ${APPEND} ${at('source')}`, 'wait 6',
        `stat 7 ${at('hole')}`, `read 8 ${at('hole')} 4999999999990 0 ${at('r8')}`,
        `write 9 ${at('source2')} 5 0 ${CREATE} ${at('source')}`, 'waitall',
      ]); // prettier-ignore
      assert.equal(readFileSync(at('r1'), 'utf8'), '3456');
      assert.equal(readFileSync(at('r2'), 'utf8'), '89');
      assert.equal(readFileSync(at('r3'), 'utf8'), '');
      assert.equal(readFileSync(at('r4'), 'utf8'), '');
      assert.equal(readFileSync(at('app'), 'utf8'), '01234567890123456789');
      assert.equal(r.done[6].attrs.size, 20n);
      assert.equal(r.done[7].attrs.size, 5_000_000_000_000n);
      assert.equal(statSync(at('r8')).size, 10);
      assert.equal(readFileSync(at('source2'), 'latin1'), '\0\0\0\0\x0056789');
      rmSync(at('hole'));
    });

    test('files whose size says nothing', {skip: !existsSync('/proc/self/maps')}, async () => {
      const r = await run([`read 1 /proc/self/maps 0 0 ${at('maps')}`, 'waitall']);
      assert.equal(r.attrs[1].size, 0n);
      assert.match(readFileSync(at('maps'), 'latin1'), /\n$/);
    });

    test('what cannot be done is said in a sentence', async () => {
      mkdirSync(at('full'));
      writeFileSync(at('full/x'), '');
      symlinkSync('loop2', at('loop1'));
      symlinkSync('loop1', at('loop2'));
      const r = await run([
        `read 1 ${at('nothere')} 0 0 ${at('r')}`, `mkdir 2 ${at('full')} 755`,
        `rmdir 3 ${at('full')}`, `stat 4 ${at('loop1')}`, `lstat 5 ${at('loop1')}`,
        `write 6 ${at('full/x')} 0 0 ${CREATE | EXCLUSIVE} ${at('source')}`,
        `read 7 ${at('full')} 0 0 ${at('r')}`, `list 8 ${at('source')}`,
        `readlink 9 ${at('source')}`, `write 10 ${at('full')} 0 0 ${CREATE} ${at('source')}`,
        `remove 11 ${at('nothere')}`, `rename 12 ${at('nothere')} ${at('y')} 1`, 'waitall',
      ]); // prettier-ignore
      assert.equal(r.done[1].text, `${at('nothere')} could not be read: there is no such file or directory.`);
      assert.match(r.done[2].text, /full could not be created: .*(there already|file exists)/);
      assert.match(r.done[3].text, /full could not be removed: .*not (be )?empty/);
      assert.match(r.done[4].text, /loop1 could not be looked up: .*(no such file|too many .*links|status)/);
      assert.equal(r.done[5].code, 0);
      assert.match(r.done[6].text, /x could not be opened for writing: .*(there already|file exists)/);
      assert.match(r.done[7].text, /full could not be read: .*directory/);
      assert.match(r.done[8].text, /source could not be listed: /);
      assert.match(r.done[9].text, /source could not be read as a link: /);
      assert.match(r.done[10].text, /full could not be opened for writing: .*directory/);
      assert.equal(r.done[11].code, 2);
      assert.equal(r.done[12].code, 2);
      for (const done of Object.values(r.done)) if (done.code) assert.match(done.text, /\.$/);
    }); // prettier-ignore

    test('permission denied', {skip: process.getuid() !== 0 || !isPipe}, async () => {
      mkdirSync(at('locked'), {mode: 0o700});
      writeFileSync(at('locked/secret'), 'x');
      writeFileSync(at('private'), 'x', {mode: 0o600});
      chmodSync(dir, 0o755);
      const nobody = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups'];
      if (isGo) chmodSync(join(goServer(), '..'), 0o755);
      const r = await drive([...nobody, ...server.command], [
        `read 1 ${at('private')} 0 0 ${at('r')}`, `list 2 ${at('locked')}`,
        `stat 3 ${at('locked/secret')}`, `write 4 ${at('new')} 0 0 8 ${at('source')}`,
        `remove 5 ${at('private')}`, `mkdir 6 ${at('newdir')} 755`,
        `setstat 7 ${at('private')} 4 0 777`, 'waitall',
      ]); // prettier-ignore
      for (const done of Object.values(r.done)) {
        assert.ok(done.code > 0, done.text);
        assert.match(done.text, /(permission denied|not permitted|reports a failure)/);
      }
      assert.equal(r.done[1].text, `${at('private')} could not be read: permission denied.`);
    });

    test('a full disk', {skip: process.getuid() !== 0}, async (t) => {
      mkdirSync(at('disk'));
      try {
        execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', at('disk')], {stdio: 'ignore'});
      } catch {
        t.skip('nothing can be mounted here');
        return;
      }
      try {
        const r = await run([`write 1 ${at('disk/f')} 0 0 8 ${at('big')}`, 'waitall', `stat 2 ${at('disk/f')}`]);
        assert.equal(r.done[1].code, 4);
        assert.match(r.done[1].text, /f could not be written from byte \d+ on: .*(full|no space)/);
        assert.ok(r.done[1].attrs.size <= r.done[2].attrs.size);
        assert.ok(r.done[1].attrs.size > 900_000n);
      } finally {
        execFileSync('umount', [at('disk')]);
      }
    }); // prettier-ignore
  });
}

describe('other servers', () => {
  let dir, at;

  before(() => {
    dir = mkdtempSync(join(tmpdir(), 'meshterm-sftp-'));
    at = (file) => join(dir, file);
    makeFile(at('source'), 5 * MB);
  });
  after(() => rmSync(dir, {recursive: true, force: true}));

  test('files in memory, without posix-rename', async () => {
    const r = await drive([goServer(), '-requests'], [
      `write 1 /a 0 0 ${CREATE} ${at('source')}`, 'wait 1',
      `write 2 /b 0 0 ${CREATE} ${at('source')}`, 'wait 2',
      `rename 3 /a /c 1`, 'wait 3', `list 4 /`,
      `read 5 /c 0 0 ${at('back')}`, 'wait 5', `rename 6 /c /b 0`, 'waitall',
    ]); // prettier-ignore
    for (const request of [1, 2, 3, 4, 5])
      assert.equal(r.done[request].code, 0, r.done[request].text);
    assert.deepEqual(r.entries[4].map((entry) => String(entry.name)).sort(), ['b', 'c']);
    assert.equal(await fileHash(at('back')), await fileHash(at('source')));
    assert.equal(r.done[6].code, 11);
  });

  test('no server at all', async () => {
    const r = await drive(['false'], ['stat 1 /', 'waitall']);
    assert.equal(r.open, false);
    assert.equal(r.error, 'This server offers no SFTP.');
    assert.equal(r.refused[1], -7);
  });

  test('a login script that prints', async () => {
    const r = await drive(['sh', '-c', 'echo Welcome; cat'], ['stat 1 /', 'waitall']);
    assert.match(r.error, /prints text \("Welc\.\.\."\)/);
    assert.equal(r.refused[1], -7);
  });

  describe('over SSH', {skip: opensshMissing() ?? false}, () => {
    async function withServer(lines, body) {
      const server = await startSSH(lines);
      try {
        await body(server.command);
      } finally {
        await server.stop();
      }
    }

    test('an SSH server without SFTP', () =>
      withServer(['Subsystem other internal-sftp'], async (command) => {
        const r = await drive(command, ['stat 1 /', 'waitall']);
        assert.equal(r.open, false);
        assert.equal(r.error, 'This server offers no SFTP.');
        assert.ok(r.refused[1] < 0);
      }));

    test('an SSH server whose sftp-server is not there', () =>
      withServer(['Subsystem sftp /no/such/program'], async (command) => {
        const r = await drive(command, ['stat 1 /', 'waitall']);
        assert.equal(r.error, 'This server offers no SFTP.');
      }));

    test('a key exchange every 2 MB, both ways at once', () =>
      withServer(['RekeyLimit 2M', `Subsystem sftp ${opensshServer}`], async (command) => {
        chmodSync(dir, 0o777);
        makeFile(at('rekeyed'), 60 * MB);
        chmodSync(at('rekeyed'), 0o644);
        const r = await drive(command, [
          `read 1 ${at('rekeyed')} 0 0 ${at('rekeyed-down')}`,
          `write 2 ${at('rekeyed-up')} 0 644 ${CREATE} ${at('rekeyed')}`, 'waitall',
        ]); // prettier-ignore
        assert.equal(r.done[1].code, 0, r.done[1].text);
        assert.equal(r.done[2].code, 0, r.done[2].text);
        const hash = await fileHash(at('rekeyed'));
        assert.equal(await fileHash(at('rekeyed-down')), hash);
        assert.equal(await fileHash(at('rekeyed-up')), hash);
      }));

    test('a connection that breaks ends every request', () =>
      withServer([], async (command) => {
        makeFile(at('broken'), 60 * MB);
        chmodSync(at('broken'), 0o644);
        const r = await drive(command, [
          `read 1 ${at('broken')} 0 0 ${at('part')}`,
          `write 2 ${at('up')} 0 644 ${CREATE} ${at('broken')}`, 'waitdata 1 3000000', 'kill', 'waitall',
        ]); // prettier-ignore
        assert.equal(r.done[1].code, -7);
        assert.equal(r.done[2].code, -7);
        assert.match(r.error, /connection .* broke/);
        assert.equal(r.left, 0);
      }));
  });

  test('the links of a symlink are as given', {skip: !opensshServer}, async () => {
    const r = await drive([opensshServer], [`symlink 1 ${at('l')} /the/target`, 'waitall']);
    assert.equal(r.done[1].code, 0);
    assert.equal(readlinkSync(at('l')), '/the/target');
  });
});
