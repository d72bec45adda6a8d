// What bad input gets: its own message within the timeout, then the end; never a hang.
import assert from 'node:assert/strict';
import {createServer} from 'node:http';
import {userInfo} from 'node:os';
import {after, before, describe, test} from 'node:test';
import {Page, Testnet} from '../support/testnet.mjs';
import {freePort, until} from '../support/process.mjs';

const user = userInfo().username;

/** Exactly one error, and then the end. */
function refused(said, pattern) {
  assert.equal(said.errors.length, 1, JSON.stringify(said.errors));
  assert.match(said.errors[0], pattern);
  assert.ok(said.errors[0].endsWith('\r\n'));
}

async function listen(handler) {
  const server = createServer(handler);
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {url: `http://127.0.0.1:${server.address().port}`, close: () => server.close()};
}

describe('joining', () => {
  let net;
  before(async () => (net = await Testnet.start()));
  after(() => net?.stop());

  const join = (config) => net.page(config, {joined: false});

  test('a wrong key', async () => {
    const page = await join({authKey: 'hskey-auth-nonsense'});
    const problem = await page.problem('auth-key-invalid');
    assert.equal(problem.retrying, false);
    await until('NeedsLogin', () => page.states.at(-1) === 'NeedsLogin');
  });

  test('an expired key', async () => {
    const authKey = await net.headscale.authKey({expiration: '1s'});
    await new Promise((resolve) => setTimeout(resolve, 1500));
    await (await join({authKey})).problem('auth-key-expired');
  });

  test('a used key', async () => {
    const authKey = await net.headscale.authKey();
    await net.page({authKey, hostname: 'first'});
    await (await join({authKey, hostname: 'second'})).problem('auth-key-used');
  });

  test('a control key that is not the server’s', async () => {
    const page = await join({controlKey: `mkey:${'42'.repeat(32)}`});
    await page.problem('control-key-mismatch');
  });

  test('nobody listens', async () => {
    const page = await join({controlURL: `http://127.0.0.1:${await freePort()}`});
    const problem = await page.problem('control-unreachable');
    assert.equal(problem.retrying, true);
  });

  test('a server that is no Headscale', async () => {
    const server = await listen((_, response) => response.end('hello'));
    await (await join({controlURL: server.url})).problem('control-protocol');
    server.close();
  });

  test('a web page in its place: said in words, without its markup', async () => {
    for (const [status, code] of [
      [404, 'control-protocol'],
      [200, 'control-protocol'],
      [502, 'control-unreachable'],
    ]) {
      const server = await listen((_, response) => {
        response.writeHead(status, {'content-type': 'text/html'});
        response.end('\n<!doctype html><title>Not here</title><p>Nothing to see.</p>'.repeat(9));
      });
      const {message} = await (await join({controlURL: server.url})).problem(code);
      assert.ok(message.startsWith(`${server.url} `), message);
      assert.match(message, new RegExp(`HTTP ${status} with a web page`));
      assert.doesNotMatch(message, /[<>]|Nothing/);
      assert.ok(message.length < 160, message);
      server.close();
    }
  });

  test('a Headscale that answers the WebSocket with 405, as 0.29.0 and 0.29.1 do', async () => {
    const key = await (await fetch(`${net.headscale.url}/key?v=113`)).text();
    const server = await listen((request, response) => {
      if (request.url.startsWith('/key')) return response.end(key);
      response.writeHead(405).end();
    });
    const page = await join({controlURL: server.url});
    const problem = await page.problem('control-websocket-refused');
    assert.match(problem.message, /0\.29\.2/);
    server.close();
  });

  test('a Headscale that finds us too old', async () => {
    const server = await listen((_, response) => {
      response.writeHead(400).end('unsupported client version: Noise 113 (need 200)\n');
    });
    await (await join({controlURL: server.url})).problem('control-version');
    server.close();
  });

  test('an address that is none is refused by createIPN', async () => {
    await assert.rejects(new Page().start({controlURL: 'ftp://x'}), /http/);
    await assert.rejects(new Page().start({controlURL: net.headscale.url, controlKey: 'x'}), {
      message: /mkey:/,
    });
  });
});

describe('sessions', () => {
  let net, page;
  const policy = {
    acls: [
      {action: 'accept', src: ['demo@'], dst: ['demo@:22', 'demo@:7']},
      {action: 'accept', src: ['demo@'], dst: ['tag:box:22']},
    ],
    tagOwners: {'tag:box': ['demo@']},
    ssh: [{action: 'accept', src: ['autogroup:member'], dst: ['autogroup:self'], users: [user]}],
  };
  before(async () => {
    net = await Testnet.start({policy});
    await net.node('alpha');
    await net.node('plain', {ssh: false});
    page = await net.page();
  });
  after(() => net?.stop());

  test('an unknown host', async () => {
    refused(await page.ssh('nobody', user), /no node called "nobody"/);
  });

  test('an address outside the tailnet', async () => {
    refused(await page.ssh('192.0.2.1', user), /routes to 192\.0\.2\.1/);
  });

  test('a user whom the policy does not let in', async () => {
    const said = await page.ssh('alpha', 'games');
    refused(said, /games/);
    assert.ok(said.banners.join('').length > 0);
  });

  test('a node where nothing listens on port 22', async () => {
    refused(await page.ssh('plain', user), /refused the connection to port 22/);
  });

  test('a port that the policy closes', async () => {
    refused(await page.ssh('alpha', user, {port: 2222}), /policy/);
  });

  test('a node that is offline', async () => {
    const gamma = await net.node('gamma');
    await until('gamma is there', () => page.peer('gamma')?.online === true);
    await gamma.stop();
    await until('gamma is offline', () => page.peer('gamma')?.online === false);
    const began = Date.now();
    refused(await page.ssh('gamma', user), /offline/);
    assert.ok(Date.now() - began < 15_000);
  });

  test('cancelled while connecting', async () => {
    const said = await page.ssh('gamma', user, {
      timeoutSeconds: 60,
      onStart: (session) => assert.equal(session.close(), true),
    });
    assert.deepEqual(said.errors, []);
    assert.equal(said.connected, false);
  });

  test('the relay dies for good in mid-session, the page is told', async () => {
    const other = await net.page({hostname: 'lonely'});
    await net.headscale.stop();
    await other.problem('relay-unreachable');
    await other.problem('control-lost');
    await net.headscale.launch();
    await until('the page is online again', () => other.ipn.ping('alpha').then(() => true));
  });
});
