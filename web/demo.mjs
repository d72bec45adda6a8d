// npm run demo: a tailnet of its own on this machine (Headscale, one node with Tailscale SSH) and
// the hub page; or, with --headscale, the hub page for a Headscale there is. Ctrl-C ends all of it.
import {mkdtemp, readFile, rm} from 'node:fs/promises';
import {createServer} from 'node:net';
import {hostname, tmpdir, userInfo} from 'node:os';
import path from 'node:path';
import {fileURLToPath} from 'node:url';
import {parseArgs} from 'node:util';
import {Children} from './server/children.mjs';

const USAGE = `npm run demo [-- OPTION ...]

Without options: starts Headscale and one node with Tailscale SSH on this machine, and serves a page
in whose terminals you are on that node. Nothing listens but on 127.0.0.1; only the account that
starts it is let in. Ctrl-C ends all of it.

  --headscale URL    use this Headscale (0.28, or 0.29.2 and newer) instead of starting one
  --api-key KEY      its API key (headscale apikeys create); or in HEADSCALE_API_KEY
  --user NAME        whose nodes the visitors of the page become; needed if it has several users
  --ssh-user NAME    the account to open shells as; without it the page asks
  --port N           where to serve the page; without it any free port
  --no-build         serve what npm run build has made, without looking whether it is up to date
  --help, -h         this text
`;

/** A reason to stop that is told without a stack trace. */
class DemoError extends Error {}

const OPTIONS = {
  headscale: {type: 'string'},
  'api-key': {type: 'string'},
  user: {type: 'string'},
  'ssh-user': {type: 'string'},
  port: {type: 'string'},
  'no-build': {type: 'boolean'},
  help: {type: 'boolean', short: 'h'},
};

function parse(args) {
  let values;
  try {
    ({values} = parseArgs({args, options: OPTIONS}));
  } catch (error) {
    throw new DemoError(`${error.message.split('. ')[0]}.\n\n${USAGE}`);
  }
  const wrong = (text) => new DemoError(`${text}\n\n${USAGE}`);
  const port = values.port === undefined ? 0 : Number(values.port);
  if (!Number.isInteger(port) || port < 0 || port > 65535)
    throw wrong(`--port ${values.port} is not a port.`);
  const apiKey = values['api-key'] ?? process.env.HEADSCALE_API_KEY;
  if (values.headscale === undefined) {
    for (const name of ['api-key', 'user'])
      if (values[name]) throw wrong(`--${name} goes with --headscale.`);
  } else {
    if (!/^https?:\/\/[^/\s]+/.test(values.headscale) || !URL.canParse(values.headscale))
      throw wrong(`--headscale ${values.headscale} is not an http or https address.`);
    if (!apiKey) throw wrong('--headscale needs --api-key (headscale apikeys create).');
  }
  return {...values, port, apiKey, sshUser: values['ssh-user'], prepared: values['no-build']};
}

/** What was started, ended in the opposite order. */
class Running {
  constructor() {
    this.ends = [];
    /** Settles when a part of it died by itself. */
    this.died = new Promise((resolve) => (this.tellDied = resolve));
  }

  /** What ends a part; at once if all is being ended. */
  add(end) {
    if (this.stopping) void end().catch(() => {});
    else this.ends.unshift(end);
  }

  /** A daemon that ends before it is told to ends the demo, with its last words. */
  watch(name, peer) {
    const {daemon, logFile} = peer;
    this.add(() => (peer.stop ? peer.stop() : daemon.stop())); // it may have been launched again
    void daemon.ended.then(async ({code, signal, error}) => {
      await new Promise((resolve) => setTimeout(resolve, 300)); // Ctrl-C reaches us both
      if (this.stopping) return;
      const how = error?.message ?? signal ?? `exit ${code}`;
      this.tellDied(`${name} ended by itself (${how}).${await lastWords(logFile)}`);
    });
  }

  stop() {
    this.stopping ??= (async () => {
      for (const end of this.ends)
        await end().catch((error) => process.stderr.write(`  ${error.message}\n`));
    })();
    return this.stopping;
  }
}

async function lastWords(logFile) {
  const lines = (await readFile(logFile, 'utf8').catch(() => '')).trim().split('\n').slice(-8);
  return lines[0] ? ` Its last words:\n  ${lines.join('\n  ')}` : '';
}

async function portIn(promise, port) {
  try {
    return await promise;
  } catch (error) {
    if (error.code === 'EACCES')
      throw new DemoError(`Port ${port} is not allowed to this account.`);
    if (error.code !== 'EADDRINUSE') throw error;
    throw new DemoError(`Port ${port} is taken: choose another with --port, or none for any.`);
  }
}

/** Told before what takes minutes; it may still be taken in the meantime. */
async function needPort(port) {
  const server = createServer();
  const listening = new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  });
  await portIn(listening, port);
  await new Promise((resolve) => server.close(resolve));
}

/** This machine's own short name, as far as it does for a DNS label. */
function nodeName() {
  const label = hostname().split('.')[0].toLowerCase();
  return (
    label
      .replace(/[^a-z0-9-]+/g, '-')
      .replace(/^-+|-+$/g, '')
      .slice(0, 40) || 'node'
  );
}

