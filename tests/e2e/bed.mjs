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
import {mkdtemp, readFile, rm, writeFile} from 'node:fs/promises';
import {createServer} from 'node:http';
import {tmpdir} from 'node:os';
import path from 'node:path';
import {door} from '../support/door.mjs';
import {checkPolicy} from '../support/headscale.mjs';
import {freePort, run} from '../support/process.mjs';
import {
  authorizeKey,
  expirePassword,
  makeAccount,
  makeKey,
  startGoServer,
  startServers,
} from '../support/ssh_servers.mjs';
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

/** Runs ssh-keygen on a file with that text; resolves with what it prints, or with the file. */
async function keygen(text, args, isChanged) {
  const dir = await mkdtemp(path.join(tmpdir(), 'meshterm-deed-'));
  try {
    const file = path.join(dir, 'file');
    await writeFile(file, `${text.trim()}\n`);
    const said = await run('ssh-keygen', [...args, '-f', file]);
    return isChanged ? await readFile(file, 'utf8') : said;
  } finally {
    await rm(dir, {recursive: true, force: true});
  }
}

function deedsOf(net, servers, way, ends) {
  return {
    /** Resets every connection that goes through env.doorURL, and the next `refused` ones. */
    cut(refused = 0) {
      way.refuse = refused;
      way.cut();
    },
    /** All nodes of the tailnet, as {id, name}. */
    async nodes() {
      const all = await net.headscale.nodes();
      return all.map(({id, given_name, givenName}) => ({id, name: given_name ?? givenName}));
    },
    authKey: () => net.headscale.authKey(),
    approve: (id) => net.headscale.approve(id),
    reject: (id) => net.headscale.reject(id),
    /** What a server of the bed has logged. */
    log: (name) => servers[name].log(),
    /** See makeKey in ssh_accounts.mjs. */
    makeKey: (options) => makeKey(options),
    /** Lets the account in with one more key. */
    authorize: (publicKey) => authorizeKey(servers.account, publicKey),
    /** An account with the password of the bed, which has to be changed. */
    expiredAccount() {
      const account = makeAccount({password: servers.password});
      expirePassword(account);
      return account;
    },
    /** "type base64" as ssh-keygen draws it. */
    async randomart(publicKey) {
      const said = await keygen(publicKey, ['-lv']);
      return said.slice(said.indexOf('\n') + 1);
    },
    hashKnownHosts: (text) => keygen(text, ['-H'], true),
    /** A port on which sshd-go is there after a while. */
    async lateServer(ms) {
      const port = await freePort();
      const timer = setTimeout(async () => {
        const server = await startGoServer(['-port', String(port)]);
        ends.push(() => server.stop());
      }, ms);
      ends.push(() => clearTimeout(timer));
      return port;
    },
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
    const silent = await tcpServer((socket) => socket.resume());
    const http = await httpServer();
    const way = await door(net.headscale.port);
    for (const server of [echo, silent, http, way]) ends.push(() => server.close());
    await net.node('alpha', {accounts: true});
    await net.node('old', {accounts: true, release: 'tailscale-1.80'});
    await net.node('check', {tags: ['tag:check']});
    const {publicKey: controlKey} = await (await fetch(`${net.headscale.url}/key?v=113`)).json();
    const {account, password, key, openssh, both, pam, dropbear, go} = servers;
    const named = {openssh, both, pam, dropbear, go};
    const env = {
      isLong: Boolean(process.env.MESHTERM_LONG),
      controlURL: net.headscale.url,
      doorURL: `http://127.0.0.1:${way.port}`, // to the same Headscale, and may be cut
      controlKey,
      account, // for Tailscale SSH and for the SSH servers behind alpha
      password,
      key,
      ports: map({...named, echo, silent, http}, ({port}) => port),
      pins: map(named, ({pins}) => pins[0]),
    };
    return {env, deeds: deedsOf(net, servers, way, ends), stop: end};
  } catch (error) {
    await end();
    throw error;
  }
}

function map(object, fn) {
  return Object.fromEntries(Object.entries(object).map(([name, value]) => [name, fn(value)]));
}
