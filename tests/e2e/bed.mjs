/*
 * What the cases of tests/e2e/cases are run against, all of it real:
 *
 *   the client ── Headscale 0.29 (control, DERP) ─┬─ alpha   tailscaled 1.102.5, Tailscale SSH; its
 *                                                 │          loopback: OpenSSH, Dropbear, sshd-go,
 *                                                 │          an echo server, an HTTP server
 *                                                 ├─ old     tailscaled 1.80.3, Tailscale SSH
 *                                                 └─ check   Tailscale SSH that asks a person
 *
 * `env` is what a case has to know, as JSON. `deeds` is what the world does for a case: functions
 * of JSON, which a page calls over HTTP.
 */
import {createServer} from 'node:http';
import {checkPolicy} from '../support/headscale.mjs';
import {startServers} from '../support/ssh_servers.mjs';
import {Testnet, tcpServer} from '../support/testnet.mjs';

async function httpServer() {
  const server = createServer((request, response) => {
    response.writeHead(201, {'x-method': request.method});
    request.pipe(response);
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: server.address().port,
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
}

function deedsOf(net, servers) {
  return {
    authKey: () => net.headscale.authKey(),
    approve: (id) => net.headscale.approve(id),
    reject: (id) => net.headscale.reject(id),
    log: (name) => servers[name].log(),
  };
}

export async function startBed() {
  const ends = [];
  const end = async () => {
    for (const stop of ends.reverse()) await stop();
  };
  try {
    const servers = await startServers();
    ends.push(() => servers.stop());
    const net = await Testnet.start({policy: checkPolicy([servers.account])});
    ends.push(() => net.stop());
    const echo = await tcpServer((socket) => socket.pipe(socket));
    const http = await httpServer();
    ends.push(
      () => echo.close(),
      () => http.close(),
    );
    await net.node('alpha');
    await net.node('old', {release: 'tailscale-1.80'});
    await net.node('check', {tags: ['tag:check']});
    const {publicKey: controlKey} = await (await fetch(`${net.headscale.url}/key?v=113`)).json();
    const {account, password, key} = servers;
    const {openssh, both, pam, dropbear, go} = servers;
    const named = {openssh, both, pam, dropbear, go};
    const port = (server) => server.port;
    const env = {
      isLong: Boolean(process.env.MESHTERM_LONG),
      controlURL: net.headscale.url,
      controlKey,
      account, // for Tailscale SSH and for the SSH servers behind alpha
      password,
      key,
      ports: {...map(named, port), echo: echo.port, http: http.port},
      pins: map(named, ({pins}) => pins[0]),
    };
    return {env, deeds: deedsOf(net, named), stop: end};
  } catch (error) {
    await end();
    throw error;
  }
}

function map(object, fn) {
  return Object.fromEntries(Object.entries(object).map(([name, value]) => [name, fn(value)]));
}