async function startHeadscale(binaries, dir, account) {
  const {Headscale} = await import('../tests/support/headscale.mjs');
  const binary = path.join(binaries, 'headscale');
  return Headscale.start({binary, dir, accounts: [account]});
}

async function startNode(binaries, dir, headscale) {
  const {Node} = await import('../tests/support/node.mjs');
  const authKey = await headscale.authKey({ephemeral: false});
  return Node.start({
    binaries,
    dir,
    hostname: nodeName(),
    loginServer: headscale.url,
    authKey,
  });
}

/** Does a step; if it fails nothing that it started is left, and what was logged is told. */
async function step(name, logFile, start) {
  const children = new Children();
  try {
    return await start();
  } catch (error) {
    await children.end();
    throw new DemoError(`${name} did not start: ${error.message}${await lastWords(logFile)}`);
  } finally {
    children.release();
  }
}

async function startTailnet(running, say, account) {
  const {peers} = await import('../tests/support/peers.mjs');
  const bin = await peers('headscale', 'tailscale');
  const dir = await mkdtemp(path.join(tmpdir(), 'meshterm-demo-'));
  const [hsDir, nodeDir] = [path.join(dir, 'headscale'), path.join(dir, 'node')];
  running.add(() => rm(dir, {recursive: true, force: true, maxRetries: 3}));

  say('starting Headscale');
  const headscale = await step('Headscale', path.join(hsDir, 'headscale.log'), () =>
    startHeadscale(bin.headscale, hsDir, account),
  );
  running.watch('Headscale', headscale);
  say(`starting the node ${nodeName()}, with Tailscale SSH for ${account} only`);
  const node = await step('tailscaled', path.join(nodeDir, 'tailscaled.log'), () =>
    startNode(bin.tailscale, nodeDir, headscale),
  );
  running.watch('tailscaled', node);
  return {headscale, node};
}

/**
 * @param {{headscale?: string, apiKey?: string, user?: string, sshUser?: string, port?: number,
 *   say?: (text: string) => void, prepared?: boolean}} options
 *   prepared: js/dist is built and the machine set up already
 * @returns {Promise<{url: string, hub: object, headscale?: object, node?: object,
 *   died: Promise<string>, stop: () => Promise<void>}>}
 */
export async function startDemo(options = {}, running = new Running()) {
  const setup = await import('../tests/support/setup.mjs');
  const say = options.say ?? setup.say;
  if (options.port) await needPort(options.port);
  if (!options.prepared) {
    const {buildPackage} = await import('../tests/support/build.mjs');
    await buildPackage(await setup.setup(options.headscale ? 'build' : 'demo'));
  }
  const {buildHub} = await import('./build.mjs');
  const dist = await buildHub({say: () => {}});
  say('web/dist is built');
  const {startHub} = await import('./server/hub.mjs');

  try {
    const account = options.sshUser ?? userInfo().username;
    const tailnet = options.headscale ? undefined : await startTailnet(running, say, account);
    const remote = options.headscale && new URL(options.headscale);
    const hub = await portIn(
      startHub({
        headscale: tailnet?.headscale.url ?? options.headscale,
        apiKey: tailnet ? await tailnet.headscale.apiKey() : options.apiKey,
        user: options.user,
        sshUser: tailnet ? account : options.sshUser,
        tailnet: remote ? remote.hostname : 'demo tailnet',
        // Its map may name relays anywhere; ours has one, which is passed through.
        connect: remote ? ['https:', 'wss:', ...(remote.protocol === 'http:' ? ['ws:'] : [])] : [],
        port: options.port,
        dist,
      }),
      options.port,
    );
    running.add(() => hub.close());
    const stop = () => running.stop();
    return {url: hub.url, hub, ...tailnet, died: running.died, stop};
  } catch (error) {
    await running.stop();
    throw error;
  }
}

/** Resolves with why to stop. */
function asked() {
  return new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => resolve(signal));
  });
}

/**
 * Ends what a demo that is still being set up has started; what it goes on to start is ended at
 * once. Ctrl-C may come at any moment.
 */
async function abandon(running, children) {
  await children.end();
  await running.stop();
  await new Promise((resolve) => setTimeout(resolve, 100)); // for what was on its way
  await children.end();
}

async function main() {
  const options = parse(process.argv.slice(2));
  if (options.help) return void process.stdout.write(USAGE);
  const children = new Children();
  const stopAsked = asked();
  const running = new Running();
  const started = startDemo(options, running);
  const demo = await Promise.race([started, stopAsked]);
  if (typeof demo === 'string') {
    process.stdout.write('\nstopping\n');
    started.catch(() => {});
    await abandon(running, children);
    process.exit(130);
  }
  process.stdout.write(`\n  ${demo.url}\n\nOpen it in a browser. Ctrl-C ends everything.\n`);
  const died = await Promise.race([demo.died, stopAsked.then(() => undefined)]);
  if (died) process.stderr.write(`\n${died}\n`);
  process.stdout.write('\nstopping\n');
  await demo.stop();
  await children.end();
  process.exit(died ? 1 : 0);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  try {
    await main();
  } catch (error) {
    const known = ['DemoError', 'SetupError', 'HeadscaleError'].includes(error.constructor.name);
    process.stderr.write(`${known ? error.message : error.stack}\n`);
    process.exit(1);
  }
}
