// ipn.sftp through the tunnel: a page of ours, a real Headscale and node, OpenSSH behind the node.
//
//   page --relay--> tailscaled --loopback--> sshd, internal-sftp
import assert from 'node:assert/strict';
import {createHash, randomBytes} from 'node:crypto';
import {chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {after, before, describe, test} from 'node:test';
import {makeAccount, opensshMissing, removeAccount, startOpenSSH} from '../support/ssh_servers.mjs';
import {Testnet} from '../support/testnet.mjs';

const MB = 1 << 20;
const BIG = process.env.MESHTERM_LONG === '1' ? 1024 * MB : 40 * MB;

/** All that the module may ever take. */
const WASM_MEMORY = 24 * MB;

const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex');

describe('files through the tunnel', {skip: opensshMissing() ?? false}, () => {
  let net, node, page, server, user, dir, at, sftp, memory;
  const {instantiate} = WebAssembly;

  before(async () => {
    user = makeAccount();
    server = await startOpenSSH();
    dir = mkdtempSync(join(tmpdir(), 'meshterm-sftp-'));
    chmodSync(dir, 0o777);
    at = (file) => join(dir, file);
    WebAssembly.instantiate = async (...args) => {
      const instance = await instantiate(...args);
      ({memory} = instance.exports);
      return instance;
    };
    net = await Testnet.start();
    node = await net.node('alpha');
    page = await net.page({worker: 'none'});
    sftp = await page.ipn.sftp(node.addresses[0], user, {
      port: server.port,
      verifyHostKey: () => true,
      timeoutSeconds: 20,
    });
  });
  after(async () => {
    WebAssembly.instantiate = instantiate;
    sftp?.close();
    await net?.stop();
    await server?.stop();
    removeAccount(user);
    rmSync(dir, {recursive: true, force: true});
  });

  /** Writes BIG bytes piece by piece and returns their hash. */
  async function upload(path, options) {
    const writer = sftp.write(path, options).getWriter();
    const hash = createHash('sha256');
    const piece = randomBytes(MB);
    for (let sent = 0; sent < BIG; sent += MB) {
      piece.writeUInt32LE(sent / MB);
      hash.update(piece);
      await writer.write(Uint8Array.from(piece));
    }
    await writer.close();
    return hash.digest('hex');
  }

  test(`${BIG / MB} MB up and down, with progress`, async () => {
    let up = 0;
    const hash = await upload(at('big'), {onProgress: () => up++});
    assert.equal(statSync(at('big')).size, BIG);
    let down = 0;
    const got = createHash('sha256');
    for await (const bytes of sftp.read(at('big'), {onProgress: () => down++})) got.update(bytes);
    assert.equal(got.digest('hex'), hash);
    assert.ok(up > 0 && down > 0);
    const {byteLength} = memory.buffer;
    assert.ok(byteLength < WASM_MEMORY, `${byteLength} bytes of wasm memory`);
  });

  test('every operation', async () => {
    await sftp.mkdir(at('d'));
    await sftp.writeFile(at('d/ä'), 'hello');
    assert.equal((await sftp.stat(at('d/ä'))).size, 5);
    await sftp.chmod(at('d/ä'), 0o600);
    await sftp.truncate(at('d/ä'), 3);
    await sftp.symlink('ä', at('d/l'));
    assert.equal(await sftp.readlink(at('d/l')), 'ä');
    assert.equal((await sftp.lstat(at('d/l'))).type, 'symlink');
    await sftp.rename(at('d/ä'), at('d/b'));
    await sftp.writeFile(at('d/c'), 'other');
    await assert.rejects(sftp.rename(at('d/c'), at('d/b')), /that name is taken/);
    await sftp.rename(at('d/c'), at('d/b'), {overwrite: true});
    assert.deepEqual((await sftp.readdir(at('d'))).map(({name}) => name).sort(), ['b', 'l']);
    assert.equal(String(Buffer.from(await sftp.readFile(at('d/b')))), 'other');
    assert.equal(await sftp.realpath(at('d/../d')), at('d'));
    await sftp.remove(at('d/b'));
    await sftp.remove(at('d/l'));
    await sftp.rmdir(at('d'));
    await assert.rejects(sftp.stat(at('d')), /there is no such file or directory/);
  });

  test('200 questions and 20 files at once', async () => {
    const files = Array.from({length: 20}, (_, i) => [at(`f${i}`), randomBytes(1 + i * 9000)]);
    await Promise.all(files.map(([path, bytes]) => sftp.writeFile(path, bytes)));
    const stats = Array.from({length: 200}, (_, i) => sftp.stat(files[i % 20][0]));
    for (const [i, {size}] of (await Promise.all(stats)).entries())
      assert.equal(size, files[i % 20][1].length);
    const back = await Promise.all(files.map(([path]) => sftp.readFile(path)));
    for (const [i, bytes] of back.entries()) assert.equal(sha256(bytes), sha256(files[i][1]));
  });

  test('a part, a cancelled one, a reader that stops', async () => {
    const part = await sftp.readFile(at('big'), {offset: 5 * MB + 1, length: 100});
    assert.deepEqual(Buffer.from(part), readFileSync(at('big')).subarray(5 * MB + 1, 5 * MB + 101));
    const reader = sftp.read(at('big')).getReader();
    await reader.read(); // and no more for now
    assert.equal((await sftp.stat(at('big'))).size, BIG);
    await reader.cancel();
    const abort = new AbortController();
    const stopped = sftp.readFile(at('big'), {signal: abort.signal});
    abort.abort();
    await assert.rejects(stopped, {name: 'AbortError'});
    writeFileSync(at('after'), 'x');
    assert.equal((await sftp.readFile(at('after'))).length, 1);
  });

  test('what cannot be done is said in a sentence', async () => {
    writeFileSync(at('secret'), 'x', {mode: 0o600});
    await assert.rejects(sftp.readFile(at('secret')), {
      message: `${at('secret')} could not be read: permission denied.`,
      status: 3,
    });
    await assert.rejects(sftp.writeFile('/nowhere/x', 'x'), /there is no such file or directory/);
  });
});
