// A real Headscale of our own on loopback: sqlite, embedded DERP, one user, everything in one
// folder that is gone afterwards.
import {mkdir, writeFile} from 'node:fs/promises';
import {userInfo} from 'node:os';
import path from 'node:path';
import {Daemon, freePort, run, until} from './process.mjs';

/** Members may open shells on their own machines, as the accounts named. */
export function defaultPolicy(accounts, {legacy = false} = {}) {
  return {
    acls: [{action: 'accept', src: ['*'], dst: ['*:*']}],
    ssh: [
      {
        action: 'accept',
        src: ['autogroup:member'],
        dst: ['autogroup:self'],
        users: accounts,
        ...(legacy ? {} : {acceptEnv: ['LANG', 'LC_*', 'COLORTERM']}),
      },
    ],
    // Without it a node takes no environment at all; 0.28 knows neither.
    ...(legacy ? {} : {nodeAttrs: [{target: ['*'], attr: ['ssh-env-vars']}]}),
  };
}

/**
 * As the default, and nodes with tag:check ask a person at every login, those with tag:hour once
 * in an hour: authIdIn() finds what approve() and reject() want in the banner.
 */
export function checkPolicy(accounts) {
  const policy = defaultPolicy(accounts);
  const check = (tag, checkPeriod) => {
    const from = {src: ['autogroup:member'], dst: [tag], users: accounts};
    policy.ssh.push({action: 'check', checkPeriod, ...from});
  };
  check('tag:check', 'always');
  check('tag:hour', '1h');
  return {...policy, tagOwners: {'tag:check': ['demo@'], 'tag:hour': ['demo@']}};
}

/** What a login that waits for a person is called, from the address in its banner. */
export function authIdIn(banner) {
  return /\/auth\/([\w-]+)/.exec(banner)?.[1];
}

function configText({dir, url, port, ports, policyFile, derp, nodeExpiry, legacy}) {
  const [grpcPort, metricsPort, stunPort] = ports;
  return JSON.stringify(
    {
      server_url: url,
      listen_addr: `127.0.0.1:${port}`,
      metrics_listen_addr: `127.0.0.1:${metricsPort}`,
      grpc_listen_addr: `127.0.0.1:${grpcPort}`,
      grpc_allow_insecure: true,
      noise: {private_key_path: path.join(dir, 'noise.key')},
      prefixes: {v4: '100.64.0.0/10', v6: 'fd7a:115c:a1e0::/48', allocation: 'sequential'},
      derp: {
        server: {
          enabled: true,
          region_id: 999,
          region_code: 'local',
          region_name: 'Local',
          verify_clients: true,
          stun_listen_addr: `127.0.0.1:${stunPort}`,
          private_key_path: path.join(dir, 'derp.key'),
          automatically_add_embedded_derp_region: true,
        },
        urls: [],
        paths: derp?.paths ?? [],
        auto_update_enabled: false,
      },
      disable_check_updates: true,
      // 0.29's name, then 0.28's; each warns of the other's at most.
      node: {expiry: nodeExpiry, ephemeral: {inactivity_timeout: '70s'}},
      ...(legacy ? {ephemeral_node_inactivity_timeout: '70s'} : {}),
      database: {type: 'sqlite', sqlite: {path: path.join(dir, 'db.sqlite')}},
      log: {level: 'info', format: 'text'},
      policy: {mode: 'file', path: policyFile},
      dns: {
        magic_dns: true,
        base_domain: 'tail.test',
        override_local_dns: false,
        nameservers: {global: []},
      },
      unix_socket: path.join(dir, 'headscale.sock'),
      unix_socket_permission: '0700',
      logtail: {enabled: false},
    },
    null,
    1,
  );
}

export class Headscale {
  /**
   * url: where it is reached, if that is not where it listens. nodeExpiry: how long the keys of nodes
   * without tags last, "20s"; 0.28 knows it not.
   * @param {{binary: string, dir: string, port?: number, url?: string, policy?: object,
   *   accounts?: string[], nodeExpiry?: string}} o
   */
  static async start(o) {
    const hs = new Headscale();
    hs.binary = o.binary;
    hs.dir = o.dir;
    hs.legacy = (await run(o.binary, ['version'])).includes('0.28');
    hs.port = o.port ?? (await freePort());
    hs.url = o.url ?? `http://127.0.0.1:${hs.port}`;
    await mkdir(o.dir, {recursive: true, mode: 0o700});
    hs.policyFile = path.join(o.dir, 'policy.json');
    hs.configFile = path.join(o.dir, 'config.yaml'); // JSON is YAML
    hs.logFile = path.join(o.dir, 'headscale.log');
    hs.policy = o.policy ?? defaultPolicy(o.accounts ?? [userInfo().username], hs);
    await writeFile(hs.policyFile, JSON.stringify(hs.policy));
    hs.derp = o.derp;
    hs.nodeExpiry = o.nodeExpiry;
    hs.ports = [await freePort(), await freePort(), await freePort()];
    await writeFile(hs.configFile, configText(hs));
    await hs.launch();
    await hs.cli('users', 'create', 'demo');
    const users = await hs.json('users', 'list');
    hs.userId = String(users.find((u) => u.name === 'demo').id);
    return hs;
  }

  async launch() {
    this.daemon = new Daemon('headscale', this.binary, ['serve', '-c', this.configFile], {
      logFile: this.logFile,
    });
    await until('Headscale answers', async () => {
      if (!this.daemon.running) throw new Error(`it ended; see ${this.logFile}`);
      return (await fetch(`${this.url}/health`)).ok;
    });
  }

  async stop() {
    await this.daemon.stop();
  }

  async restart() {
    await this.stop();
    await this.launch();
  }

  /** Another release on the same database, or another port for it. */
  async become({binary = this.binary, port = this.port}) {
    await this.stop();
    Object.assign(this, {binary, port});
    this.legacy = (await run(binary, ['version'])).includes('0.28');
    await writeFile(this.configFile, configText(this));
    await this.launch();
  }

  cli(...args) {
    return run(this.binary, ['-c', this.configFile, ...args]);
  }

  async json(...args) {
    const text = await this.cli(...args, '-o', 'json');
    return JSON.parse(text.slice(text.search(/[[{]|null/))) ?? [];
  }

  /** A key that lets a node join: ephemeral and for one use unless asked otherwise. */
  async authKey({ephemeral = true, reusable = false, expiration = '10m', tags} = {}) {
    const args = ['preauthkeys', 'create', '-u', this.userId, '-e', expiration];
    if (ephemeral) args.push('--ephemeral');
    if (reusable) args.push('--reusable');
    if (tags) args.push('--tags', tags.join(','));
    return (await this.json(...args)).key;
  }

  /** A key for the HTTP API, as the hub's server needs one. */
  async apiKey() {
    return (await this.cli('apikeys', 'create', '-e', '1d')).trim().split('\n').pop();
  }

  nodes() {
    return this.json('nodes', 'list');
  }

  /** Lets a node in whose login page ends in that id. */
  register(id) {
    const words = this.legacy ? ['nodes', 'register', '--key'] : ['auth', 'register', '--auth-id'];
    return this.cli(...words, id, '--user', 'demo');
  }

  /** Lets a login in that waits for a person. */
  approve(authId) {
    return this.cli('auth', 'approve', '--auth-id', authId);
  }

  reject(authId) {
    return this.cli('auth', 'reject', '--auth-id', authId);
  }

  async setPolicy(policy) {
    await writeFile(this.policyFile, JSON.stringify(policy));
    this.daemon.child.kill('SIGHUP');
  }
}
