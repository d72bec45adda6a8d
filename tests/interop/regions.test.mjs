/*
 * Several DERP regions, all of them real:
 *
 *   page ─┬─ 901 ── FaultProxy ── derper        custom ports, from a map file
 *         ├─ 902 ── FaultProxy ── derper
 *         └─ 999 ── /a/prefix ── Headscale's own, where alpha lives at first
 */
import assert from 'node:assert/strict';
import {mkdtemp, rm, writeFile} from 'node:fs/promises';
import http from 'node:http';
import {tmpdir, userInfo} from 'node:os';
import path from 'node:path';
import {after, before, describe, test} from 'node:test';
import {passthrough} from '../../web/server/passthrough.mjs';
import {Derper, derpMap} from '../support/derper.mjs';
import {FaultProxy} from '../support/fault_proxy.mjs';
import {until} from '../support/process.mjs';
import {Testnet} from '../support/testnet.mjs';
import {Shell} from '../support/traffic.mjs';

const PREFIX = '/a/prefix';

/** Passes WebSockets below PREFIX on; counts them. */
async function prefixed(headscaleURL) {
  const server = http.createServer((_, response) => response.writeHead(404).end());
  const pass = passthrough(headscaleURL);
  const served = {count: 0};
  server.on('upgrade', (request, socket, head) => {
    socket.on('error', () => socket.destroy());
    if (!request.url.startsWith(`${PREFIX}/`)) return socket.destroy();
    request.url = request.url.slice(PREFIX.length);
    served.count++;
    pass(request, socket, head);
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  served.url = `http://127.0.0.1:${server.address().port}${PREFIX}/derp`;
  served.close = () => {
    pass.close();
    server.closeAllConnections();
    server.close();
  };
  return served;
}

/** From {901: [what is to be connected to, the server behind it], …}. */
function mapOf(regions) {
  const entries = Object.entries(regions);
  return derpMap(
    Object.fromEntries(entries.map(([id, [{port}, {stunPort}]]) => [id, {port, stunPort}])),
  );
}

describe('several regions', () => {
  let dir, mapFile, near, far, proxies, net, alpha, page, own, shell;

  before(async () => {
    dir = await mkdtemp(path.join(tmpdir(), 'meshterm-regions-'));
    mapFile = path.join(dir, 'derp.yaml');
    [near, far] = [
      await Derper.start(path.join(dir, '1')),
      await Derper.start(path.join(dir, '2')),
    ];
    proxies = {901: await FaultProxy.start(near.port), 902: await FaultProxy.start(far.port)};
    proxies[902].delay(60);
    await writeFile(mapFile, mapOf({901: [proxies[901], near], 902: [proxies[902], far]}));
    net = await Testnet.start({derp: {paths: [mapFile]}});
    own = await prefixed(net.headscale.url);
    alpha = await net.node('alpha', {env: {TS_DEBUG_ALWAYS_USE_DERP: '1'}});
    await alpha.cli('debug', 'force-prefer-derp', '999');
    page = await net.page({
      authKey: await net.headscale.authKey({ephemeral: false}),
      derpURLs: {999: own.url},
    });
  });
  after(async () => {
    clearInterval(shell?.timer);
    await net?.stop();
    await Promise.all([near, far].map((derper) => derper?.stop()));
    own?.close();
    for (const proxy of Object.values(proxies ?? {})) await proxy.close();
    if (dir) await rm(dir, {recursive: true, force: true});
  });

  const region = (id) => page.ipn.status().regions.find((r) => r.id === id);
  const homeIs = (id, timeout = 30_000) =>
    until(
      `home is ${id}, in ${JSON.stringify(page.ipn.status())}`,
      () => page.ipn.status().homeRegion === id && region(id)?.state === 'connected',
      {timeout},
    );
  const alphaLivesIn = (id) =>
    until(`alpha lives in ${id}`, () => page.peer('alpha')?.derpRegion === id);
  async function typing(lines = 5) {
    const {typed} = shell;
    await until('the shell answers', () => {
      assert.equal(shell.problem, undefined);
      return shell.answered >= typed + lines;
    });
  }

  test('home is the nearest, by its time to answer', async () => {
    await homeIs(901);
    await until('both were measured', () => region(901).rttMs >= 0 && region(902).rttMs >= 0);
    const {regions} = page.ipn.status();
    assert.ok(region(902).rttMs >= 120, `its proxy takes that: ${JSON.stringify(regions)}`);
    assert.equal(region(902).state, 'idle');
  });

  test('a peer in another region, behind a prefix: connected when needed', async () => {
    await alphaLivesIn(999);
    const before = own.count;
    const user = userInfo().username;
    shell = await Shell.start({ipn: page.ipn, host: 'alpha', user, everyMs: 100});
    await typing();
    assert.ok(own.count > before, 'the prefix was used');
    assert.equal(region(999).state, 'connected');
    assert.equal(page.ipn.status().homeRegion, 901);
  });

  test('the peer moves to another region under an open shell', async () => {
    await alpha.cli('debug', 'force-prefer-derp', '902');
    await alphaLivesIn(902);
    await typing(20);
  });

  test("home's server dies: another becomes home, peers find us there", async () => {
    proxies[901].down('refuse');
    await near.stop();
    await homeIs(902);
    await typing();
    const pong = await until('alpha reaches the page', async () =>
      /pong from \S+ \(.*\) via DERP\(r902\)/.exec(
        await alpha.cli('ping', '--until-direct=false', '-c', '1', page.netmap.self.addresses[0]),
      ),
    );
    assert.ok(pong);
  });

  test('a region moves to another port, another leaves the map, a new one comes', async () => {
    const moved = await FaultProxy.start(far.port);
    const fresh = await Derper.start(path.join(dir, '3'));
    proxies['902 moved'] = moved;
    const old = proxies[902];
    await writeFile(mapFile, mapOf({902: [moved, far], 903: [fresh, fresh]}));
    await net.headscale.restart();
    old.down('refuse');
    await until('the map is there', () => region(903) && !region(901), {timeout: 60_000});
    await until('902 is reached where it is now', () => moved.open > 0);
    await typing(20);
    assert.equal(region(901), undefined);
    await shell.stop();
    await fresh.stop();
  });
});
